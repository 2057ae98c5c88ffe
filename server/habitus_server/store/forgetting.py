"""Finding rows by what they are about, and removing them for good.

Promises that rows which are removed leave no byte in the database, in its log or in the
copies that recoveries left beside it. What is to go is the caller's to say.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import Future

import msgspec

from habitus_server.errors import StoreError
from habitus_server.store import database, graves
from habitus_server.store.access import Access
from habitus_server.store.fields import as_json

ERASE_S = 30.0
FORGETTINGS = "forgettings"
"""Name of the fact that counts how often something was forgotten."""

_ERASURES = "erasures"
_MAX_ERASURES = 200
"""Older ones are not told any more."""

RowId = str | int

_READS = {
    "suggestions": "SELECT s.id, s.changed_at, s.path, s.moved_to, s.text, s.accepted_text,"
    " s.final_text, c.prefix, c.suffix"
    " FROM suggestions s LEFT JOIN contexts c USING (request_id)",
    "landings": "SELECT suggestion_id, max(committed_at, coalesce(undone_at, 0)), path, NULL, text"
    " FROM landings",
    "events": "SELECT suggestion_id, at, NULL, NULL, detail FROM events",
    "ratings": "SELECT id, rated_at, path, NULL, rating_word FROM suggestions"
    " WHERE rating_word IS NOT NULL",
    "patterns": "SELECT id, settled_at, path, NULL, prefix, suffix, text, replaced FROM patterns",
    "fixes": "SELECT id, settled_at, path, NULL, prefix, suffix, before, after FROM fixes",
    "messages": "SELECT id, settled_at, path, NULL, message FROM fixes",
    "decisions": "SELECT id, changed_at, path, NULL, title, problem, constraints, options, choice,"
    " reason, outcome FROM decisions",
    "tasks": "SELECT t.id, t.started_at, f.path, NULL, t.name, t.input, t.result, t.error"
    " FROM tasks t LEFT JOIN task_files f ON f.task_id = t.id",
    "rejections": "SELECT key, rejected_at, path, NULL, place, text FROM rejections",
}
_OWNERS = {
    "landings": "suggestions",
    "events": "suggestions",
    "ratings": "suggestions",
    "messages": "fixes",
}
"""What is read apart from the row that it belongs to, and goes with it."""

_CODE = frozenset({"suggestions", "landings", "patterns", "fixes", "rejections"})

_KEYS = {"rejections": "key"}


class Stored(msgspec.Struct, frozen=True):
    """One row as forgetting looks at it: the files it names, its time, and its texts.

    `table` and `id` say what is removed for it. `is_code` where the texts are the
    files' own, not what somebody or a tool said.
    """

    table: str
    id: RowId
    at: float
    paths: tuple[str, ...]
    texts: tuple[str, ...]
    is_code: bool


class Erasure(msgspec.Struct, frozen=True):
    """That something was forgotten, and when: rows by table and adapters, never what."""

    at: float
    rows: dict[str, int]
    adapters: tuple[str, ...]


class Forgetting(Access):
    """Every table at once."""

    def stored(self) -> Iterator[Stored]:
        """Every row of every table, read as it is asked for."""
        with contextlib.closing(database.connect_reader(self._path)) as reader:
            for table, query in _READS.items():
                for row_id, at, path, other, *texts in reader.execute(query):
                    yield Stored(
                        _OWNERS.get(table, table),
                        row_id,
                        at,
                        tuple(one for one in (path, other) if one),
                        tuple(one for one in texts if one),
                        table in _CODE,
                    )

    def remove(self, rows: Mapping[str, Collection[RowId]]) -> Future[dict[str, int]]:
        """Delete rows by table and id with all that hangs on them; resolves to how many.

        Their bytes are gone after `erase`.
        """

        def write(sql: sqlite3.Connection) -> dict[str, int]:
            removed = {}
            for table, ids in rows.items():
                key = _KEYS.get(table, "id")
                done = sql.executemany(
                    f"DELETE FROM {table} WHERE {key} = ?", [(one,) for one in ids]
                )
                removed[table] = done.rowcount
            sql.execute(
                "INSERT INTO meta VALUES (?, '1') ON CONFLICT (key)"
                " DO UPDATE SET value = CAST(value + 1 AS INTEGER)",
                (FORGETTINGS,),
            )
            return removed

        return self._writer.submit(write)

    def note_erasure(self, erasure: Erasure) -> Future[None]:
        """Remember that something was forgotten."""

        def write(sql: sqlite3.Connection) -> None:
            known = sql.execute("SELECT value FROM meta WHERE key = ?", (_ERASURES,)).fetchone()
            told = [*_read_erasures(known), erasure][-_MAX_ERASURES:]
            sql.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_ERASURES, as_json(told)))

        return self._writer.submit(write)

    def erasures(self) -> list[Erasure]:
        """What is known of everything that was forgotten, oldest first."""
        rows = self._read("SELECT value FROM meta WHERE key = ?", (_ERASURES,))
        return _read_erasures(rows[0] if rows else None)

    def is_buried(self, path: str, at: float) -> bool:
        """Whether what was written in a file at a time was forgotten; "" asks of any file."""
        return self._writer.submit(lambda sql: graves.is_buried(sql, path, at)).result()

    def bury(self, path: str | None, since: float, until: float) -> Future[None]:
        """Refuse from now on what a window still holds of a file, or (None) of any."""
        return self._writer.submit(lambda sql: graves.dig(sql, path, since, until))

    def erase(self) -> list[str]:
        """Overwrite what was deleted, give back its room, and remove copies beside the store.

        Returns the copies' names. Waits for writers; raises `StoreError` where one does
        not let go.
        """
        deadline = time.monotonic() + ERASE_S
        try:
            with contextlib.closing(database.connect_writer(self._path)) as sql:
                sql.execute("PRAGMA auto_vacuum = INCREMENTAL")
                sql.execute("VACUUM")
                while sql.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                    if time.monotonic() > deadline:
                        raise sqlite3.OperationalError("its log is in use")
                    time.sleep(0.1)
        except sqlite3.Error as error:
            raise StoreError(
                f"The rows are deleted, but {self._path} could not be cleaned of their bytes "
                f"({error}); close the windows of this workspace and forget again."
            ) from error
        return database.remove_copies(self._path)


def _read_erasures(row: tuple[str] | None) -> list[Erasure]:
    return [] if row is None else msgspec.json.decode(row[0], type=list[Erasure])
