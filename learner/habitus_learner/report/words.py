"""Numbers, times and names as the report writes them."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime

from habitus_learner.statistics import Interval


def count(number: float, one: str, many: str | None = None) -> str:
    """A number of things: "1 place", "1,204 places"."""
    return f"{number:,.0f} {one if number == 1 else many or one + 's'}"


def percent(share: float) -> str:
    """A share of 0 to 1; below ten per cent with a digit more."""
    return f"{share:.1%}" if 0.0 < share < 0.1 else f"{share:.0%}"


def percents(interval: Interval) -> str:
    """A share with its bounds."""
    return _with_bounds(interval, percent)


def decimals(interval: Interval, digits: int = 1) -> str:
    """A number with its bounds."""
    return _with_bounds(interval, lambda value: f"{value:.{digits}f}")


def _with_bounds(interval: Interval, write: Callable[[float], str]) -> str:
    if not interval.clusters:
        return "–"
    if not math.isfinite(interval.low):
        return write(interval.mean)
    return f"{write(interval.mean)} ({write(interval.low)} to {write(interval.high)})"


def date(at: float) -> str:
    """A day, such as "3 November 2026"."""
    when = _local(at)
    return f"{when.day} {when:%B %Y}"


def short_date(at: float) -> str:
    """The same for an axis: "3 Nov"."""
    when = _local(at)
    return f"{when.day} {when:%b}"


def month(at: float) -> str:
    """A month for an axis: "Nov 2026"."""
    return f"{_local(at):%b %Y}"


def moment(at: float) -> str:
    """A day and time: "2026-11-03 14:05"."""
    return f"{_local(at):%Y-%m-%d %H:%M}"


def day_key(at: float) -> str:
    """The local day as "2026-11-03"."""
    return f"{_local(at):%Y-%m-%d}"


def version(name: str | None) -> str:
    """Such as "version 4" for "0004-31f0b3cf"; base weights have no version."""
    if name is None:
        return "base weights"
    number = name.partition("-")[0]
    return f"version {int(number)}" if number.isdigit() else f"version {name}"


def sentence(text: str) -> str:
    """With a capital letter."""
    return text[:1].upper() + text[1:]


def _local(at: float) -> datetime:
    return datetime.fromtimestamp(at).astimezone()
