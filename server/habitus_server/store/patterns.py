"""Code that the developer wrote by hand."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from concurrent.futures import Future

from habitus_server.records import Pattern
from habitus_server.store.access import Access
from habitus_server.store.fields import storable
from habitus_server.store.graves import is_buried

_COLUMNS = (
    "id, path, language, prefix, suffix, text, replaced, session, written_at, settled_at, origin"
)


class Patterns(Access):
    """The table `patterns`."""

    def add_patterns(self, patterns: Sequence[Pattern]) -> Future[None]:
        """Remember hand-written code; known ids are left alone."""

        def write(sql: sqlite3.Connection) -> None:
            rows = [_row(one) for one in patterns if not is_buried(sql, one.path, one.written_at)]
            sql.executemany(
                f"INSERT OR IGNORE INTO patterns ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?)", rows
            )

        return self._writer.submit(write)

    def patterns(self, *, since: float = 0.0) -> list[Pattern]:
        """Hand-written code settled at or after `since`, in order of settling."""
        rows = self._read(
            f"SELECT {_COLUMNS} FROM patterns WHERE settled_at >= ? ORDER BY settled_at, rowid",
            (since,),
        )
        return [Pattern(*row) for row in rows]


def _row(one: Pattern) -> tuple[object, ...]:
    return (
        one.id,
        one.path,
        one.language,
        storable(one.prefix, keep_end=True),
        storable(one.suffix),
        storable(one.text),
        storable(one.replaced),
        one.session,
        one.written_at,
        one.settled_at,
        one.origin,
    )
