"""Diagnostics that appeared, were worked on, and went away."""

from __future__ import annotations

import sqlite3
from concurrent.futures import Future

from habitus_server.records import BugFix
from habitus_server.store.access import Access
from habitus_server.store.fields import storable
from habitus_server.store.graves import is_buried

_COLUMNS = (
    "id, path, language, source, code, message, severity, prefix, suffix, before, after,"
    " approach, session, appeared_at, fixed_at, settled_at, recurrences, effectiveness"
)


class Fixes(Access):
    """The table `fixes`."""

    def add_fix(self, fix: BugFix) -> Future[None]:
        """Remember how a diagnostic went away; a known id is replaced."""
        row = (
            fix.id,
            fix.path,
            fix.language,
            fix.source,
            fix.code,
            storable(fix.message),
            fix.severity,
            storable(fix.prefix, keep_end=True),
            storable(fix.suffix),
            storable(fix.before),
            storable(fix.after),
            fix.approach,
            fix.session,
            fix.appeared_at,
            fix.fixed_at,
            fix.settled_at,
            fix.recurrences,
            fix.effectiveness,
        )

        def write(sql: sqlite3.Connection) -> None:
            if is_buried(sql, fix.path, fix.appeared_at):
                return
            # Not REPLACE, which would not run the triggers that count.
            sql.execute("DELETE FROM fixes WHERE id = ?", (fix.id,))
            sql.execute(f"INSERT INTO fixes ({_COLUMNS}) VALUES ({', '.join('?' * 18)})", row)

        return self._writer.submit(write)

    def fixes(self, *, since: float = 0.0) -> list[BugFix]:
        """Fixes settled at or after `since`, in order of settling."""
        rows = self._read(
            f"SELECT {_COLUMNS} FROM fixes WHERE settled_at >= ? ORDER BY settled_at, rowid",
            (since,),
        )
        return [BugFix(*row) for row in rows]
