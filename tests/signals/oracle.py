"""What becomes of an accepted text, told by a list of tagged characters.

Every character of the document carries a tag: None outside the text, its index in the
accepted text while it is one of those characters, -1 for what was written in their place.
The rules, on single characters, without runs or offsets that are shifted:

- What an edit puts back is not touched: a common beginning and end; or all that it removed,
  when that is four characters or more and stands once in the new text.
- Between two characters of the text, what is inserted belongs to it. Beside it, only where
  the edge is open: the character of that edge is gone and no line break was written there.
  There it belongs to the text up to the first line break, or as far as it is what is missing.
- In each gap, what equals the missing characters, from the left and then from the right,
  are those characters again.
- An edit of the same sizes at the same place as the latest one, which puts back the text's
  own characters, takes that one back. The latest 32 can be taken back.
- A text removed with a block that is put elsewhere goes along.
"""

from __future__ import annotations

from typing import NamedTuple

KEPT, EDITED, REVERTED = "kept", "edited", "reverted"
HISTORY = 32
BREAKS = "\r\n"


class Past(NamedTuple):
    """An edit that can be taken back, and the text before it: its tags and open edges."""

    distance: int
    size: int
    back: int
    lost: list[tuple[int, str]]
    shift: int
    tags: list[tuple[str, int]]
    closed: tuple[bool, bool]


