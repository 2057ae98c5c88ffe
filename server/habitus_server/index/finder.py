"""Finding pieces in an index that another may be writing.

Promises a search whose cost is bounded by how rare its words are and not by how much is
kept, the same answer to the same question, and no answer instead of an error: an index that
is missing, busy, damaged or being made anew finds nothing.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from habitus_server.index import database
from habitus_server.index.pieces import Piece

MOST_WORDS = 16
"""Rare words of a question that are looked for."""

PROBED_WORDS = 48
TOO_COMMON = 150
"""A word in this many pieces tells little, and its list is long."""

RANKED = 24
"""Pieces that an answer has at most."""

_PIECES_OF = "SELECT piece.id FROM piece JOIN file ON file.id = piece.file WHERE path = ?"


class Found(msgspec.Struct, frozen=True):
    """A piece, and the file that it stands in."""

    path: str
    piece: Piece


class Finder:
    """An index that is read; calls may come from several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._sql: sqlite3.Connection | None = None
        self._file = (0, 0)

    def find(self, words: Sequence[str], but: str = "") -> list[Found]:
        """The pieces of files other than `but` that share most of the rarest `words` (BM25),
        best first; of many words the first count."""
        with self._lock:
            return self._ranked(words, f"rowid NOT IN ({_PIECES_OF})", but)

    def find_in(self, path: str, words: Sequence[str]) -> list[Found]:
        """The same among the pieces of one file."""
        with self._lock:
            return self._ranked(words, f"rowid IN ({_PIECES_OF})", path)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._let_go()

    def _ranked(self, words: Sequence[str], only: str, path: str) -> list[Found]:
        rare = self._rarest(words[:PROBED_WORDS])
        if not rare:
            return []
        rows = self._rows(
            "SELECT path, line, text FROM"
            f" (SELECT rowid AS hit, rank AS score FROM words WHERE words MATCH ? AND {only}"
            "  ORDER BY rank LIMIT ?)"
            " JOIN piece ON piece.id = hit JOIN file ON file.id = piece.file"
            " ORDER BY score, path, line",
            (" OR ".join(f'"{word}"' for word in rare), path, RANKED),
        )
        return [Found(path, Piece(line, text)) for path, line, text in rows]

    def _rarest(self, words: Sequence[str]) -> list[str]:
        """The words that stand in the fewest pieces, the common and the unknown left out."""
        counted: list[tuple[int, int, str]] = []
        for position, word in enumerate(words):
            rows = self._rows(
                "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)",
                (f'"{word}"', TOO_COMMON),
            )
            count = rows[0][0] if rows else 0
            if 0 < count < TOO_COMMON:
                counted.append((count, position, word))
        return [word for _, _, word in sorted(counted)[:MOST_WORDS]]

    def _rows(self, query: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        now = database.identity(self._path)
        if now != self._file or self._sql is None:
            self._let_go()
            self._sql, self._file = database.open_reader(self._path), now
        if self._sql is None:
            return []
        try:
            return self._sql.execute(query, values).fetchall()
        except sqlite3.Error:
            self._let_go()
            return []

    def _let_go(self) -> None:
        if self._sql is not None:
            with suppress(sqlite3.Error):
                self._sql.close()
        self._sql = None
