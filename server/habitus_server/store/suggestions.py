"""What was suggested, the context it was suggested in, and what became of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import msgspec

from habitus_server.errors import StoreError
from habitus_server.records import Evidence, Outcome, Rating, State, Suggestion, SuggestionRow
from habitus_server.store.access import Access
from habitus_server.store.fields import as_json, storable
from habitus_server.store.graves import is_buried

CONTEXT_LIFE_S = 3_600.0
"""How long the context of suggestions that passed by unused is kept."""
PRUNE_EVERY = 500
_PRUNE_BACK_S = 86_400.0
_UNUSED = (State.SUPERSEDED.value, State.EXPIRED.value)

_SUGGESTION = """
    SELECT s.id, s.request_id, s.rank, s.window, s.path, s.language, s.model, s.adapter,
           s.offered_at, coalesce(c.prefix, ''), coalesce(c.suffix, ''), s.text, s.logprob,
           s.token_count, s.state, s.evidence, s.accepted_text, s.outcome, s.final_text,
           s.retained_chars, s.settled_at, s.rating, s.rating_word, s.rated_at, s.parse_before,
           s.parse_after, s.diagnostics_before, s.diagnostics_after, s.moved_to
    FROM suggestions s LEFT JOIN contexts c USING (request_id)
"""


class Event(msgspec.Struct, frozen=True):
    """One thing that happened to a suggestion."""

    kind: str
    at: float
    detail: dict[str, Any]


class Suggestions(Access):
    """The tables `suggestions`, `contexts` and `events`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._added = 0

    def add_suggestions(self, suggestions: Sequence[Suggestion]) -> Future[None]:
        """Remember candidates as offered; known ids are left alone. Shares a later commit."""
        self._added += len(suggestions)
        prune = self._added >= PRUNE_EVERY
        if prune:
            self._added = 0

        def write(sql: sqlite3.Connection) -> None:
            for one in suggestions:
                if not is_buried(sql, one.path, one.offered_at):
                    _insert_suggestion(sql, one)
            if prune and suggestions:
                _prune_contexts(sql, max(one.offered_at for one in suggestions))

        return self._writer.submit(write, lazily=True)

    def add_event(
        self, suggestion_id: str, kind: str, at: float, detail: dict[str, Any] | None = None
    ) -> Future[None]:
        """Remember one thing that happened to a suggestion."""
        text = as_json(detail or {})
        return self._writer.submit(lambda sql: _insert_event(sql, suggestion_id, kind, at, text))

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
        told = as_json(detail or {})

        def write(sql: sqlite3.Connection) -> None:
            _change(
                sql,
                suggestion_id,
                at,
                "state = ?, evidence = coalesce(?, evidence),"
                " accepted_text = coalesce(?, accepted_text)",
                (state.value, evidence.value if evidence else None, storable(accepted_text)),
            )
            _insert_event(sql, suggestion_id, state.value, at, told)

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
        return self._writer.submit(
            lambda sql: _change(
                sql,
                suggestion_id,
                at,
                "outcome = ?, retained_chars = ?, final_text = ?, settled_at = ?",
                (outcome.value, retained_chars, storable(final_text), at),
            )
        )

    def rate(self, suggestion_id: str, rating: Rating, word: str | None, at: float) -> Future[None]:
        """Remember what the developer said of a suggestion; the last word counts."""
        told = as_json({"rating": rating.value, "word": storable(word)})

        def write(sql: sqlite3.Connection) -> None:
            _change(
                sql,
                suggestion_id,
                at,
                "rating = ?, rating_word = ?, rated_at = ?",
                (rating.value, storable(word), at),
            )
            _insert_event(sql, suggestion_id, "rated", at, told)

        return self._writer.submit(write)

    def note_parse(
        self, suggestion_id: str, before: int | None, after: int | None, at: float
    ) -> Future[None]:
        """Remember the syntax errors around a suggestion; None leaves what is known."""
        return self._note(
            suggestion_id,
            at,
            "parse_before = coalesce(?, parse_before), parse_after = coalesce(?, parse_after)",
            (before, after),
        )

    def note_diagnostics(
        self, suggestion_id: str, before: int | None, after: int | None, at: float
    ) -> Future[None]:
        """Remember the errors and warnings on its lines; None leaves what is known."""
        return self._note(
            suggestion_id,
            at,
            "diagnostics_before = coalesce(?, diagnostics_before),"
            " diagnostics_after = coalesce(?, diagnostics_after)",
            (before, after),
        )

    def note_move(self, suggestion_id: str, path: str, at: float) -> Future[None]:
        """Remember the file that a suggestion's text was moved to."""
        told = as_json({"path": path})

        def write(sql: sqlite3.Connection) -> None:
            _change(sql, suggestion_id, at, "moved_to = ?", (path,))
            _insert_event(sql, suggestion_id, "moved", at, told)

        return self._writer.submit(write)

    def _note(
        self, suggestion_id: str, at: float, assignments: str, values: tuple[Any, ...]
    ) -> Future[None]:
        return self._writer.submit(
            lambda sql: _change(sql, suggestion_id, at, assignments, values), lazily=True
        )

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

    def events(self, suggestion_id: str) -> list[Event]:
        """What happened to a suggestion, in the order it was written."""
        rows = self._read(
            "SELECT kind, at, detail FROM events WHERE suggestion_id = ? ORDER BY id",
            (suggestion_id,),
        )
        return [Event(kind, at, msgspec.json.decode(detail)) for kind, at, detail in rows]