class Oracle:
    """One document and one accepted text in it."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self.chars = list(text)
        self.tags: list[int | None] = [None] * len(text)
        self.tags[start:end] = range(end - start)
        self.original = text[start:end]
        self.closed = (False, False)
        self.at = start
        self.past: list[Past] = []

    # --- what can be asked ------------------------------------------------------------

    @property
    def own(self) -> list[int]:
        """Where the characters of the text are."""
        return [at for at, tag in enumerate(self.tags) if tag is not None]

    @property
    def bounds(self) -> tuple[int, int]:
        """Where the text begins and ends."""
        own = self.own
        return (own[0], own[-1] + 1) if own else (self.at, self.at)

    @property
    def text(self) -> str:
        """What stands there now."""
        return "".join(self.chars[at] for at in self.own)

    @property
    def survivors(self) -> str:
        """The accepted characters that are left."""
        return "".join(self.chars[at] for at in self.own if self.tags[at] != -1)

    @property
    def retained(self) -> int:
        """How many are left; CR and LF together are one."""
        return len(self.survivors) - self.survivors.count("\r\n")

    @property
    def outcome(self) -> str:
        """What a settlement would say."""
        if _layout(self.text) == _layout(self.original):
            return KEPT
        solid = sum(not char.isspace() for char in self.original) or 1
        left = sum(not char.isspace() for char in self.survivors)
        return REVERTED if left * 4 < solid else EDITED

    # --- edits ------------------------------------------------------------------------

    def edit(self, start: int, end: int, new: str) -> None:
        """One edit as the editor sends it."""
        for low, high, text in touched("".join(self.chars[start:end]), start, new):
            if low != high or text:
                self._edit(low, high, text)

    def carry(self, start: int, size: int, offset: int, tags: list[tuple[str, int]]) -> None:
        """A block that held the text, `offset` before it, was put at `start`."""
        assert start + offset + len(tags) <= start + size
        self.tags = [None] * len(self.tags)
        self._mark(start + offset, tags)
        self.past = []

    def marked(self) -> list[tuple[str, int]]:
        """The text with its tags."""
        return [(self.chars[at], tag) for at in self.own if (tag := self.tags[at]) is not None]

    def _edit(self, start: int, end: int, new: str) -> None:
        if self._takes_back(start, end, new):
            return
        low = self.bounds[0]
        tags, closed = self.marked(), self.closed
        lost = [(at - start, self.chars[at]) for at in self.own if start <= at < end]
        touches = self._touches(start, end)
        is_past = touches or self._borders(start, end)
        first, last = self._claim(start, end, new) if touches else (0, 0)
        self.at = self._beside(start, end, new)
        self.chars[start:end] = new
        self.tags[start:end] = [None] * len(new)
        for at in range(start + first, start + last):
            self.tags[at] = -1
        if is_past:
            self._come_back()
            now = self.bounds[0]
            entry = Past(start - now, len(new), end - start, lost, low - now, tags, closed)
            self.past = [*self.past, entry][-HISTORY:]

    def _takes_back(self, start: int, end: int, new: str) -> bool:
        if not self.past:
            return False
        low, past = self.bounds[0], self.past[-1]
        same = (start - low, end - start, len(new)) == (past.distance, past.size, past.back)
        if not same or any(new[at] != char for at, char in past.lost):
            return False
        self.past.pop()
        self.chars[start:end] = new
        self.tags = [None] * len(self.chars)
        self.at = low + past.shift
        self._mark(self.at, past.tags)
        self.closed = past.closed
        return True

    def _mark(self, start: int, tags: list[tuple[str, int]]) -> None:
        for at, (char, tag) in enumerate(tags, start):
            assert self.chars[at] == char
            self.tags[at] = tag

    # --- edges ------------------------------------------------------------------------

    def _is_open(self, at_end: bool) -> bool:
        """Whether the character of an edge is gone, and no line break closed it since."""
        own = self.own
        if not own:
            return not any(self.closed)
        edge = len(self.original) - 1 if at_end else 0
        return not self.closed[at_end] and self.tags[own[-1 if at_end else 0]] != edge

    def _touches(self, start: int, end: int) -> bool:
        low, high = self.bounds
        if start < end:
            return any(start <= at < end for at in self.own)
        return (
            low < start < high
            or (start == high and self._is_open(at_end=True))
            or (start == low and self._is_open(at_end=False))
        )

    def _borders(self, start: int, end: int) -> bool:
        """Whether taking the edit back would look like writing at an open edge."""
        low, high = self.bounds
        if low == high:
            return start <= low <= end
        before = start < low <= end and self._is_open(at_end=False)
        behind = start <= high < end and self._is_open(at_end=True)
        return start < end and (before or behind)

    def _claim(self, start: int, end: int, new: str) -> tuple[int, int]:
        """Which part of the new text belongs to the text."""
        low, high = self.bounds
        left = [self.tags[at] for at in self.own if at < start]
        right = [self.tags[at] for at in self.own if at >= end]
        is_pure = start == end
        if left and right:
            return 0, len(new)
        if not left and not right and not is_pure:
            return (0, len(new)) if (start, end) == (low, high) else (0, 0)
        if right and (start < low or is_pure):
            missing = self.original[: max(0, right[0] or 0)]
            size, closes = _claimed(new[::-1], missing[::-1])
            self.closed = (self.closed[0] or closes, self.closed[1])
            return len(new) - size, len(new)
        if not right and (end > high or is_pure):
            last = left[-1] if left else -1
            missing = "" if left and last == -1 else self.original[(last or 0) + 1 :]
            size, closes = _claimed(new, missing)
            self.closed = (self.closed[0], self.closed[1] or closes)
            return 0, size
        return 0, len(new)

    def _beside(self, start: int, end: int, new: str) -> int:
        """Where the text is looked for, should none of it be left."""
        low, high = self.bounds
        if end <= low and start < high:
            return low + len(new) - (end - start)
        return min(low, start + len(new)) if start < low else low

    def _come_back(self) -> None:
        """In each gap, the missing characters that stand there are themselves again."""
        known = 0
        gap: list[int] = []
        for at in [*self.own, -1]:
            tag = len(self.original) if at < 0 else self.tags[at]
            if tag == -1:
                gap.append(at)
                continue
            assert tag is not None
            self._fill(gap, list(range(known, tag)))
            gap, known = [], tag + 1

    def _fill(self, gap: list[int], missing: list[int]) -> None:
        while gap and missing and self.chars[gap[0]] == self.original[missing[0]]:
            self.tags[gap.pop(0)] = missing.pop(0)
        while gap and missing and self.chars[gap[-1]] == self.original[missing[-1]]:
            self.tags[gap.pop()] = missing.pop()


def _claimed(new: str, missing: str) -> tuple[int, bool]:
    """How much of what is written at an open edge belongs to it; whether that closes it."""
    if missing and new.startswith(missing):
        return len(missing), False
    same = 0
    while same < min(len(new), len(missing)) and new[same] == missing[same]:
        same += 1
    line = next((at for at, char in enumerate(new) if char in BREAKS), len(new))
    return max(line, same), line < len(new)


def touched(gone: str, start: int, new: str) -> list[tuple[int, int, str]]:
    """The edits that are left of one which puts something back."""
    head = 0
    while head < min(len(gone), len(new)) and gone[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(gone), len(new)) - head and gone[-1 - tail] == new[-1 - tail]:
        tail += 1
    inner = gone[head : len(gone) - tail]
    for text, low, fresh in ((gone, 0, new), (inner, head, new[head : len(new) - tail])):
        if len(text) >= 4 and fresh.count(text) == 1:
            before, _, behind = fresh.partition(text)
            after = start + low + len(before) + len(text)
            return [(start + low, start + low, before), (after, after, behind)]
    return [(start + head, start + len(gone) - tail, new[head : len(new) - tail])]


def _layout(text: str) -> str:
    """A text without what formatters change."""
    solid = [char for char in text if not char.isspace()]
    plain = ['"' if char == "'" else char for char in solid]
    pairs = zip(plain, [*plain[1:], ""], strict=False)
    return "".join(char for char, then in pairs if not (char == "," and then in (*")]}",)))
