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
    """What followed each place, as a completion writes it.

    The first column of `ways` `[places, ahead]` is the next token; where the line ends
    there, the others hold what is written until then and the end, then `GAP`.
    """

    ways: Ids
    lengths: NDArray[np.int64]
    is_local: NDArray[np.bool_]

    def after(self, token: int) -> Seen:
        """The places whose line is about to end, when `token` has been written."""
        goes_on = (self.ways[:, 0] == token) & (self.ways[:, 1] != GAP)
        ways = np.full((int(goes_on.sum()), self.ways.shape[1]), GAP, np.int32)
        ways[:, :-1] = self.ways[goes_on, 1:]
        return Seen(ways, self.lengths[goes_on] + 1, self.is_local[goes_on])

    def joined(self, other: Seen) -> Seen:
        """Both."""
        if not len(other.ways):
            return self
        return Seen(
            np.concatenate((self.ways, other.ways)),
            np.concatenate((self.lengths, other.lengths)),
            np.concatenate((self.is_local, other.is_local)),
        )

    def levels(self) -> list[Level]:
        """The evidence of the open file, then that of the workspace."""
        found: list[Level] = []
        for is_local in (True, False):
            chosen = self.is_local == is_local
            found += ladder(self.ways[chosen, 0], self.lengths[chosen], is_local=is_local)
        return found


def ladder(nexts: NDArray[np.int32], lengths: NDArray[np.int64], *, is_local: bool) -> list[Level]:
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


NOTHING_SEEN = Seen(np.empty((0, 2), np.int32), np.empty(0, np.int64), np.empty(0, np.bool_))
