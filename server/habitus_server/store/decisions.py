"""Choices that somebody wrote down."""

from __future__ import annotations

import sqlite3
from concurrent.futures import Future

import msgspec

from habitus_server.records import Decision
from habitus_server.store.access import Access
from habitus_server.store.fields import as_json, storable

_COLUMNS = (
    "id, origin, path, title, problem, constraints, options, choice, reason, outcome,"
    " decided_at, changed_at"
)


class Decisions(Access):
    """The table `decisions`."""

    def add_decision(self, decision: Decision) -> Future[None]:
        """Remember a choice; a known id is replaced."""
        row = (
            decision.id,
            decision.origin,
            decision.path,
            storable(decision.title),
            storable(decision.problem),
            as_json([storable(one) for one in decision.constraints]),
            as_json([storable(one) for one in decision.options]),
            storable(decision.choice),
            storable(decision.reason),
            storable(decision.outcome),
            decision.decided_at,
            decision.changed_at,
        )

        def write(sql: sqlite3.Connection) -> None:
            # Not REPLACE, which would not run the triggers that count.
            sql.execute("DELETE FROM decisions WHERE id = ?", (decision.id,))
            sql.execute(f"INSERT INTO decisions ({_COLUMNS}) VALUES ({', '.join('?' * 12)})", row)

        return self._writer.submit(write)

    def decisions(self, *, since: float = 0.0) -> list[Decision]:
        """Decisions made or changed at or after `since`, in order of change."""
        rows = self._read(
            f"SELECT {_COLUMNS} FROM decisions WHERE changed_at >= ? ORDER BY changed_at, rowid",
            (since,),
        )
        return [
            Decision(
                id=row[0],
                origin=row[1],
                path=row[2],
                title=row[3],
                problem=row[4],
                constraints=msgspec.json.decode(row[5], type=tuple[str, ...]),
                options=msgspec.json.decode(row[6], type=tuple[str, ...]),
                choice=row[7],
                reason=row[8],
                outcome=row[9],
                decided_at=row[10],
                changed_at=row[11],
            )
            for row in rows
        ]
