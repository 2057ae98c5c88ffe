"""Edits in code points, and how two texts differ.

Promises edits that turn one text into the other exactly, found in time that a bound keeps
short. Knows no document, no position of an editor and no protocol.
"""

from __future__ import annotations

import msgspec

from habitus_server.alignment import align


class Edit(msgspec.Struct, frozen=True):
    """Code points `start` to `end` give way to `text`."""

    start: int
    end: int
    text: str

    @property
    def growth(self) -> int:
        """How many code points the document gains."""
        return len(self.text) - (self.end - self.start)

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes."""
        return self.start == self.end and not self.text


def minimal_edit(before: str, after: str) -> Edit:
    """The one edit between two texts that common prefix and suffix leave over."""
    head = common_prefix(before, after)
    tail = common_suffix(before[head:], after[head:])
    return Edit(head, len(before) - tail, after[head : len(after) - tail])


def reconcile(before: str, after: str) -> list[Edit]:
    """Small edits, in order, that turn one text into another.

    Lines are aligned first, then words inside changed stretches, so that what a
    formatter moved is found again. Past a size bound one minimal edit has to do.
    """
    outer = minimal_edit(before, after)
    gone = before[outer.start : outer.end]
    if not gone or not outer.text:
        return [] if outer.is_empty else [outer]
    return [
        Edit(outer.start + start, outer.start + end, text)
        for start, end, text in align(gone, outer.text)
    ]


def common_prefix(left: str, right: str) -> int:
    """How many leading code points two texts share, found by halving."""
    low, high = 0, min(len(left), len(right))
    if left[:64] != right[:64]:
        high = min(high, 64)
    while low < high:
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def common_suffix(left: str, right: str) -> int:
    """How many trailing code points two texts share, found by halving."""
    low, high = 0, min(len(left), len(right))
    size_left, size_right = len(left), len(right)
    while low < high:
        middle = (low + high + 1) // 2
        if (
            left[size_left - middle : size_left - low]
            == right[size_right - middle : size_right - low]
        ):
            low = middle
        else:
            high = middle - 1
    return low
