"""The learner's cycles, from their start to their verdict."""

from __future__ import annotations

import sqlite3

import msgspec

from habitus_server.records import Cycle, CycleState
from habitus_server.store.access import Access
from habitus_server.store.fields import as_json, storable


class Cycles(Access):
    """The table `cycles`. Its writes return when they are on disk."""

    def begin_cycle(self, at: float) -> int:
        """Start a cycle and return its id; one still running was interrupted, and failed."""

        def write(sql: sqlite3.Connection) -> int:
            sql.execute(
                "UPDATE cycles SET state = ?, finished_at = ?, verdict = 'Interrupted.'"
                " WHERE state = ?",
                (CycleState.FAILED.value, at, CycleState.RUNNING.value),
            )
            row = sql.execute(
                "INSERT INTO cycles (started_at, state, stage, progress, verdict, figures)"
                " VALUES (?, ?, 'starting', 0.0, '', '{}')",
                (at, CycleState.RUNNING.value),
            )
            return int(row.lastrowid or 0)

        return self._writer.submit(write).result()

    def update_cycle(self, cycle_id: int, *, stage: str, progress: float) -> None:
        """Say what a cycle is doing, for the status line."""
        self._writer.submit(
            lambda sql: sql.execute(
                "UPDATE cycles SET stage = ?, progress = ? WHERE id = ?",
                (stage, progress, cycle_id),
            )
        ).result()

    def finish_cycle(
        self,
        cycle_id: int,
        state: CycleState,
        at: float,
        adapter: str | None,
        verdict: str,
        figures: dict[str, float],
    ) -> None:
        """Remember a cycle's end and its verdict."""
        self._writer.submit(
            lambda sql: sql.execute(
                "UPDATE cycles SET state = ?, finished_at = ?, adapter = ?, verdict = ?,"
                " figures = ?, progress = 1.0, stage = 'finished' WHERE id = ?",
                (state.value, at, adapter, storable(verdict), as_json(figures), cycle_id),
            )
        ).result()

    def cycles(self, limit: int = 100) -> list[Cycle]:
        """The newest cycles, newest first."""
        rows = self._read(
            "SELECT id, started_at, finished_at, state, progress, stage, adapter, verdict,"
            " figures FROM cycles ORDER BY id DESC LIMIT ?",
            (limit,),
        )
        return [
            Cycle(
                id=row[0],
                started_at=row[1],
                finished_at=row[2],
                state=CycleState(row[3]),
                progress=row[4],
                stage=row[5],
                adapter=row[6],
                verdict=row[7],
                figures=msgspec.json.decode(row[8]),
            )
            for row in rows
        ]
