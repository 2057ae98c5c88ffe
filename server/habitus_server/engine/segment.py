"""Where a context occurred before: token sequences of many documents, searchable backwards.

Promises, for a context, places that end like it, how many tokens each shares with it,
and what followed. A `SortedSegment` is an array of positions sorted by the reversed
tokens before them (the idea of infini-gram, Liu et al. 2024, with the context turned
round so that every longer match lies inside the range of every shorter one); an
unsorted `Run` is scanned, which for up to some hundred thousand tokens costs no more.
Knows token ids, not text.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int32]
Places = NDArray[np.int64]

GAP = -1
"""Stands between documents; no context reaches across it."""

LONGEST = 32
"""Matches are measured up to this many tokens."""

CANDIDATES = 768
"""At most this many places are looked at; a sample stands for more."""

_FEW = 64
_BITS = 21
_TOKEN_MASK = (1 << _BITS) - 1
_PACKED = 3
_SORTED_ORDER = 9


class Document(msgspec.Struct, frozen=True):
    """One document's tokens, and which of them begin a pre-token."""

    path: str
    ids: Ids
    starts: NDArray[np.bool_]


class Matches(msgspec.Struct, frozen=True):
    """Places whose preceding tokens end like the context: each `at`, and the shared `lengths`."""

    at: Places
    lengths: NDArray[np.int64]


class Run:
    """Documents one after another, found by scanning."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.documents = tuple(documents)
        gap_ids, gap_start = np.full(1, GAP, np.int32), np.ones(1, np.bool_)
        ids: list[Ids] = [gap_ids]
        starts: list[NDArray[np.bool_]] = [gap_start]
        offsets = []
        at = 1
        for document in documents:
            offsets.append(at)
            ids += [document.ids, gap_ids]
            starts += [document.starts, gap_start]
            at += len(document.ids) + 1
        self.ids: Ids = np.concatenate(ids)
        self.starts = np.concatenate(starts)
        self.hidden = np.zeros(len(offsets) + 1, np.bool_)
        self._offsets = np.array(offsets, np.int64)
        self._numbers = {document.path: i for i, document in enumerate(documents)}

    def __len__(self) -> int:
        return len(self.ids)

    def hide(self, path: str) -> None:
        """Leave a document out of everything found from now on."""
        number = self._numbers.get(path)
        if number is not None:
            self.hidden[number] = True

    def visible(self) -> list[Document]:
        """Documents that are not hidden."""
        return [d for i, d in enumerate(self.documents) if not self.hidden[i]]

    def matches(self, context: Sequence[int], *, without: str | None = None) -> Matches:
        """Places that follow what `context` ends with, outside the document `without`."""
        if not context:
            return _NO_MATCHES
        places = np.flatnonzero(self.ids[:-1] == context[-1]) + 1
        return self._measured(context, places, 1, without)

    def _measured(
        self, context: Sequence[int], places: Places, known: int, without: str | None
    ) -> Matches:
        """`places`, known to share `known` tokens, with their full lengths."""
        places = self._unhidden(places, without)
        if len(places) > CANDIDATES:
            places, known = self._narrowed(context, places, known)
        lengths = np.full(len(places), known)
        alive = np.arange(len(places))
        most = min(LONGEST, len(context))
        for back in range(known + 1, most + 1):
            if len(alive) <= _FEW:
                lengths[alive] = self._lengths(context, places[alive], back - 1, most)
                break
            # Every place has a gap at or before index 0 behind it, so none wraps round.
            alive = alive[self.ids[places[alive] - back] == context[-back]]
            lengths[alive] = back
        return Matches(places, lengths)

    def _lengths(
        self, context: Sequence[int], places: Places, known: int, most: int
    ) -> NDArray[np.int64]:
        """Match lengths of a few places at once."""
        backs = np.arange(known + 1, most + 1)
        wanted = np.array(context[::-1][known:most], np.int32)
        same = self.ids[np.maximum(places[:, None] - backs, 0)] == wanted
        shared: NDArray[np.int64] = np.logical_and.accumulate(same, axis=1).sum(axis=1)
        return shared + known

    def _narrowed(self, context: Sequence[int], places: Places, known: int) -> tuple[Places, int]:
        """The longest context's places while there are enough; else a sample."""
        while known < min(_SORTED_ORDER, len(context)):
            closer = places[self.ids[places - known - 1] == context[-known - 1]]
            if not len(closer):
                break
            places, known = closer, known + 1
            if len(places) <= CANDIDATES:
                return places, known
        return places[:: -(-len(places) // CANDIDATES)], known

    def _unhidden(self, places: Places, without: str | None) -> Places:
        hidden = self.hidden
        number = None if without is None else self._numbers.get(without)
        if number is not None:
            hidden = hidden.copy()
            hidden[number] = True
        if not hidden.any():
            return places
        return places[~hidden[np.searchsorted(self._offsets, places, "right") - 1]]


class SortedSegment(Run):
    """Many documents, found by binary search; costs 12 bytes a token beside the ids."""

    def __init__(self, documents: Sequence[Document]) -> None:
        super().__init__(documents)
        packed = (self.ids.astype(np.int64) & _TOKEN_MASK).astype(np.uint64)
        keys = [_pack(packed, first) for first in range(1, _SORTED_ORDER + 1, _PACKED)]
        order = np.lexsort(keys[::-1])
        self._order = order.astype(np.int32)
        self._keys = keys[0][order]

    def matches(self, context: Sequence[int], *, without: str | None = None) -> Matches:
        """As `Run.matches`, from the broadest context that few enough places share."""
        if not context:
            return _NO_MATCHES
        best = _NO_MATCHES
        low, high, known = 0, 0, 0
        for order in range(1, min(_PACKED, len(context)) + 1):
            first, last = self._range(context[-order:])
            if first == last:
                break
            low, high, known = first, last, order
            if high - low <= CANDIDATES:
                break
        if known:
            places = self._order[low:high].astype(np.int64)
            best = self._measured(context, places, known, without)
        return best

    def _range(self, tail: Sequence[int]) -> tuple[int, int]:
        """Sorted positions that `tail` (at most three tokens) precedes."""
        low = 0
        for token in reversed(tail):
            low = (low << _BITS) | (token & _TOKEN_MASK)
        shift = _BITS * (_PACKED - len(tail))
        # Unsigned scalars: a signed one would convert the whole array.
        first = self._keys.searchsorted(np.uint64(low << shift))
        last = self._keys.searchsorted(np.uint64((low + 1) << shift))
        return int(first), int(last)


def _pack(ids: NDArray[np.uint64], first: int) -> NDArray[np.uint64]:
    """Three tokens, `first` to `first + 2` places back, the nearest in the highest bits."""
    key = np.zeros(len(ids), np.uint64)
    for back in range(first, first + _PACKED):
        key <<= np.uint64(_BITS)
        key[back:] |= ids[:-back]
        key[:back] |= np.uint64(_TOKEN_MASK)
    return key


_NO_MATCHES = Matches(np.empty(0, np.int64), np.empty(0, np.int64))
