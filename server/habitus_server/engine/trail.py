"""How a growing context is followed through runs of documents.

Promises, after every token that is written, the places that the text so far precedes
and how many tokens each shares with it, at a cost that hardly grows with what is
searched. Knows token ids, not text; owned by one request.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from habitus_server.engine.segment import LONGEST, Places, Run, SortedSegment

SAMPLE = 64
"""At most about this many places are read of one length; a sample stands for more."""

Lengths = NDArray[np.int64]


class _Trail:
    """What both kinds have: a run, and a document in it that is left out."""

    def __init__(self, run: Run, without: str | None) -> None:
        self.run = run
        self._tokens = run.ids.data
        self._hidden_span = run.span(without)

    def tokens_at(self, places: list[int]) -> list[int]:
        """What follows at those of the places that are visible."""
        tokens = self._tokens
        first, last = self._hidden_span
        if first < 0:
            return [token for p in places if (token := tokens[p]) >= 0]
        return [token for p in places if (token := tokens[p]) >= 0 and not first <= p <= last]

    def visible(self, places: list[int]) -> list[int]:
        """Those of the places that are not in the document left out."""
        first, last = self._hidden_span
        return [p for p in places if not first <= p <= last]

    def _all_visible(self, places: Places, lengths: Lengths) -> tuple[Places, Lengths]:
        first, last = self._hidden_span
        seen = (places < first) | (places > last)
        return places[seen], lengths[seen]


class ScannedTrail(_Trail):
    """A context in an unsorted run, whose every token is looked at for each one written."""

    def __init__(self, run: Run, context: Sequence[int], *, without: str | None = None) -> None:
        super().__init__(run, without)
        self._ids = run.ids[:-1]
        self._places, self._lengths = run.scan(context)
        self._reach = np.zeros(len(run), np.int8)  # match length at each place
        self._reach[self._places] = self._lengths
        self._counts: list[int] = []

    def advance(self, token: int) -> None:
        """The context goes on with this token."""
        places = (self._ids == token).nonzero()[0]
        lengths = np.minimum(self._reach[places] + 1, LONGEST)
        places += 1
        self._reach[self._places] = 0
        self._reach[places] = lengths
        self._places, self._lengths = places, lengths
        self._counts = []

    def count(self, length: int) -> int:
        """Places that share at least `length` tokens, hidden ones too."""
        if length == 1:
            return len(self._places)
        if not self._counts:
            self._counts = np.bincount(self._lengths, minlength=LONGEST + 1).tolist()
            for shorter in range(LONGEST - 1, 0, -1):
                self._counts[shorter] += self._counts[shorter + 1]
        return self._counts[length]

    def places(self, length: int) -> dict[int, list[int]]:
        """Places that share at least `length` tokens by what they share, the longest first;
        of many a sample."""
        if self.count(length) <= SAMPLE:
            near = slice(None) if length == 1 else self._lengths >= length
            places, lengths = self._places[near], self._lengths[near]
        else:
            longer = np.flatnonzero(self._lengths > length)
            longer = longer[self._lengths[longer].argsort()[-SAMPLE:]]
            others = np.flatnonzero(self._lengths == length)
            chosen = np.concatenate((longer, others[:: 1 + len(others) // SAMPLE]))
            places, lengths = self._places[chosen], self._lengths[chosen]
        found: dict[int, list[int]] = {}
        for place, shared in zip(places.tolist(), lengths.tolist(), strict=True):
            if shared in found:
                found[shared].append(place)
            else:
                found[shared] = [place]
        return found

    def around(self, most: int) -> tuple[Places, Lengths]:
        """As many visible places as are not more than `most`, and their lengths."""
        length = next((n for n in range(1, LONGEST) if self.count(n) <= most), LONGEST)
        closer = np.flatnonzero(self._lengths >= length)[:most]
        return self._all_visible(self._places[closer], self._lengths[closer])


class SortedTrail(_Trail):
    """A context in a sorted segment: one range of its order for each length matched."""

    def __init__(
        self, run: SortedSegment, context: Sequence[int], *, without: str | None = None
    ) -> None:
        super().__init__(run, without)
        self._firsts, self._order, self._forward = run.firsts, run.order, run.forward
        self._ranges: list[int] = []  # first and last rank for length 1, for length 2 ...
        for token in context[-LONGEST:]:
            self.advance(token)

    def advance(self, token: int) -> None:
        """The context goes on with this token."""
        firsts, older = self._firsts, self._ranges
        # The last code stands for gaps.
        low, high = firsts[token : token + 2] if token + 2 < len(firsts) else (0, 0)
        self._ranges = [low, high] if low < high else []
        if not self._ranges or not older:
            return
        # In the segment's own type: another would convert all of what is searched.
        bounds = np.array(older[: 2 * LONGEST - 2], np.int32)
        ranks = self._forward[low:high].searchsorted(bounds).tolist()
        for at in range(0, len(ranks), 2):
            if ranks[at] == ranks[at + 1]:
                break
            self._ranges += (low + ranks[at], low + ranks[at + 1])

    def count(self, length: int) -> int:
        """Places that share at least `length` tokens, hidden ones too."""
        ranges = self._ranges
        return ranges[2 * length - 1] - ranges[2 * length - 2] if len(ranges) >= 2 * length else 0

    def places(self, length: int) -> dict[int, list[int]]:
        """Places that share at least `length` tokens by what they share, the longest first;
        of many a sample."""
        found: dict[int, list[int]] = {}
        order, ranges = self._order, self._ranges
        low = high = -1  # what longer matches have taken
        for longer in range(len(ranges) // 2, length - 1, -1):
            first, last = ranges[2 * longer - 2], ranges[2 * longer - 1]
            if last - first > high - low:
                step = 1 + (last - first) // SAMPLE
                if low < 0:
                    found[longer] = order[first:last:step].tolist()
                else:
                    found[longer] = order[first:low:step].tolist() + order[high:last:step].tolist()
                low, high = first, last
        return found

    def around(self, most: int) -> tuple[Places, Lengths]:
        """As many visible places as are not more than `most`, and their lengths."""
        deepest = len(self._ranges) // 2
        length = next((n for n in range(1, deepest) if self.count(n) <= most), deepest)
        if not length:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        low, high = self._ranges[2 * length - 2 : 2 * length]
        lengths = np.full(high - low, length)
        for longer in range(length + 1, deepest + 1):
            first, last = self._ranges[2 * longer - 2 : 2 * longer]
            lengths[first - low : last - low] = longer
        step = 1 + (high - low) // most
        places = self._order[low:high:step].astype(np.int64)
        return self._all_visible(places, lengths[::step])


Trail = ScannedTrail | SortedTrail


def trail_of(run: Run, context: Sequence[int], *, without: str | None = None) -> Trail:
    """Follow a context through a run, leaving out one document."""
    if isinstance(run, SortedSegment):
        return SortedTrail(run, context, without=without)
    return ScannedTrail(run, context, without=without)


def enough(trails: Sequence[Trail], wanted: int) -> int:
    """The longest length that at least `wanted` places match, or 1."""
    length = 1
    while length < LONGEST and sum([t.count(length + 1) for t in trails]) >= wanted:
        length += 1
    return length
