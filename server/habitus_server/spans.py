"""Where a piece of text is after each edit, and which of its characters survive.

Promises two values that follow a document through its edits: `GrowingSpan`, a place
where something may appear, and `TrackedSpan`, accepted text. Both compose edits and never
search a document (the idea of ChangeSet mapping in CodeMirror and of accepted-and-retained
characters in VS Code's telemetry). Knows no buffers, clocks or suggestions.

Rules of `TrackedSpan`, chosen so that the result does not depend on how an editor cuts its
edits:

- Text inserted strictly inside belongs to the span. Text at an edge stays outside while
  the original character at that edge survives. Where it is gone the edge is *open*: text
  inserted there replaces it and belongs to the span, up to the first line break.
- Between two surviving characters the missing original is compared with what stands there
  now: a common prefix, then a common suffix, count as surviving. So an undo, a retyped
  word and an edit with or without its unchanged part all give the same count.
- An edit that exactly takes back the latest one that touched the span restores the span
  as it was, text swallowed together with its surroundings included.
"""

from __future__ import annotations

import re

import msgspec

from habitus_server.edits import Edit, common_prefix, common_suffix

HISTORY = 32
"""How many edits of a span can be taken back exactly."""

_BREAK = re.compile(r"[\r\n]")


class GrowingSpan(msgspec.Struct, frozen=True):
    """A place, and what was put there: any edit that touches it becomes part of it."""

    start: int
    end: int

    def touches(self, edit: Edit) -> bool:
        """Whether an edit changes the place or meets its edge."""
        return edit.start <= self.end and edit.end >= self.start

    def after(self, edit: Edit) -> GrowingSpan:
        """The place after an edit."""
        if edit.end < self.start:
            return GrowingSpan(self.start + edit.growth, self.end + edit.growth)
        if edit.start > self.end:
            return self
        return GrowingSpan(min(self.start, edit.start), max(self.end, edit.end) + edit.growth)


class _Run(msgspec.Struct, frozen=True):
    """Consecutive characters: originals from index `origin`, or inserted ones (-1)."""

    origin: int
    text: str


class _Undo(msgspec.Struct, frozen=True):
    """What an edit that takes back another must look like, relative to the span's start."""

    offset: int
    gone: int
    back: int
    inner_at: int
    inner: str
    shift: int
    was: TrackedSpan


class TrackedSpan(msgspec.Struct, frozen=True):
    """Accepted text on its way through later edits; make one with `track`."""

    start: int
    original: str
    runs: tuple[_Run, ...]
    is_head_closed: bool = False
    is_tail_closed: bool = False
    history: tuple[_Undo, ...] = ()

    @property
    def text(self) -> str:
        """What stands in the span now."""
        return "".join(run.text for run in self.runs)

    @property
    def end(self) -> int:
        """The offset after its last character."""
        return self.start + sum([len(run.text) for run in self.runs])

    @property
    def retained(self) -> int:
        """How many original characters survive."""
        return sum(len(run.text) for run in self.runs if run.origin >= 0)

    @property
    def survivors(self) -> str:
        """The original characters that survive."""
        return self.survivors_from(0)

    def survivors_from(self, index: int) -> str:
        """The survivors among the original characters from an index on."""
        return "".join(
            run.text[max(0, index - run.origin) :] for run in self.runs if run.origin >= 0
        )

    def touches(self, edit: Edit) -> bool:
        """Whether an edit changes the span (its edges count while they are open)."""
        if max(edit.start, self.start) < min(edit.end, self.end):
            return True
        if edit.start != edit.end:
            return False
        return (
            self.start < edit.start < self.end
            or (edit.start == self.end and self._is_tail_open)
            or (edit.start == self.start and self._is_head_open)
        )

    def is_clear_of(self, edit: Edit) -> bool:
        """Whether an edit is far enough from the span that all it can do is move it.

        An edit that takes another one back reaches as far as that one did, up to the span.
        """
        return edit.end < self.start - 1 or edit.start > self.end + 1

    def after(self, edit: Edit) -> TrackedSpan:
        """The span after an edit of its document."""
        if edit.end < self.start - 1:
            return msgspec.structs.replace(self, start=self.start + edit.growth)
        if edit.start > self.end + 1:
            return self
        if undone := self._undo(edit):
            return undone
        if not self.touches(edit) and not self._borders(edit):
            return msgspec.structs.replace(self, start=self._place_beside(edit))
        changed = self._change(edit)
        low, high = max(edit.start, self.start), min(edit.end, self.end)
        inner = self.text[low - self.start : high - self.start]
        undo = _Undo(
            offset=edit.start - changed.start,
            gone=len(edit.text),
            back=edit.end - edit.start,
            inner_at=low - edit.start,
            inner=inner,
            shift=self.start - changed.start,
            was=msgspec.structs.replace(self, history=()),
        )
        return msgspec.structs.replace(changed, history=(*self.history[1 - HISTORY :], undo))

    def _borders(self, edit: Edit) -> bool:
        """Whether an edit beside the span must be remembered: its undo could look like ours."""
        if self._is_empty:
            return edit.start <= self.start <= edit.end
        return edit.start != edit.end and (
            (edit.start < self.start <= edit.end and self._is_head_open)
            or (edit.start <= self.end < edit.end and self._is_tail_open)
        )

    @property
    def _is_empty(self) -> bool:
        return not self.runs

    @property
    def _is_head_open(self) -> bool:
        if self._is_empty:
            return not (self.is_head_closed or self.is_tail_closed)
        return not self.is_head_closed and self.runs[0].origin != 0

    @property
    def _is_tail_open(self) -> bool:
        if self._is_empty:
            return self._is_head_open
        last = self.runs[-1]
        return not self.is_tail_closed and (
            last.origin < 0 or last.origin + len(last.text) < len(self.original)
        )

    def _undo(self, edit: Edit) -> TrackedSpan | None:
        """The span before its latest edit, where `edit` takes exactly that one back."""
        if not self.history:
            return None
        undo = self.history[-1]
        matches = (
            edit.start == self.start + undo.offset
            and edit.end - edit.start == undo.gone
            and len(edit.text) == undo.back
            and edit.text[undo.inner_at : undo.inner_at + len(undo.inner)] == undo.inner
        )
        if not matches:
            return None
        return msgspec.structs.replace(
            undo.was, start=self.start + undo.shift, history=self.history[:-1]
        )

    def _place_beside(self, edit: Edit) -> int:
        """Where the span starts after an edit that leaves its characters alone."""
        if edit.end <= self.start and edit.start < self.end:
            return self.start + edit.growth
        if edit.start < self.start:
            # Everything around was replaced: stay as near as can be.
            return min(self.start, edit.start + len(edit.text))
        return self.start

    def _change(self, edit: Edit) -> TrackedSpan:
        low, high = max(edit.start, self.start), min(edit.end, self.end)
        left = _cut(self.runs, 0, low - self.start)
        right = _cut(self.runs, high - self.start, self.end - self.start)
        reaches_left = edit.start < self.start or (edit.end == self.start and bool(right))
        reaches_right = edit.end > self.end or edit.start == self.end
        start, claimed = self.start, edit.text
        head_closed, tail_closed = self.is_head_closed, self.is_tail_closed
        is_swallowed = not left and not right and (edit.start < self.start or edit.end > self.end)
        if is_swallowed or not self.touches(edit):
            start, claimed = self._place_beside(edit), ""
        elif reaches_left:
            size, closes = _claim_before(edit.text, self._missing_head(right))
            claimed = edit.text[len(edit.text) - size :]
            start = edit.start + len(edit.text) - size
            head_closed = head_closed or closes
        elif reaches_right:
            size, closes = _claim_after(edit.text, self._missing_tail(left))
            claimed = edit.text[:size]
            tail_closed = tail_closed or closes
        inserted = (_Run(-1, claimed),) if claimed else ()
        return msgspec.structs.replace(
            self,
            start=start,
            runs=_settle((*left, *inserted, *right), self.original),
            is_head_closed=head_closed,
            is_tail_closed=tail_closed,
            history=(),
        )

    def _missing_head(self, right: tuple[_Run, ...]) -> str:
        """The original text missing before `right`; "" where other text stands there."""
        return self.original[: max(0, right[0].origin)] if right else ""

    def _missing_tail(self, left: tuple[_Run, ...]) -> str:
        """The original text missing after `left`; "" where other text stands there."""
        if not left:
            return self.original
        last = left[-1]
        return "" if last.origin < 0 else self.original[last.origin + len(last.text) :]


