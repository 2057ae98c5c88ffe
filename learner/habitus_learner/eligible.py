"""What counts as one request when an adapter is watched, and what was retained of it.

Promises one value for each time that somebody could have been helped: what was taken counts
the characters that stayed, everything else nothing, silence included. Keys typed on past
changing suggestions are one request, not one each. Pure; reads `fates` of the store.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from habitus_server.records import TAKEN, Fate, Outcome, State

OCCASION_S = 10.0
"""What passed by within this time was one occasion: about a line's typing."""

OPEN_S = 3_600.0
"""A suggestion that is open for longer was lost with its window, and says nothing."""

_PASSED = frozenset({None, State.SUPERSEDED})
_OPEN = frozenset({State.OFFERED, State.SHOWN})


class Request(msgspec.Struct, frozen=True):
    """An eligible request under an adapter (None: base weights), and characters retained of it."""

    adapter: str | None
    at: float
    chars: int


def eligible(fates: Iterable[Fate], now: float) -> list[Request]:
    """The requests that are decided, in time order.

    Nothing after one that is still open counts yet: rejections are known at once and
    acceptances minutes later, and to count what is known first would make every adapter
    look worse than it is.
    """
    windows: dict[str, list[Fate]] = {}
    until = math.inf
    for fate in fates:
        if not _is_open(fate):
            windows.setdefault(fate.window, []).append(fate)
        elif now - fate.at < OPEN_S:
            until = min(until, fate.at)
    found = [one for some in windows.values() for one in _occasions(some, now) if one.at < until]
    return sorted(found, key=lambda one: one.at)


def _occasions(fates: Sequence[Fate], now: float) -> Iterator[Request]:
    """One window's requests: what passed by joins what came of the same occasion."""
    passing: Request | None = None
    for fate in fates:
        if passing is not None and not _belongs(fate, passing):
            yield passing
            passing = None
        if fate.state in _PASSED:
            passing = passing or Request(fate.adapter, fate.at, 0)
            continue
        passing = None
        if fate.outcome is not Outcome.CENSORED:
            chars = (fate.retained_chars or 0) if fate.state in TAKEN else 0
            yield Request(fate.adapter, fate.at, chars)
    if passing is not None and now - passing.at > OCCASION_S:
        yield passing


def _belongs(fate: Fate, passing: Request) -> bool:
    return fate.adapter == passing.adapter and fate.at - passing.at <= OCCASION_S


def _is_open(fate: Fate) -> bool:
    return fate.state in _OPEN or (fate.state in TAKEN and fate.outcome is None)
