"""Accepted text after its settlement, while somebody may still ask for it.

Promises to follow settled text through later edits, to measure it at the horizons that are
left, and to say what of it stands in the document, for `STANDS_S` after its acceptance. It
judges nothing: an outcome is given once (`retention`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec

from habitus_server.moves import Moves
from habitus_server.records import Outcome
from habitus_server.retention import Accepted, Measurement
from habitus_server.spans import TrackedSpan
from habitus_server.text import Buffer, Change

STANDS_S = 86_400.0
MAX_STANDING = 100
"""Settled texts followed per document; past this the oldest are forgotten."""


class Standing(msgspec.Struct, frozen=True):
    """What stands of an accepted suggestion; `first_line` counts from 0, breaks are LF."""

    suggestion_id: str
    first_line: int
    text: str


class Shelf:
    """The settled texts of one document; those that a person typed in full are `by_hand`."""

    def __init__(self) -> None:
        self._texts: dict[str, Accepted] = {}
        self._by_hand: set[str] = set()
        self._due = math.inf
        """No horizon comes sooner."""

    def __iter__(self) -> Iterator[Accepted]:
        return iter(self._texts.values())

    def put(self, accepted: Accepted, *, by_hand: bool, at: float) -> None:
        """Keep a text that has settled."""
        self._texts[accepted.suggestion_id] = accepted
        self._due = min(self._due, accepted.next_horizon() or math.inf)
        if by_hand:
            self._by_hand.add(accepted.suggestion_id)
        old = [one for one in self if at - one.at > STANDS_S]
        crowd = list(self)[: max(0, len(self._texts) - MAX_STANDING)]
        for one in (*old, *crowd):
            self._texts.pop(one.suggestion_id, None)
            self._by_hand.discard(one.suggestion_id)

    def follow(self, change: Change, moves: Moves, at: float) -> None:
        """Move every text through the edits of one notification."""
        for one in self:
            one.follow(change, moves, at)

    def due(self) -> float | None:
        """When a horizon comes next."""
        return min((due for one in self if (due := one.next_horizon()) is not None), default=None)

    def measure_due(self, at: float) -> list[Measurement]:
        """Measurements at the horizons that have passed."""
        if at < self._due:
            return []
        measured = [measured for one in self for measured in one.measure_due(at)]
        self._due = self.due() or math.inf
        return measured

    def measure(self, moment: str, at: float) -> list[Measurement]:
        """Measurements at a moment of its own, of what still has a horizon ahead."""
        return [one.measure(moment, at) for one in self if one.next_horizon() is not None]

    def rest(self) -> None:
        """Measure nothing more: what comes is not what became of these texts."""
        for one in self:
            one.rest()

    def spans(self) -> dict[str, TrackedSpan]:
        """Where the model's own words are, by suggestion."""
        return {
            one.suggestion_id: one.span for one in self if one.suggestion_id not in self._by_hand
        }


def standing_of(accepted: Accepted, buffer: Buffer, at: float) -> Standing | None:
    """What stands of an accepted text now; None when it is old, or gone for the most part."""
    is_gone = accepted.is_lost or accepted.outcome() is Outcome.REVERTED
    if is_gone or at - accepted.at > STANDS_S:
        return None
    line = buffer.line_at(accepted.span.end - len(accepted.present_text))
    return Standing(accepted.suggestion_id, line, accepted.final_text)
