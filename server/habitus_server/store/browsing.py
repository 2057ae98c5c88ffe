"""Everything that is stored, for people to look at and to take along.

Promises every column of every table, columns of later versions included, newest first,
without holding more than a few rows at a time.
"""

from __future__ import annotations

import contextlib
import heapq
import json
import sqlite3
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec

from habitus_server.store import database
from habitus_server.store.access import Access

_VIEWS = {
    "suggestions": (
        "SELECT s.*, c.prefix, c.suffix FROM suggestions s LEFT JOIN contexts c USING (request_id)",
        "changed_at",
        "path",
    ),
    "landings": ("SELECT * FROM landings", "committed_at", "path"),
    "patterns": ("SELECT * FROM patterns", "settled_at", "path"),
    "fixes": ("SELECT * FROM fixes", "settled_at", "path"),
    "decisions": ("SELECT * FROM decisions", "changed_at", "path"),
    "tasks": ("SELECT * FROM tasks", "started_at", None),
    "rejections": ("SELECT * FROM rejections", "rejected_at", "path"),
    "silences": ("SELECT * FROM silences", "at", None),
    "cycles": ("SELECT * FROM cycles", "started_at", None),
}
"""What is read, and the columns that hold a row's time and its file."""

TABLES = tuple(_VIEWS)

_OF_ONE_FILE = "({0} = :path OR substr({0}, 1, length(:path) + 1) = :path || '/')"


class Query(msgspec.Struct, frozen=True):
    """Which rows are wanted; "" and None want all. `path` names a file or a folder.

    States and outcomes are those of suggestions, and want nothing else.
    """

    table: str = ""
    path: str = ""
    state: str = ""
    outcome: str = ""
    since: float = 0.0
    limit: int | None = None


class Entry(msgspec.Struct, frozen=True):
    """One row: its table, its time, and its columns by name."""

    table: str
    at: float
    row: dict[str, Any]


class Browsing(Access):
    """Every table, read as it is asked for."""

    def browse(self, query: Query) -> Iterator[Entry]:
        """The rows that a query wants, newest first."""
        with contextlib.closing(database.connect_reader(self._path)) as reader:
            reader.row_factory = sqlite3.Row
            found = [_rows(reader, table, query) for table in TABLES if _wants(query, table)]
            yield from islice(heapq.merge(*found, key=lambda one: -one.at), query.limit)


def _wants(query: Query, table: str) -> bool:
    if query.state or query.outcome:
        return table == "suggestions" and query.table in ("", table)
    return query.table in ("", table)


def _rows(reader: sqlite3.Connection, table: str, query: Query) -> Iterator[Entry]:
    view, time, path = _VIEWS[table]
    having = [f"{time} >= :since"]
    if query.path and path:
        having.append(_OF_ONE_FILE.format(path))
    elif query.path and table == "tasks":
        about = _OF_ONE_FILE.format("f.path")
        having.append(f"id IN (SELECT f.task_id FROM task_files f WHERE {about})")
    elif query.path:
        return
    if query.state:
        having.append("state = :state")
    if query.outcome:
        having.append("outcome = :outcome")
    rows = reader.execute(
        f"{view} WHERE {' AND '.join(having)} ORDER BY {time} DESC", msgspec.structs.asdict(query)
    )
    for row in rows:
        yield Entry(table, row[time], {**dict(row), **_parts(reader, table, row)})


def _parts(reader: sqlite3.Connection, table: str, row: sqlite3.Row) -> dict[str, Any]:
    """The rows of other tables that belong to a row."""
    if table == "suggestions":
        events = reader.execute(
            "SELECT kind, at, detail FROM events WHERE suggestion_id = ? ORDER BY id", (row["id"],)
        )
        return {"events": [{**dict(one), "detail": json.loads(one["detail"])} for one in events]}
    if table == "tasks":
        files = reader.execute(
            "SELECT path, passed, failed FROM task_files WHERE task_id = ? ORDER BY path",
            (row["id"],),
        )
        return {"files": [dict(one) for one in files]}
    return {}
