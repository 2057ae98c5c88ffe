"""What was turned down, and where."""

from __future__ import annotations

import sqlite3
from concurrent.futures import Future

from habitus_server.records import Rejection
from habitus_server.store.access import Access
from habitus_server.store.fields import storable
from habitus_server.store.graves import is_buried

_COLUMNS = "key, path, language, place, text, why, times, rejected_at"


class Rejections(Access):
    """The table `rejections`."""

    def add_rejection(self, rejection: Rejection) -> Future[None]:
        """Remember what was turned down; a known key counts once more."""
        row = (
            rejection.key,
            rejection.path,
            rejection.language,
            storable(rejection.place),
            storable(rejection.text),
            rejection.why,
            rejection.times,
            rejection.rejected_at,
        )

        def write(sql: sqlite3.Connection) -> None:
            if is_buried(sql, rejection.path, rejection.rejected_at):
                return
            sql.execute(
                f"INSERT INTO rejections ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?)"
                " ON CONFLICT (key) DO UPDATE SET times = times + 1, why = excluded.why,"
                " path = excluded.path, rejected_at = excluded.rejected_at",
                row,
            )

        return self._writer.submit(write)

    def rejections(self) -> list[Rejection]:
        """Everything turned down, in order of the last time."""
        rows = self._read(f"SELECT {_COLUMNS} FROM rejections ORDER BY rejected_at, rowid")
        return [Rejection(*row) for row in rows]

    def remove_rejection(self, key: str | None) -> Future[int]:
        """Allow one again, or all of them (None); resolves to how many there were."""
        return self._writer.submit(
            lambda sql: (
                sql.execute("DELETE FROM rejections WHERE ?1 IS NULL OR key = ?1", (key,)).rowcount
            )
        )
