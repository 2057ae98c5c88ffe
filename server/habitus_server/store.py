"""The durable signals of one workspace.

Promises that a write's future resolves once its row is on disk, that reads see every
resolved write, and that the learner's process can use the same file at the same time.
SQL about what the tables mean stops here. Callers make ids and redact texts; the store
cuts fields that are too long and replaces what UTF-8 cannot hold.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Self

import msgspec

from habitus_server.database import connect_reader, is_damage
from habitus_server.errors import StoreError
from habitus_server.records import (
    Cycle,
    CycleState,
    Evidence,
    Outcome,
    Pattern,
    State,
    Suggestion,
    SuggestionRow,
)
from habitus_server.writer import Writer

MAX_FIELD_CHARS = 32_768
CONTEXT_LIFE_S = 3_600.0
"""How long the context of suggestions that passed by unused is kept."""
PRUNE_EVERY = 500
REPAIR_S = 60.0
_UNUSED = (State.SUPERSEDED.value, State.EXPIRED.value)
_REQUESTED = "cycle_requested_at"

_SUGGESTION = """
    SELECT s.id, s.request_id, s.rank, s.window, s.path, s.language, s.model, s.adapter,
           s.offered_at, coalesce(c.prefix, ''), coalesce(c.suffix, ''), s.text, s.logprob,
           s.token_count, s.state, s.evidence, s.accepted_text, s.outcome, s.final_text,
           s.retained_chars, s.settled_at
    FROM suggestions s LEFT JOIN contexts c USING (request_id)
