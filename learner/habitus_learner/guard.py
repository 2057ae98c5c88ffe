"""Watches a published adapter at work, and says when it does harm.

Promises an answer that may be asked for after every suggestion: under "no harm" the
chance of ever saying harm is at most `LEVEL`, however often one looks. Takes numbers
only; taking the adapter back is `registry`'s.

The unit is one suggestion shown, its value the characters retained of it. The earlier
adapter's mean is bounded from below with half of the level; against that bound the new
adapter's values are tested with the other half. Both by betting (Waudby-Smith and
Ramdas, arXiv 2010.09686): where a mean is as supposed, a fortune bet on its being
otherwise rarely grows, and 1/level of growth is evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from habitus_server.records import State, SuggestionRow

LEVEL = 0.05
CAP_CHARS = 64
"""Characters retained of one suggestion count up to here: bets need bounded values."""

MARGIN = 0.1
"""Harm begins this far below the earlier mean: projects differ from week to week."""

_MOST_BET = 0.75
"""Of what may be bet without the risk of ruin."""

_GRID = 400

_UNSEEN = frozenset({State.OFFERED, State.SUPERSEDED})


class Harm(msgspec.Struct, frozen=True):
    """Evidence against an adapter: `wealth` is at least 1/(level of the test)."""

    wealth: float
    shown: int
    mean_before: float
    mean_now: float

    @property
    def sentence(self) -> str:
        """What happened, for the status and the store."""
        return (
            f"Rolled back: {self.mean_now:.1f} characters retained per suggestion over "
            f"{self.shown} shown, {self.mean_before:.1f} with the adapter before "
            f"(evidence {self.wealth:.0f} to 1)."
        )


def harm(before: Sequence[float], now: Sequence[float], *, level: float = LEVEL) -> Harm | None:
    """Evidence that values `now` have a lower mean than those `before`, or None.

    Values are characters retained per suggestion shown, in time order.
    """
    earlier, later = [_unit(v) for v in before], [_unit(v) for v in now]
    reference = (1.0 - MARGIN) * _lower_bound(earlier, level / 2)
    if reference <= 0.0:
        return None
    for shown, wealth in enumerate(_wealth(later, reference, sign=-1.0), start=1):
        if wealth >= 2.0 / level:
            return Harm(
                wealth=wealth,
                shown=shown,
                mean_before=CAP_CHARS * sum(earlier) / len(earlier),
                mean_now=CAP_CHARS * sum(later[:shown]) / shown,
            )
    return None


def retained_per_shown(rows: Iterable[SuggestionRow], adapter: str | None) -> list[float]:
    """The characters retained of each settled suggestion that an adapter showed, in order."""
    shown = [
        row
        for row in rows
        if row.suggestion.adapter == adapter
        and row.state not in _UNSEEN
        and row.settled_at is not None
    ]
    shown.sort(key=lambda row: row.suggestion.offered_at)
    return [float(row.retained_chars or 0) for row in shown]


def _lower_bound(values: Sequence[float], level: float) -> float:
    """The largest mean that the values speak against, on a grid; zero when they do not."""
    bound = 0.0
    for step in range(1, _GRID):
        reference = step / _GRID
        if max(_wealth(values, reference, sign=1.0), default=0.0) < 1.0 / level:
            break
        bound = reference
    return bound


def _wealth(values: Iterable[float], reference: float, *, sign: float) -> Iterator[float]:
    """Fortune after each value when betting that the mean lies above (`sign` 1) or below.

    A martingale where the mean is the reference. Each bet is set from the past alone;
    one imagined value at the reference keeps the first ones small.
    """
    room = reference if sign > 0 else 1.0 - reference
    wealth, count, total, squares = 1.0, 1.0, reference, 0.25
    for value in values:
        gain = sign * (total / count - reference)
        bet = max(0.0, gain / (squares / count + gain * gain))
        wealth *= 1.0 + min(bet, _MOST_BET / room) * sign * (value - reference)
        squares += (value - total / count) ** 2
        total += value
        count += 1.0
        yield wealth


def _unit(value: float) -> float:
    return min(1.0, max(0.0, value / CAP_CHARS))
