"""Where a value lies on a drawing.

Promises that a scale keeps order and maps its bounds to its ends, and ticks at round
numbers within its bounds. Pure arithmetic: knows no value's meaning and no drawing.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise

import msgspec

SHORT_BREAK_DAYS = 21.0
LONGEST_BREAK = 0.08
"""A stretch without anything may take this share of the whole time, or so many days."""

_ROUND = (1.0, 2.0, 5.0, 10.0)


class Scale(msgspec.Struct, frozen=True):
    """Maps `low` to `start` and `high` to `end`, in between evenly; `low` is below `high`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The position of a value; one outside the bounds lies at the nearer end."""
        share = (min(self.high, max(self.low, value)) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self, about: int) -> list[float]:
        """Round values within the bounds, evenly apart, no more than `about` + 1."""
        step = round_step((self.high - self.low) / max(1, about))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


class Calendar(msgspec.Struct, frozen=True):
    """Days along an axis on which long stretches without anything are cut short.

    `knots` are (day, position), both growing; `cuts` the first and last day of what is cut.
    """

    knots: tuple[tuple[float, float], ...]
    cuts: tuple[tuple[float, float], ...]

    def at(self, day: float) -> float:
        """The position of a day; one before the first or after the last lies at that end."""
        days = [known for known, _ in self.knots]
        number = bisect_right(days, day)
        if number in (0, len(days)):
            return self.knots[max(0, number - 1)][1]
        (before, left), (after, right) = self.knots[number - 1 : number + 1]
        return left + (day - before) / (after - before) * (right - left)

    def is_cut(self, day: float) -> bool:
        """Whether a day lies within what is cut."""
        return any(first < day < last for first, last in self.cuts)


def calendar(eventful: Iterable[float], start: float, end: float) -> Calendar:
    """An axis over days on which something happened, two at least."""
    days = sorted(set(eventful))
    longest = max(SHORT_BREAK_DAYS, LONGEST_BREAK * (days[-1] - days[0]))
    cuts = [(a, b) for a, b in pairwise(days) if b - a > longest]
    steps = (min(longest, b - a) for a, b in pairwise(days))
    along = list(accumulate(steps, initial=0.0))
    scale = Scale(0.0, along[-1], start, end)
    knots = zip(days, (scale.at(one) for one in along), strict=True)
    return Calendar(tuple(knots), tuple(cuts))


def scale_around(values: Iterable[float], start: float, end: float, *, room: float = 0.08) -> Scale:
    """A scale that holds every finite value, with some room at both ends."""
    finite = [value for value in values if math.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    if high - low <= 1e-9 * max(1.0, abs(high)):
        spread = 0.5 * abs(high) or 1.0
        return Scale(low - spread, high + spread, start, end)
    margin = room * (high - low)
    return Scale(low - margin, high + margin, start, end)


def scale_from_zero(values: Iterable[float], start: float, end: float) -> Scale:
    """A scale from zero to the first round value that is not below any of the values."""
    top = max((value for value in values if math.isfinite(value)), default=0.0)
    if top <= 0.0:
        return Scale(0.0, 1.0, start, end)
    step = round_step(top / 3)
    return Scale(0.0, step * math.ceil(top / step - 1e-9), start, end)


def round_step(least: float) -> float:
    """The smallest of 1, 2 or 5 times a power of ten that is not below `least` (above 0)."""
    power = 10.0 ** math.floor(math.log10(least))
    return next((n * power for n in _ROUND if n * power >= least * (1 - 1e-9)), 10.0 * power)


def spread(wanted: Sequence[float], widths: Sequence[float]) -> list[float]:
    """Middles of labels as near to the wanted ones as they can be without overlapping, in
    their order; none is moved to the left."""
    placed = [0.0] * len(wanted)
    edge = -math.inf
    for number in sorted(range(len(wanted)), key=lambda n: wanted[n]):
        placed[number] = max(wanted[number], edge + widths[number] / 2)
        edge = placed[number] + widths[number] / 2
    return placed
