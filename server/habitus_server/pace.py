"""How long to wait for the next key before the engine is asked.

Promises no wait while the engine answers faster than the user types, and never more than
`LONGEST_S`. A slow engine is asked once a pause in typing makes it likely that its answer
will still be wanted. Times are seconds of any one clock.
"""

from __future__ import annotations

FAST_S = 0.08
"""An engine that answers within this is asked at every key."""
LONGEST_S = 0.3
USUAL_GAP_S = 0.18
"""Between two keys, until this user's rhythm is known."""
PAUSE_S = 1.0
"""A longer gap is no rhythm."""
PATIENCE = 1.5
"""In gaps: by then most users who type on have typed on."""
_NEW = 0.2


class Pace:
    """One window's rhythm and its engine's speed; moving averages."""

    def __init__(self) -> None:
        self._answer_s = 0.0
        self._gap_s = USUAL_GAP_S
        self._last_key_s = float("-inf")

    def typed(self, now_s: float) -> None:
        """A key was pressed."""
        gap = now_s - self._last_key_s
        self._last_key_s = now_s
        if 0 < gap < PAUSE_S:
            self._gap_s += _NEW * (gap - self._gap_s)

    def answered(self, took_s: float) -> None:
        """The engine has answered."""
        if self._answer_s:
            took_s = self._answer_s + _NEW * (took_s - self._answer_s)
        self._answer_s = took_s

    def wait_s(self, now_s: float) -> float:
        """How long from now to wait."""
        if self._answer_s <= FAST_S or self._answer_s <= self._gap_s / 2:
            return 0.0
        wanted = min(PATIENCE * self._gap_s, self._answer_s / 2, LONGEST_S)
        return max(0.0, wanted - max(0.0, now_s - self._last_key_s))
