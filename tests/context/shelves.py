"""Indexes to look into."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from habitus_server.index import Finder, Shelf, Stamp, words_of


def fill(path: Path, files: Mapping[str, str]) -> None:
    """An index of Python files."""
    shelf = Shelf(path)
    for name, text in files.items():
        shelf.put(name, Stamp(1, len(text)), text, "python")
    shelf.close()


def paths(finder: Finder, text: str, but: str = "") -> list[str]:
    """The files of what is found by a text's words, best first."""
    return [found.path for found in finder.find(words_of(text), but)]
