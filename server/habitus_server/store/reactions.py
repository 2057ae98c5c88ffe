"""What became of suggestions, as far as the estimate of their chance asks."""

from __future__ import annotations

import msgspec

from habitus_server.records import TAKEN, Outcome, State
from habitus_server.store.access import Access

_PASSED_BY = (State.DISMISSED, State.SUPERSEDED, State.EXPIRED)


class Reactions(Access):
    """Features and fate of the table `suggestions`."""

    def reactions(self, limit: int) -> list[tuple[tuple[float, ...], bool]]:
        """The newest suggestions that came to an end: their features, and whether they were
        taken and not reverted."""
        states = (*TAKEN, *_PASSED_BY)
        rows = self._read(
            "SELECT features, state, outcome FROM suggestions WHERE features IS NOT NULL"
            f" AND rank = 0 AND state IN ({','.join('?' * len(states))})"
            " ORDER BY changed_at DESC LIMIT ?",
            (*(state.value for state in states), limit),
        )
        taken = {state.value for state in TAKEN}
        return [
            (
                msgspec.json.decode(features, type=tuple[float, ...]),
                state in taken and outcome != Outcome.REVERTED.value,
            )
            for features, state, outcome in rows
        ]