def track(start: int, text: str) -> TrackedSpan:
    """Follow `text`, which stands at `start` now."""
    return TrackedSpan(start, text, (_Run(0, text),) if text else ())


def _claim_after(text: str, missing: str) -> tuple[int, bool]:
    """How much of a text inserted at an open tail belongs to the span; does it close it?"""
    if missing and text.startswith(missing):
        return len(missing), False
    found = _BREAK.search(text)
    line = found.start() if found else len(text)
    return max(line, common_prefix(text, missing)), found is not None


def _claim_before(text: str, missing: str) -> tuple[int, bool]:
    """The same at an open head, counted from the end of the inserted text."""
    if missing and text.endswith(missing):
        return len(missing), False
    line = len(text) - max(text.rfind("\n"), text.rfind("\r")) - 1
    return max(line, common_suffix(text, missing)), line < len(text)


def _cut(runs: tuple[_Run, ...], start: int, end: int) -> tuple[_Run, ...]:
    """The runs between two indices into the span."""
    cut: list[_Run] = []
    at = 0
    for run in runs:
        low, high = max(start - at, 0), min(end - at, len(run.text))
        if low < high:
            origin = run.origin + low if run.origin >= 0 else -1
            cut.append(_Run(origin, run.text[low:high]))
        at += len(run.text)
    return tuple(cut)


def _settle(runs: tuple[_Run, ...], original: str) -> tuple[_Run, ...]:
    """Count as surviving what came back in a gap, and join runs that belong together."""
    settled: list[_Run] = []
    known = 0
    inserted = ""
    for run in (*runs, _Run(len(original), "")):
        if run.origin < 0:
            inserted += run.text
            continue
        missing = original[known : run.origin]
        head = common_prefix(inserted, missing)
        tail = common_suffix(inserted[head:], missing[head:])
        _push(settled, _Run(known, missing[:head]))
        _push(settled, _Run(-1, inserted[head : len(inserted) - tail]))
        _push(settled, _Run(run.origin - tail, missing[len(missing) - tail :]))
        _push(settled, run)
        known, inserted = run.origin + len(run.text), ""
    return tuple(settled)


def _push(runs: list[_Run], run: _Run) -> None:
    if not run.text:
        return
    last = runs[-1] if runs else None
    if last and last.origin >= 0 and run.origin == last.origin + len(last.text):
        runs[-1] = _Run(last.origin, last.text + run.text)
    else:
        runs.append(run)
