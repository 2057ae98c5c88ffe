"""Keeping the store within its limits.

Promises that what teaches least goes first, that nobody who writes meanwhile waits for
more than one small batch, and that the room goes back to the file system. Call it off
every hot path: it reads tables.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

import msgspec

from habitus_server.records import State
from habitus_server.store import database
from habitus_server.store.access import Access

BATCH_ROWS = 400
BATCH_PAGES = 500
ROOM = 0.9
"""Of the limit, once it was passed: it is not passed again by the next suggestion."""

_DAY_S = 86_400.0
_SETTLES_S = 3_600.0
"""A suggestion younger than this may still be on somebody's screen."""
_CLAIM = "compacted_at"
_PASSED_BY = f"('{State.OFFERED.value}', '{State.SUPERSEDED.value}', '{State.EXPIRED.value}')"

_TIMES = {
    "suggestions": "changed_at",
    "patterns": "settled_at",
    "fixes": "settled_at",
    "decisions": "changed_at",
    "tasks": "started_at",
    "rejections": "rejected_at",
    "silences": "at",
}
"""The tables whose rows grow old, and the columns that hold their age."""

_UNNEEDED = (
    # Events and contexts of what passed by unused, then those suggestions themselves.
    f"DELETE FROM events WHERE id IN (SELECT e.id FROM events e JOIN suggestions s"
    f" ON s.id = e.suggestion_id WHERE s.state IN {_PASSED_BY} AND s.changed_at < :settled"
    " ORDER BY e.id LIMIT :batch)",
    "DELETE FROM contexts WHERE request_id IN (SELECT c.request_id FROM contexts c"
    " WHERE c.offered_at < :settled AND NOT EXISTS (SELECT 1 FROM suggestions s WHERE"
    f" s.request_id = c.request_id AND s.state NOT IN {_PASSED_BY})"
    " ORDER BY c.offered_at LIMIT :batch)",
    f"DELETE FROM suggestions WHERE id IN (SELECT id FROM suggestions WHERE state IN {_PASSED_BY}"
    " AND changed_at < :settled AND rating IS NULL ORDER BY changed_at LIMIT :batch)",
    "DELETE FROM tasks WHERE id IN (SELECT id FROM tasks WHERE started_at < :settled"
    " ORDER BY started_at LIMIT :batch)",
    # How a lesson came about, then the oldest lessons.
    "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE at < :settled"
    " ORDER BY id LIMIT :batch)",
    "DELETE FROM suggestions WHERE id IN (SELECT id FROM suggestions WHERE changed_at < :settled"
    " ORDER BY changed_at LIMIT :batch)",
    "DELETE FROM patterns WHERE id IN (SELECT id FROM patterns WHERE settled_at < :settled"
    " ORDER BY settled_at LIMIT :batch)",
    "DELETE FROM fixes WHERE id IN (SELECT id FROM fixes WHERE settled_at < :settled"
    " ORDER BY settled_at LIMIT :batch)",
)
"""What goes when there is too much, in this order; each statement takes one batch."""


class Compacted(msgspec.Struct, frozen=True):
    """What a compaction did: rows that went, and the bytes in use before and after."""

    rows: int
    bytes_before: int
    bytes_after: int


class Compaction(Access):
    """The whole file."""

    def claim_compaction(self, now: float, every_s: float) -> bool:
        """Whether a compaction is due; of several windows only one gets the yes."""

        def write(sql: sqlite3.Connection) -> bool:
            done = sql.execute(
                "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2"
                " WHERE CAST(value AS REAL) NOT BETWEEN ?2 - ?3 AND ?2",
                (_CLAIM, now, every_s),
            )
            return done.rowcount == 1

        return self._writer.submit(write).result()

    def compact(self, *, keep_days: float, max_bytes: int, now: float) -> Compacted:
        """Delete rows older than `keep_days`; then, above `max_bytes`, the least needed."""
        before = self._used_bytes()
        rows = sum(self._expired(now - keep_days * _DAY_S))
        if before > max_bytes:
            rows += sum(self._overfull(round(max_bytes * ROOM), now - _SETTLES_S))
        if rows:
            self._give_back()
        return Compacted(rows, before, self._used_bytes())

    def _expired(self, limit: float) -> Iterator[int]:
        for table, time in _TIMES.items():
            yield from self._batches(
                f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table}"
                f" WHERE {time} < :limit LIMIT :batch)",
                {"limit": limit},
            )

    def _overfull(self, allowed: int, settled: float) -> Iterator[int]:
        for statement in _UNNEEDED:
            for deleted in self._batches(statement, {"settled": settled}):
                yield deleted
                if self._used_bytes() <= allowed:
                    return

    def _batches(self, statement: str, values: dict[str, float]) -> Iterator[int]:
        """Run a statement batch after batch until nothing is left; how many rows each took."""
        bound = {**values, "batch": BATCH_ROWS}
        while deleted := self._writer.submit(
            lambda sql: sql.execute(statement, bound).rowcount
        ).result():
            yield deleted

    def _used_bytes(self) -> int:
        (row,) = self._read(
            "SELECT (p.page_count - f.freelist_count) * s.page_size FROM pragma_page_count p,"
            " pragma_freelist_count f, pragma_page_size s"
        )
        return int(row[0])

    def _give_back(self) -> None:
        """Cut the free pages off the file, a few at a time, and empty its log."""
        (row,) = self._read("PRAGMA auto_vacuum")
        if row[0]:
            while self._free_pages():
                self._writer.submit(
                    lambda sql: sql.execute(f"PRAGMA incremental_vacuum({BATCH_PAGES})").fetchall()
                ).result()
        with (
            contextlib.suppress(sqlite3.OperationalError),  # somebody reads: the next time, then
            contextlib.closing(database.connect_writer(self._path)) as sql,
        ):
            if not row[0]:
                # Made by a version that could not give pages back: once, as a whole.
                sql.execute("PRAGMA auto_vacuum = INCREMENTAL")
                sql.execute("VACUUM")
            sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _free_pages(self) -> int:
        (row,) = self._read("PRAGMA freelist_count")
        return int(row[0])
