"""The states of a suggestion: which may follow which, and the news that one was reached.

Values and one table; knows no text and no time of its own.
"""

from __future__ import annotations

from typing import Any

import msgspec

from habitus_server.records import TAKEN, Evidence, State

OPEN = frozenset({State.OFFERED, State.SHOWN})
ENDS = frozenset({State.DISMISSED, State.SUPERSEDED, State.EXPIRED})

TRANSITIONS: dict[State, frozenset[State]] = {
    # Anything may happen to what is open.
    State.OFFERED: frozenset({State.SHOWN}) | TAKEN | ENDS,
    State.SHOWN: TAKEN | ENDS,
    # A report may confirm an inference, and another's report or text may take it back.
    State.ACCEPTED: frozenset({State.ACCEPTED, State.SUPERSEDED}),
    # Word by word, up to the whole.
    State.PARTIALLY_ACCEPTED: frozenset(
        {State.PARTIALLY_ACCEPTED, State.ACCEPTED, State.SUPERSEDED}
    ),
    State.TYPED_THROUGH: frozenset({State.ACCEPTED, State.SUPERSEDED}),
    # Within the grace period an acceptance was only late.
    State.SUPERSEDED: frozenset({State.ACCEPTED, State.PARTIALLY_ACCEPTED, State.DISMISSED}),
    State.DISMISSED: frozenset({State.ACCEPTED, State.PARTIALLY_ACCEPTED}),
    State.EXPIRED: frozenset({State.ACCEPTED, State.PARTIALLY_ACCEPTED}),
}
"""Which states may follow which; a report of anything else is ignored."""


class Transition(msgspec.Struct, frozen=True):
    """A suggestion reached a state; accepted text has LF line breaks."""

    suggestion_id: str
    state: State
    at: float
    evidence: Evidence | None = None
    accepted_text: str | None = None
    detail: dict[str, Any] = {}


class Moved(msgspec.Struct, frozen=True):
    """An accepted text stands in another place, or its file has another name."""

    suggestion_id: str
    at: float
