"""Requests as the guard counts them: what was shown, and what became of it; silence too."""

from __future__ import annotations

from concurrent.futures import Future

from habitus_server.records import Fate, Outcome, State
from habitus_server.store.access import Access


class Silences(Access):
    """The table `silences`, and what of `suggestions` stands beside it."""

    def add_silence(self, window: str, adapter: str | None, at: float) -> Future[None]:
        """Remember that an adapter answered and nothing was shown."""

        return self._writer.submit(
            lambda sql: sql.execute(
                "INSERT INTO silences VALUES (?, ?, ?)", (window, adapter, at)
            ).close(),
            lazily=True,
        )

    def fates(self, since: float) -> list[Fate]:
        """Requests that were answered, or whose fate changed, at or after `since`, in the order
        in which they were answered."""
        rows = self._read(
            "SELECT window, adapter, offered_at AS at, state, outcome, retained_chars"
            " FROM suggestions WHERE changed_at >= ?1 AND rank = 0"
            " UNION ALL SELECT window, adapter, at, NULL, NULL, NULL FROM silences"
            " WHERE at >= ?1 ORDER BY at",
            (since,),
        )
        return [
            Fate(
                window,
                adapter,
                at,
                None if state is None else State(state),
                None if outcome is None else Outcome(outcome),
                chars,
            )
            for window, adapter, at, state, outcome, chars in rows
        ]
