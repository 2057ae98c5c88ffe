"""Things that ran: commands, code actions, test runs, saves, commits."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from habitus_server.records import FileResult, Task, TaskFile, TaskKind
from habitus_server.store.access import Access
from habitus_server.store.fields import storable

_COLUMNS = (
    "t.kind, t.name, t.input, t.result, t.error, t.succeeded, t.started_at, t.duration_s,"
    " t.window, t.id"
)


class Tasks(Access):
    """The tables `tasks` and `task_files`."""

    def add_task(self, task: Task, files: Sequence[TaskFile] = ()) -> Future[int]:
        """Remember what ran and the files it was about; resolves to the task's id."""
        row = (
            task.kind.value,
            task.name,
            storable(task.input),
            storable(task.result),
            storable(task.error),
            task.succeeded,
            task.started_at,
            task.duration_s,
            task.window,
        )

        def write(sql: sqlite3.Connection) -> int:
            made = sql.execute(
                "INSERT INTO tasks (kind, name, input, result, error, succeeded, started_at,"
                " duration_s, window) VALUES (?,?,?,?,?,?,?,?,?)",
                row,
            )
            task_id = int(made.lastrowid or 0)
            sql.executemany(
                "INSERT OR IGNORE INTO task_files VALUES (?, ?, ?, ?)",
                [(task_id, one.path, one.passed, one.failed) for one in files],
            )
            return task_id

        return self._writer.submit(write)

    def tasks(self, kind: TaskKind | None = None, *, since: float = 0.0) -> list[Task]:
        """What started at or after `since`, in order."""
        rows = self._read(
            f"SELECT {_COLUMNS} FROM tasks t WHERE t.started_at >= ?1"
            " AND (?2 IS NULL OR t.kind = ?2) ORDER BY t.started_at, t.id",
            (since, None if kind is None else kind.value),
        )
        return [_task(row) for row in rows]

    def task_files(self, task_id: int) -> list[TaskFile]:
        """The files that a task was about, by path."""
        rows = self._read(
            "SELECT path, passed, failed FROM task_files WHERE task_id = ? ORDER BY path",
            (task_id,),
        )
        return [TaskFile(*row) for row in rows]

    def test_results(self, path: str, *, since: float = 0.0) -> list[FileResult]:
        """What test runs that started at or after `since` said of one file, in order."""
        rows = self._read(
            f"SELECT {_COLUMNS}, f.path, f.passed, f.failed FROM task_files f"
            " JOIN tasks t ON t.id = f.task_id"
            " WHERE f.path = ? AND t.kind = ? AND t.started_at >= ? ORDER BY t.started_at, t.id",
            (path, TaskKind.TEST.value, since),
        )
        return [FileResult(_task(row[:10]), TaskFile(*row[10:])) for row in rows]


def _task(row: Sequence[Any]) -> Task:
    return Task(
        kind=TaskKind(row[0]),
        name=row[1],
        input=row[2],
        result=row[3],
        error=row[4],
        succeeded=None if row[5] is None else bool(row[5]),
        started_at=row[6],
        duration_s=row[7],
        window=row[8],
        id=row[9],
    )
