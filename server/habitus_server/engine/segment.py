"""Where a context occurred before: token sequences of many documents, searchable backwards.

Promises that a `Run` holds its documents one after another, and that a `SortedSegment`
knows in addition the order of all its places by the tokens before them, nearest first
(the idea of infini-gram, Liu et al. 2024, with the context turned round so that every
longer match lies inside the range of every shorter one). Knows token ids, not text;
`trail` follows a context through both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

Ids = NDArray[Any]
"""Token ids, 16 bits wide where the vocabulary allows."""
Places = NDArray[np.int64]

GAP = -1
"""Stands between documents; no context reaches across it."""

LONGEST = 16
"""Matches are measured up to this many tokens."""

_FEW = 64


class Document(msgspec.Struct, frozen=True):
    """One document's tokens, and which of them begin a pre-token.

    `number` tells a document from an older text of its path.
    """

    path: str
    ids: Ids
    starts: NDArray[np.bool_]
    number: int = 0


class Run:
    """Documents one after another; `starts` says which tokens begin a pre-token."""

    def __init__(self, documents: Sequence[Document]) -> None:
        kind = np.result_type(np.int16, *(document.ids.dtype for document in documents))
        gap_id, gap_start = np.full(1, GAP, kind), np.ones(1, np.bool_)
        ids: list[Ids] = [gap_id]
        starts: list[NDArray[np.bool_]] = [gap_start]
        self._spans: dict[str, tuple[int, int]] = {}
        self._numbers: dict[str, int] = {}
        at = 1
        for document in documents:
            self._spans[document.path] = at, at + len(document.ids)
            self._numbers[document.path] = document.number
            ids += [document.ids, gap_id]
            starts += [document.starts, gap_start]
            at += len(document.ids) + 1
        self.ids: Ids = np.concatenate(ids)
        self.starts = np.concatenate(starts)
        self.visible_tokens = at - 1 - len(documents)
        """Tokens of documents that are not hidden."""

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, path: str) -> bool:
        return path in self._spans

    def span(self, path: str | None) -> tuple[int, int]:
        """The places of a document, first and last; an impossible pair for one not here."""
        return (-1, -1) if path is None else self._spans.get(path, (-1, -1))

    def hide(self, path: str) -> None:
        """Leave a document out of everything found from now on; its tokens are wiped."""
        if path in self._spans:
            first, last = self._spans.pop(path)
            self.ids[first:last] = GAP
            self.visible_tokens -= last - first

    def visible(self) -> list[Document]:
        """Documents that are not hidden; they share this run's memory."""
        return [self.document(path) for path in self._spans]

    def document(self, path: str) -> Document:
        """A visible document."""
        first, last = self._spans[path]
        return Document(path, self.ids[first:last], self.starts[first:last], self._numbers[path])

    def size_bytes(self) -> int:
        """Bytes of its arrays."""
        return self.ids.nbytes + self.starts.nbytes

    def scan(self, context: Sequence[int]) -> tuple[Places, NDArray[np.int64]]:
        """All places that follow what `context` ends with, and how many tokens each shares."""
        if not context:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        places = np.flatnonzero(self.ids[:-1] == context[-1]) + 1
        lengths = np.ones(len(places), np.int64)
        most = min(LONGEST, len(context))
        alive = np.arange(len(places))
        for back in range(2, most + 1):
            if len(alive) <= _FEW:
                lengths[alive] = self._lengths(context, places[alive], back - 1, most)
                break
            # Every place has a gap at or before index 0 behind it, so none wraps round.
            alive = alive[self.ids[places[alive] - back] == context[-back]]
            lengths[alive] = back
        return places, lengths

    def _lengths(
        self, context: Sequence[int], places: Places, known: int, most: int
    ) -> NDArray[np.int64]:
        """Match lengths of a few places at once."""
        backs = np.arange(known + 1, most + 1)
        wanted = np.array(context[::-1][known:most], self.ids.dtype)
        same = self.ids[np.maximum(places[:, None] - backs, 0)] == wanted
        shared: NDArray[np.int64] = np.logical_and.accumulate(same, axis=1).sum(axis=1)
        return shared + known


class SortedSegment(Run):
    """Many documents with their places in order; costs 8 bytes a token beside the ids.

    `order` holds the places (positions of the token that follows) by the tokens before
    them, nearest first, to a depth of at least `LONGEST`; those after token t are
    `order[firsts[t]:firsts[t + 1]]`. `forward` lists, for each token t in the same
    ranges, the ranks in `order` of the places that t follows, ascending: the k-th of
    them, gone on by t, is the k-th place of t's own range. So a range that one context
    has is narrowed to the range of the context and t by two binary searches (this is
    the backward search of an FM-index, Ferragina and Manzini 2000, on reversed text).
    What is hidden keeps its ranks, and nothing follows at its places.
    """

    def __init__(self, documents: Sequence[Document]) -> None:
        super().__init__(documents)
        order = _ordered(self.ids)
        self.order = order.astype(np.int32)
        codes = _codes(self.ids)
        counts = np.bincount(codes)
        self.firsts = np.concatenate(([0], np.cumsum(counts))).tolist()
        # 16-bit keys are sorted by counting, which is several times as fast.
        self.forward = np.argsort(codes[order], kind="stable").astype(np.int32)

    def size_bytes(self) -> int:
        """Bytes of its arrays."""
        return super().size_bytes() + self.order.nbytes + self.forward.nbytes


def _codes(ids: Ids) -> Ids:
    """Ids as unsigned numbers without holes at the top: a gap is one more than the largest."""
    kind = np.uint16 if ids.dtype == np.int16 else np.uint32
    codes = ids.astype(kind)
    codes[ids == GAP] = int(ids.max(initial=0)) + 1
    return codes


def _ordered(ids: Ids) -> NDArray[np.int64]:
    """Places sorted by the tokens before them, by doubling the depth (Manber and Myers 1990)."""
    codes = _codes(ids)
    bits = 16 if codes.dtype == np.uint16 else 21
    depth = 64 // bits
    keys = np.zeros(len(codes), np.uint64)
    for back in range(1, depth + 1):
        keys <<= np.uint64(bits)
        keys[back:] |= codes[:-back]
        keys[:back] |= np.uint64(codes[0])  # a gap
    while True:
        order = np.argsort(keys)
        if depth >= LONGEST:
            return order
        ordered = keys[order]
        ranks = np.empty(len(keys), np.uint64)
        ranks[order] = np.concatenate(([0], np.cumsum(ordered[1:] != ordered[:-1])))
        keys = ranks << np.uint64(32)
        keys[depth:] |= ranks[:-depth]
        depth *= 2
