"""How far it pays to read ahead along a draft.

Promises the draft length that gives the most tokens for the time spent, going by
which drafts were right lately and by what longer reads cost here; none at all while
drafts lose time, with a short trial now and then. Knows counts and durations only.
"""

from __future__ import annotations

MOST = 8
"""Drafts longer than this are seldom right to their end."""

TRIAL_EVERY = 24
"""While drafts do not pay, one in so many steps tries whether they do by now."""

TRIAL = 2
_MEMORY = 0.06
"""How much the newest outcome counts; older ones fade."""


class Pace:
    """The draft length of one workspace, from its own outcomes."""

    def __init__(self) -> None:
        self._right = 0.6  # chance that a drafted token is the one chosen, if asked at all
        self._alone_s = 0.0  # a step without a draft
        self._added = 0.1  # what one more token adds to a step, as a share of it
        self._idle = 0

    def limit(self) -> int:
        """Tokens worth drafting for the next step."""
        best = max(range(MOST + 1), key=self._gain)
        if best:
            return best
        self._idle += 1
        return TRIAL if self._idle % TRIAL_EVERY == 0 else 0

    def note_outcome(self, asked: int, right: int) -> None:
        """Of a draft's tokens `asked` were compared, and the first `right` were right."""
        for index in range(asked):
            self._right += _MEMORY * ((index < right) - self._right)

    def note_cost(self, drafted: int, seconds: float) -> None:
        """A step that read `drafted` tokens beside its own took so long."""
        if not drafted:
            self._alone_s += (_MEMORY if self._alone_s else 1.0) * (seconds - self._alone_s)
        elif self._alone_s:
            added = (seconds / self._alone_s - 1.0) / drafted
            # One slow step says that the machine was busy, not that drafts are dear.
            self._added += _MEMORY * (min(max(added, 0.0), 1.0) - self._added)

    def _gain(self, length: int) -> float:
        """Tokens per time of a plain step, when `length` are drafted."""
        written = sum(self._right**index for index in range(length + 1))
        return written / (1.0 + self._added * length)
