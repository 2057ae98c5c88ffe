"""The texts of one workspace, as they may leave their files.

Promises that whatever it hands out is allowed by the workspace's rules, is text, is
small enough, and holds no recognised secret. Everything here may block: call it off
the event loop.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from habitus_server.config import Config
from habitus_server.privacy import PRIVATE_FOLDERS, Rules, redact, why_not_text
from habitus_server.text import Buffer

CACHED_FILES = 256
CACHED_PIECES = 64

PIECE_CHARS = 32_768
"""A regular expression holds the interpreter's lock to its end, so texts go in pieces."""

_OUTER_LINE = re.compile(r"\n(?=\S)")

PROBE_NAME = "_"
"""A harmless file name: a folder is worth entering when this would be allowed in it."""


class _Read(msgspec.Struct, frozen=True):
    """A file's text as it was at a moment of change."""

    modified_ns: int
    size: int
    text: str | None


class Library:
    """What may be read, remembered and stored of one root."""

    def __init__(self, root: Path, config: Config, *, is_inside: bool) -> None:
        self._root = root
        self._max_bytes = config.completion.max_file_bytes
        self._is_inside = is_inside
        # Documents that are not files have no folder, and no rules but their text's.
        self._rules = Rules(root, config.privacy) if root.parts else None
        self._cache: dict[str, _Read] = {}
        self._pieces: dict[str, str] = {}

    def why_silent(self, path: str, language: str = "") -> str:
        """Why a document gets no suggestions, as a sentence, or ""."""
        return "" if self._rules is None else self._rules.why_not(path, language)

    def why_not_stored(self, path: str, language: str = "") -> str:
        """Why nothing of a document is stored, as a sentence, or ""."""
        return self.why_silent(path, language)

    def clean(self, path: str, buffer: Buffer) -> str | None:
        """An open document's text as it may be remembered, or None."""
        if len(buffer) > self._max_bytes or self.why_silent(path):
            return None
        return self._redacted(buffer.text)

    def clean_text(self, path: str, text: str) -> str | None:
        """A text that a file had once, under the rules for what it has now, or None."""
        if len(text) > self._max_bytes or self.why_silent(path):
            return None
        return self._redacted(text)

    def _redacted(self, text: str) -> str | None:
        if why_not_text(text):
            return None
        return "".join(self._redacted_piece(piece) for piece in _pieces(text))

    def _redacted_piece(self, piece: str) -> str:
        """A document is read again after each edit, and most of its pieces are as they were."""
        known = self._pieces.pop(piece, None) or redact(piece)
        self._pieces[piece] = known  # last, as the one used last
        while len(self._pieces) > CACHED_PIECES:
            self._pieces.pop(next(iter(self._pieces)), None)
        return known

    def read(self, path: str) -> str | None:
        """A file's text as it may be remembered, or None; unchanged files are not read twice."""
        full = self._root / path
        try:
            stat = full.stat()
        except OSError:
            self._cache.pop(path, None)
            return None
        if self.why_silent(path):  # asked each time: rules change while files do not
            self._cache.pop(path, None)
            return None
        known = self._cache.get(path)
        if known is not None and (known.modified_ns, known.size) == (
            stat.st_mtime_ns,
            stat.st_size,
        ):
            return known.text
        text = self._read_anew(path, full, stat.st_size)
        while len(self._cache) >= CACHED_FILES:
            self._cache.pop(next(iter(self._cache)))
        self._cache[path] = _Read(stat.st_mtime_ns, stat.st_size, text)
        return text

    def files(self) -> Iterator[str]:
        """Paths of the files that may be read, those changed last first."""
        if not self._is_inside:
            return
        found = sorted(self._walk(), reverse=True)
        yield from (path for _, path in found)

    def _read_anew(self, path: str, full: Path, size: int) -> str | None:
        if size > self._max_bytes or not full.is_file():
            return None
        try:
            text = full.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError):
            return None
        return self._redacted(text)

    def _walk(self) -> Iterator[tuple[int, str]]:
        for folder, below, names in os.walk(self._root):
            relative = Path(folder).relative_to(self._root)
            below[:] = sorted(
                name
                for name in below
                if name not in PRIVATE_FOLDERS
                and not self.why_silent((relative / name / PROBE_NAME).as_posix())
            )
            for name in names:
                path = (relative / name).as_posix()
                if self.why_silent(path):
                    continue
                try:
                    stat = (self._root / path).stat()
                except OSError:
                    continue
                if 0 < stat.st_size <= self._max_bytes:
                    yield stat.st_mtime_ns, path


def _pieces(text: str) -> Iterator[str]:
    """A text in pieces that end with lines, those after an edit mostly as before it."""
    start = 0
    while len(text) - start > PIECE_CHARS:
        found = _OUTER_LINE.search(text, start + PIECE_CHARS, start + 2 * PIECE_CHARS)
        end = found.end() if found else text.find("\n", start + PIECE_CHARS) + 1 or len(text)
        yield text[start:end]
        start = end
    yield text[start:]
