"""Evidence for the next token: what followed, made into levels for the gates.

Promises levels from the longest match to shorter ones, each only where it adds much.
Knows tokens as numbers.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from habitus_server.engine.gates import Level
from habitus_server.engine.segment import GAP, Ids

_LEVELS = 3
_ZERO = np.zeros(1, np.int64)


class Seen(msgspec.Struct, frozen=True):
    """What followed each place: the token that stands there, and as a completion writes it."""

    natural: Ids
    nexts: Ids
    lengths: NDArray[np.int64]
    is_local: NDArray[np.bool_]

    def closed_by(self, token: int, end: int) -> Seen:
        """Places where writing `token` has brought the line to its end."""
        closed = (self.nexts == token) & (self.natural != token)
        lengths = self.lengths[closed] + 1
        ends = np.full(len(lengths), end, np.int32)
        return Seen(ends, ends, lengths, self.is_local[closed])

    def joined(self, other: Seen) -> Seen:
        """Both."""
        if not len(other.nexts):
            return self
        return Seen(
            np.concatenate((self.natural, other.natural)),
            np.concatenate((self.nexts, other.nexts)),
            np.concatenate((self.lengths, other.lengths)),
            np.concatenate((self.is_local, other.is_local)),
        )


NOTHING_SEEN = Seen(
    np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.bool_)
)


def ladder(
    nexts: NDArray[np.int32], lengths: NDArray[np.int64], *, is_local: bool
) -> list[Level]:
    """Levels of evidence: the longest matches, then shorter ones while they add much."""
    known = nexts != GAP
    if not known.all():
        nexts, lengths = nexts[known], lengths[known]
    if not len(nexts):
        return []
    order = lengths.argsort(kind="stable")[::-1]
    nexts, lengths = nexts[order], lengths[order]
    levels: list[Level] = []
    counted = 0
    while counted < len(nexts) and len(levels) < _LEVELS:
        length = int(lengths[counted])
        count = len(lengths) - int(lengths[::-1].searchsorted(length))
        levels.append(level_of(nexts[:count], length, is_local=is_local))
        counted = 2 * count
    return levels


def level_of(nexts: NDArray[np.int32], length: int, *, is_local: bool) -> Level:
    """What followed, with its shares. `np.unique` says the same and takes thrice as long."""
    ordered = np.sort(nexts)
    turns = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    starts = np.concatenate((_ZERO, turns))
    counts = np.concatenate((turns, [len(ordered)])) - starts
    return Level(is_local, length, len(ordered), ordered[starts], counts / len(ordered))
