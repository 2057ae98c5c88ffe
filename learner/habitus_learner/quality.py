"""How good a piece of code proved to be, as one number.

Promises the one formula of docs/examples.md: between 0 and 1, never lower for better
evidence, and with a person's rating above everything else. Knows numbers only.
"""

from __future__ import annotations

import msgspec

from habitus_server.records import Rating

TESTS_BELIEVED = (9.0, 1.0)
"""What test results start from, passed and failed: one failure is seldom one line's fault."""

ON_THE_WAY = 0.9
"""Of the worth of committed code, what code is worth that is not committed (yet)."""
UNDONE = 0.2
"""The same for code that was committed and taken out again."""

UNRATED = (0.1, 0.9)
RATED = {Rating.BAD: (0.0, 0.1), Rating.GOOD: (0.9, 1.0)}
"""The range that evidence decides within: a rating decides which range."""


class Signs(msgspec.Struct, frozen=True):
    """What is known of a piece of code; each default stands for "nothing".

    `retained` is the share of its characters that stayed; the pairs count syntax errors
    around it, and errors and warnings on its lines, before it came and afterwards.
    """

    retained: float = 1.0
    parse_before: int | None = None
    parse_after: int | None = None
    diagnostics_before: int | None = None
    diagnostics_after: int | None = None
    tests_passed: int = 0
    tests_failed: int = 0
    has_landed: bool = False
    is_undone: bool = False
    rating: Rating | None = None


def quality(signs: Signs) -> float:
    """The quality of a piece of code, 0 to 1."""
    low, high = UNRATED if signs.rating is None else RATED[signs.rating]
    return low + (high - low) * _worth(signs)


def praise(signs: Signs) -> float:
    """Quality as a factor for a weight: 1 where nothing is known."""
    return quality(signs) / quality(Signs())


def blame(signs: Signs) -> float:
    """Its opposite, for code that was refused: 1 where nothing but the refusal is known."""
    return (1.0 - quality(signs)) / (1.0 - quality(Signs(retained=0.0)))


def _worth(signs: Signs) -> float:
    parse = 1.0 / (1.0 + _added(signs.parse_before, signs.parse_after))
    diagnostics = 2.0 / (2.0 + _added(signs.diagnostics_before, signs.diagnostics_after))
    passed = TESTS_BELIEVED[0] + signs.tests_passed
    failed = TESTS_BELIEVED[1] + signs.tests_failed
    landing = UNDONE if signs.is_undone else 1.0 if signs.has_landed else ON_THE_WAY
    retained = min(1.0, max(0.0, signs.retained))
    return retained * parse * diagnostics * (passed / (passed + failed)) * landing


def _added(before: int | None, after: int | None) -> int:
    """How many more there are than before; what was not counted, nobody saw."""
    return 0 if after is None else max(0, after - (before or 0))