"""


class Event(msgspec.Struct, frozen=True):
    """One thing that happened to a suggestion."""

    kind: str
    at: float
    detail: dict[str, Any]


class Store:
    """One workspace's database; open it once per process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = Writer(path)
        self._reader: sqlite3.Connection | None = None
        self._reader_generation = -1
        self._reading = threading.Lock()
        self._added = 0

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open or make the database; raise `StoreError` where that is impossible."""
        return cls(path)

    @property
    def problems(self) -> list[str]:
        """What the user should know: recoveries, refused writes, slow file systems."""
        return self._writer.problems

    def close(self) -> None:
        """Write what is queued and close."""
        self._writer.close()
        with self._reading:
            if self._reader is not None:
                self._reader.close()
                self._reader = None

    # Writes: the future resolves after the commit, or with `StoreError`.

    def add_suggestions(self, suggestions: Sequence[Suggestion]) -> Future[None]:
        """Remember candidates as offered; known ids are left alone. Shares a later commit."""
        self._added += len(suggestions)
        prune = self._added >= PRUNE_EVERY
        if prune:
            self._added = 0

        def write(sql: sqlite3.Connection) -> None:
            for one in suggestions:
                _insert_suggestion(sql, one)
            if prune and suggestions:
                _prune_contexts(sql, max(one.offered_at for one in suggestions))

        return self._writer.submit(write, lazily=True)

    def add_event(
        self, suggestion_id: str, kind: str, at: float, detail: dict[str, Any] | None = None
    ) -> Future[None]:
        """Remember one thing that happened to a suggestion."""
        text = msgspec.json.encode(detail or {}).decode()

        def write(sql: sqlite3.Connection) -> None:
            sql.execute(
                "INSERT INTO events (suggestion_id, kind, at, detail) VALUES (?, ?, ?, ?)",
                (suggestion_id, kind, at, _storable(text)),
            )

        return self._writer.submit(write)

    def set_state(
        self,
        suggestion_id: str,
        state: State,
        at: float,
        evidence: Evidence | None = None,
        accepted_text: str | None = None,
        detail: dict[str, Any] | None = None,
    ) -> Future[None]:
        """Move a suggestion to a state, and remember the move as an event with `detail`.

        Evidence and accepted text stay as they were where None is given.
        """
        told = msgspec.json.encode(detail or {}).decode()

        def write(sql: sqlite3.Connection) -> None:
            done = sql.execute(
                "UPDATE suggestions SET state = ?, evidence = coalesce(?, evidence),"
                " accepted_text = coalesce(?, accepted_text), changed_at = ? WHERE id = ?",
                (
                    state.value,
                    evidence.value if evidence else None,
                    _storable(accepted_text),
                    at,
                    suggestion_id,
                ),
            )
            _require(done, suggestion_id)
            sql.execute(
                "INSERT INTO events (suggestion_id, kind, at, detail) VALUES (?, ?, ?, ?)",
                (suggestion_id, state.value, at, _storable(told)),
            )

        is_reaction = state not in (State.SHOWN, State.SUPERSEDED, State.EXPIRED)
        return self._writer.submit(write, lazily=not is_reaction)

    def settle(
        self,
        suggestion_id: str,
        outcome: Outcome,
        retained_chars: int,
        final_text: str,
        at: float,
    ) -> Future[None]:
        """Remember what became of a suggestion's text."""

        def write(sql: sqlite3.Connection) -> None:
            done = sql.execute(
                "UPDATE suggestions SET outcome = ?, retained_chars = ?, final_text = ?,"
                " settled_at = ?, changed_at = ? WHERE id = ?",
                (outcome.value, retained_chars, _storable(final_text), at, at, suggestion_id),
            )
            _require(done, suggestion_id)

        return self._writer.submit(write)

    def add_patterns(self, patterns: Sequence[Pattern]) -> Future[None]:
        """Remember hand-written code; known ids are left alone."""

        def write(sql: sqlite3.Connection) -> None:
            sql.executemany(
                "INSERT OR IGNORE INTO patterns (id, path, language, prefix, suffix, text,"
                " replaced, session, written_at, settled_at) VALUES (?,?,?,?,?,?,?,?,?,?)",
                [
                    (
                        one.id,
                        one.path,
                        one.language,
                        _storable(one.prefix, keep_end=True),
                        _storable(one.suffix),
                        _storable(one.text),
                        _storable(one.replaced),
                        one.session,
                        one.written_at,
                        one.settled_at,
                    )
                    for one in patterns
                ],
            )

        return self._writer.submit(write)

    def barrier(self) -> Future[None]:
        """Resolves when every write submitted before it is on disk."""
        return self._writer.submit(lambda _sql: None)

    # Reads: from any thread, on a connection of their own.

    def suggestions(
        self, *, since: float = 0.0, settled: bool | None = None
    ) -> list[SuggestionRow]:
        """Suggestions whose last change is at or after `since`, in order of change.

        `settled` asks for those with (True) or without (False) an outcome. The prefix
        and suffix of those that passed by unused become "" after an hour.
        """
        having = {None: "", True: "AND s.outcome IS NOT NULL", False: "AND s.outcome IS NULL"}
        rows = self._read(
            f"{_SUGGESTION} WHERE s.changed_at >= ? {having[settled]}"
            " ORDER BY s.changed_at, s.rowid",
            (since,),
        )
        return [_suggestion_row(row) for row in rows]

    def suggestion(self, suggestion_id: str) -> SuggestionRow | None:
        """One suggestion, or None where the id is unknown."""
        rows = self._read(f"{_SUGGESTION} WHERE s.id = ?", (suggestion_id,))
        return _suggestion_row(rows[0]) if rows else None

    def patterns(self, *, since: float = 0.0) -> list[Pattern]:
        """Hand-written code settled at or after `since`, in order of settling."""
        rows = self._read(
            "SELECT id, path, language, prefix, suffix, text, replaced, session, written_at,"
            " settled_at FROM patterns WHERE settled_at >= ? ORDER BY settled_at, rowid",
            (since,),
        )
        return [Pattern(*row) for row in rows]

    def events(self, suggestion_id: str) -> list[Event]:
        """What happened to a suggestion, in the order it was written."""
        rows = self._read(
            "SELECT kind, at, detail FROM events WHERE suggestion_id = ? ORDER BY id",
            (suggestion_id,),
        )
        return [Event(kind, at, msgspec.json.decode(detail)) for kind, at, detail in rows]

    def counts(self) -> dict[str, int]:
        """How many rows: `suggestions`, `patterns`, `cycles`, each state, each outcome."""
        counts = {one.value: 0 for one in (*State, *Outcome)}
        counts |= dict(self._read("SELECT state, count(*) FROM suggestions GROUP BY state"))
        counts |= dict(
            self._read(
                "SELECT outcome, count(*) FROM suggestions WHERE outcome IS NOT NULL"
                " GROUP BY outcome"
            )
        )
        for table in ("suggestions", "patterns", "cycles"):
            counts[table] = self._read(f"SELECT count(*) FROM {table}")[0][0]
        return counts

    def count_lessons(self, since: float) -> int:
        """How many suggestions have settled, or pieces of code come to rest, since then."""
        rows = self._read(
            "SELECT (SELECT count(*) FROM suggestions WHERE settled_at > ?)"
            " + (SELECT count(*) FROM patterns WHERE settled_at > ?)",
            (since, since),
        )
        return int(rows[0][0])

    def data_version(self) -> int:
        """A number that changes whenever anyone has committed, another process included."""
        return int(self._read("PRAGMA data_version")[0][0])

    # The learner's side. These return when they are on disk.

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
        encoded = msgspec.json.encode(figures).decode()
        self._writer.submit(
            lambda sql: sql.execute(
                "UPDATE cycles SET state = ?, finished_at = ?, adapter = ?, verdict = ?,"
                " figures = ?, progress = 1.0, stage = 'finished' WHERE id = ?",
                (state.value, at, adapter, _storable(verdict), encoded, cycle_id),
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

    def request_cycle(self, at: float) -> Future[None]:
        """Ask the learner for a cycle soon; asking twice is asking once."""
        return self._writer.submit(lambda sql: _set_meta(sql, _REQUESTED, repr(at)))

    def take_cycle_request(self) -> bool:
        """Whether a cycle was asked for; only one taker gets the yes."""
        if self.get_meta(_REQUESTED) is None:
            return False
        return self._writer.submit(
            lambda sql: sql.execute("DELETE FROM meta WHERE key = ?", (_REQUESTED,)).rowcount == 1
        ).result()

    def set_meta(self, key: str, value: str) -> None:
        """Remember a small fact by name."""
        self._writer.submit(lambda sql: _set_meta(sql, key, value)).result()

    def get_meta(self, key: str) -> str | None:
        """A small fact, or None."""
        rows = self._read("SELECT value FROM meta WHERE key = ?", (key,))
        return str(rows[0][0]) if rows else None

    def _read(self, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
        with self._reading:
            try:
                try:
                    return self._reading_connection().execute(query, values).fetchall()
                except sqlite3.DatabaseError as error:
                    if not is_damage(error):
                        raise
                    self._writer.repair().result(REPAIR_S)
                    return self._reading_connection().execute(query, values).fetchall()
            except (sqlite3.Error, TimeoutError) as error:
                raise StoreError(
                    f"The signal store {self._path} cannot be read ({error}); "
                    "it is checked and repaired when it is opened next."
                ) from error

    def _reading_connection(self) -> sqlite3.Connection:
        if self._reader is None or self._reader_generation != self._writer.generation:
            if self._reader is not None:
                self._reader.close()
            self._reader_generation = self._writer.generation
            self._reader = connect_reader(self._path)
        return self._reader


def _insert_suggestion(sql: sqlite3.Connection, one: Suggestion) -> None:
    sql.execute(
        "INSERT OR IGNORE INTO contexts VALUES (?, ?, ?, ?)",
        (
            one.request_id,
            _storable(one.prefix, keep_end=True),
            _storable(one.suffix),
            one.offered_at,
        ),
    )
    sql.execute(
        "INSERT OR IGNORE INTO suggestions (id, request_id, rank, window, path, language, model,"
        " adapter, offered_at, text, logprob, token_count, state, changed_at)"
        " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        (
            one.id,
            one.request_id,
            one.rank,
            one.window,
            one.path,
            one.language,
            one.model,
            one.adapter,
            one.offered_at,
            _storable(one.text),
            one.logprob,
            one.token_count,
            State.OFFERED.value,
            one.offered_at,
        ),
    )


def _prune_contexts(sql: sqlite3.Connection, now: float) -> None:
    sql.execute(
        "DELETE FROM contexts WHERE offered_at < ? AND NOT EXISTS (SELECT 1 FROM suggestions s"
        " WHERE s.request_id = contexts.request_id AND s.state NOT IN (?, ?))",
        (now - CONTEXT_LIFE_S, *_UNUSED),
    )


def _set_meta(sql: sqlite3.Connection, key: str, value: str) -> None:
    sql.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, _storable(value)))


def _require(done: sqlite3.Cursor, suggestion_id: str) -> None:
    if done.rowcount != 1:
        raise StoreError(f"The store knows no suggestion {suggestion_id}; nothing was changed.")


def _storable(text: str | None, *, keep_end: bool = False) -> str | None:
    """A text that fits its field and that UTF-8 can hold."""
    if text is None:
        return None
    if len(text) > MAX_FIELD_CHARS:
        text = text[-MAX_FIELD_CHARS:] if keep_end else text[:MAX_FIELD_CHARS]
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")


def _suggestion_row(row: Sequence[Any]) -> SuggestionRow:
    return SuggestionRow(
        suggestion=Suggestion(*row[:14]),
        state=State(row[14]),
        evidence=Evidence(row[15]) if row[15] else None,
        accepted_text=row[16],
        outcome=Outcome(row[17]) if row[17] else None,
        final_text=row[18],
        retained_chars=row[19],
        settled_at=row[20],
    )