def _insert_suggestion(sql: sqlite3.Connection, one: Suggestion) -> None:
    sql.execute(
        "INSERT OR IGNORE INTO contexts VALUES (?, ?, ?, ?)",
        (
            one.request_id,
            storable(one.prefix, keep_end=True),
            storable(one.suffix),
            one.offered_at,
        ),
    )
    sql.execute(
        "INSERT OR IGNORE INTO suggestions (id, request_id, rank, window, path, language, model,"
        " adapter, offered_at, text, logprob, token_count, state, changed_at, features)"
        " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
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
            storable(one.text),
            one.logprob,
            one.token_count,
            State.OFFERED.value,
            one.offered_at,
            as_json(one.features) if one.features else None,
        ),
    )


def _prune_contexts(sql: sqlite3.Connection, now: float) -> None:
    # Only the last day is looked through: the cost must not grow with the store.
    sql.execute(
        "DELETE FROM contexts WHERE offered_at BETWEEN ? AND ? AND NOT EXISTS (SELECT 1"
        " FROM suggestions s WHERE s.request_id = contexts.request_id"
        " AND s.state NOT IN (?, ?))",
        (now - _PRUNE_BACK_S, now - CONTEXT_LIFE_S, *_UNUSED),
    )


def _insert_event(
    sql: sqlite3.Connection, suggestion_id: str, kind: str, at: float, detail: str
) -> None:
    sql.execute(
        "INSERT INTO events (suggestion_id, kind, at, detail) VALUES (?, ?, ?, ?)",
        (suggestion_id, kind, at, detail),
    )


def _change(
    sql: sqlite3.Connection,
    suggestion_id: str,
    at: float,
    assignments: str,
    values: tuple[Any, ...],
) -> None:
    done = sql.execute(
        f"UPDATE suggestions SET {assignments}, changed_at = ? WHERE id = ?",
        (*values, at, suggestion_id),
    )
    if done.rowcount != 1:
        raise StoreError(f"The store knows no suggestion {suggestion_id}; nothing was changed.")


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
        rating=Rating(row[21]) if row[21] else None,
        rating_word=row[22],
        rated_at=row[23],
        parse_before=row[24],
        parse_after=row[25],
        diagnostics_before=row[26],
        diagnostics_after=row[27],
        moved_to=row[28],
    )
