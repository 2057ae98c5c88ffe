"""The pieces of one workspace, put away in one file.

Promises that a file's pieces are replaced as a whole, that what is dropped cannot be found
any more, and that what is forgotten leaves no byte. Decides nothing about what may be kept,
and reads no file of the workspace.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from habitus_server.errors import StoreError
from habitus_server.index import database
from habitus_server.index.pieces import cut
from habitus_server.index.words import words_of

_MERGE = "INSERT INTO words (words) VALUES ('optimize')"
"""Writes all segments of the words' lists anew as one."""


class Stamp(msgspec.Struct, frozen=True):
    """What tells one content of a file from another."""

    modified_ns: int
    size: int


class Shelf:
    """An index that is written; used by one thread at a time. Every call may raise `StoreError`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sql = database.open_writer(path)

    def put(self, path: str, stamp: Stamp, text: str, language: str) -> None:
        """Keep a file's pieces instead of those that were kept."""
        pieces = cut(text, language)
        with self.batch():
            self._drop(path)
            file = self._sql.execute(
                "INSERT INTO file (path, modified_ns, size) VALUES (?, ?, ?)",
                (path, stamp.modified_ns, stamp.size),
            ).lastrowid
            for one in pieces:
                key = self._sql.execute(
                    "INSERT INTO piece (file, line, text) VALUES (?, ?, ?)",
                    (file, one.line, one.text),
                ).lastrowid
                self._sql.execute(
                    "INSERT INTO words (rowid, piece) VALUES (?, ?)", (key, _indexed(one.text))
                )

    def drop(self, paths: Iterable[str]) -> None:
        """Find files no more; the index's pages are cleaned of them when it next merges."""
        with self.batch():
            for path in paths:
                self._drop(path)

    def forget(self, paths: Collection[str], until_ns: int | None = None) -> None:
        """Leave no byte of files, nor their names.

        With `until_ns` they are not taken in again until they change after that time.
        """
        with self.batch():
            for path in paths:
                self._drop(path)
                if until_ns is not None:
                    row = (_digest(path), until_ns)
                    self._sql.execute("INSERT OR REPLACE INTO forgotten VALUES (?, ?)", row)
            self._sql.execute(_MERGE)  # the old segments still name what was dropped

    def tidy(self) -> None:
        """Put what was written in many batches in one order: a question then looks in one
        place for each word, not in one for each batch. Costs as much as writing it did."""
        with self.batch():
            self._sql.execute(_MERGE)

    def is_empty(self) -> bool:
        """Whether nothing is kept: the index is new, or was made anew."""
        with self._named():
            return self._sql.execute("SELECT 1 FROM file LIMIT 1").fetchone() is None

    def stamps(self) -> dict[str, Stamp]:
        """What is kept, by path."""
        with self._named():
            rows = self._sql.execute("SELECT path, modified_ns, size FROM file").fetchall()
        return {path: Stamp(modified_ns, size) for path, modified_ns, size in rows}

    def stamp(self, path: str) -> Stamp | None:
        """What is kept of one file."""
        with self._named():
            row = self._sql.execute(
                "SELECT modified_ns, size FROM file WHERE path = ?", (path,)
            ).fetchone()
        return None if row is None else Stamp(*row)

    def refuses(self, path: str, stamp: Stamp) -> bool:
        """Whether a file was forgotten as it stands."""
        with self._named():
            row = self._sql.execute(
                "SELECT until_ns FROM forgotten WHERE path_digest = ?", (_digest(path),)
            ).fetchone()
        return row is not None and stamp.modified_ns <= row[0]

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Several writes as one; a failure undoes all of them."""
        if self._sql.in_transaction:  # part of a larger batch
            yield
            return
        with self._named():
            try:
                self._sql.execute("BEGIN IMMEDIATE")
                yield
                self._sql.execute("COMMIT")
            except BaseException:
                self._sql.rollback()
                raise

    def close(self) -> None:
        """Let go of the file."""
        self._sql.close()

    def _drop(self, path: str) -> None:
        row = self._sql.execute("SELECT id FROM file WHERE path = ?", (path,)).fetchone()
        if row is None:
            return
        for key, text in self._sql.execute(
            "SELECT id, text FROM piece WHERE file = ?", row
        ).fetchall():
            # The table of words keeps no texts, so it must be told what to take out.
            self._sql.execute(
                "INSERT INTO words (words, rowid, piece) VALUES ('delete', ?, ?)",
                (key, _indexed(text)),
            )
        self._sql.execute("DELETE FROM piece WHERE file = ?", row)
        self._sql.execute("DELETE FROM file WHERE id = ?", row)

    @contextmanager
    def _named(self) -> Iterator[None]:
        """SQLite's errors with the file's name; what is damaged goes, to be made anew."""
        try:
            yield
        except sqlite3.Error as error:
            if database.is_damage(error):
                database.remove(self._path)
            raise StoreError(f"The index {self._path} failed: {error}.") from error


def _indexed(text: str) -> str:
    return " ".join(words_of(text))


def _digest(path: str) -> str:
    return hashlib.sha256(path.encode("utf-8", "replace")).hexdigest()
