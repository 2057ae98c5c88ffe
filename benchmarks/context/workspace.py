"""The workspace of a moment, as its index sees it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from habitus_server.index import Shelf, Stamp


class Workspace:
    """The files of a moment, and their index, brought up to date file by file."""

    def __init__(self, index: Path) -> None:
        self._shelf = Shelf(index)
        self._kept: dict[str, str] = {}

    def read(self, path: str) -> str | None:
        """A file's text."""
        return self._kept.get(path)

    def follow(self, files: Mapping[str, str]) -> None:
        """Take in what was written since the last moment."""
        with self._shelf.batch():
            self._shelf.drop(self._kept.keys() - files.keys())
            for path, text in files.items():
                if self._kept.get(path) != text:
                    self._shelf.put(path, Stamp(0, len(text)), text, "python")
        self._kept = dict(files)
