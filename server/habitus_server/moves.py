"""Text that is taken out in one place and put in another.

Promises to find where a removed text was put within `PASTE_S`, in one document, by an exact
match with what was inserted; or to say that it may have been moved, as when it was copied
before it was removed. Nothing is searched but what was inserted: equal text that stood
elsewhere before, or was suggested there, proves nothing.

Editors that compute edits by comparing texts may report `b()⏎    ` where `    b()⏎` was cut,
and pasting whole lines at the end of a file turns the line break around. So the same text
turned around, and one with other white space at its ends, count as equal.
"""

from __future__ import annotations

import msgspec

from habitus_server.edits import Edit
from habitus_server.spans import TrackedSpan, track
from habitus_server.text import Buffer, Change
from habitus_server.verdicts import squeeze

PASTE_S = 30.0
"""How long a text may be gone before it is put elsewhere."""
LEAST_MOVED = 4
"""Less than this many solid characters may as well have been typed twice."""
LEAST_RESEMBLING = 8
MAX_PUTS = 8


class Stroke(msgspec.Struct, frozen=True):
    """One edit with the text that it took away."""

    edit: Edit
    removed: str


class Cut(msgspec.Struct, frozen=True):
    """A tracked text as it was before most of it was removed, with what was removed."""

    was: TrackedSpan
    removed: str
    offset: int
    """Where the tracked text began in the removed one; negative when before it."""
    at: float

    @property
    def is_whole(self) -> bool:
        """Whether all of the text was removed."""
        return self.offset >= 0 and self.offset + len(self.was.text) <= len(self.removed)


class Put(msgspec.Struct):
    """A text that was inserted at once, and where it is now."""

    span: TrackedSpan
    at: float


class Moves:
    """What was lately inserted in one document, and what the present notification did."""

    def __init__(self) -> None:
        self.strokes: list[Stroke] = []
        self._puts: list[Put] = []
        self._buffer = Buffer()

    def took(self, change: Change, at: float) -> None:
        """Take in the edits of one notification."""
        self._puts = [put for put in self._puts if at - put.at <= PASTE_S]
        self.strokes = []
        buffer = change.before
        for edit in change.edits:
            self.strokes.append(Stroke(edit, buffer.slice(edit.start, edit.end)))
            for put in self._puts:
                put.span = put.span.after(edit)
            if len(squeeze(edit.text)) >= LEAST_MOVED:
                self._puts.append(Put(track(edit.start, edit.text), at))
            if len(change.edits) > 1:
                buffer = buffer.apply(edit)
        intact = [put for put in self._puts if put.span.text == put.span.original]
        self._puts = intact[-MAX_PUTS:]
        self._buffer = change.after

    def disclaim(self, span: TrackedSpan) -> None:
        """What was inserted there was a suggestion, and put back nothing."""
        self._puts = [put for put in self._puts if not _meet(put.span, span)]

    def found(self, cut: Cut) -> int | None:
        """Where a cut text was put afterwards, exactly and whole; None when nowhere."""
        text = cut.was.text
        for put in self._puts:
            at = self._place_of(cut.removed, put) if put.at >= cut.at else None
            if at is None:
                continue
            start = at + cut.offset
            if self._buffer.slice(start, start + len(text)) == text:
                return start
        return None

    def is_doubtful(self, cut: Cut, now: TrackedSpan) -> bool:
        """Whether something inserted beside what is left looks like a cut text, or holds it."""
        mine, removed = squeeze(cut.was.text), squeeze(cut.removed)
        puts = [squeeze(put.span.text) for put in self._puts if not _meet(put.span, now)]
        held = [text for text in (mine, removed) if len(text) >= LEAST_RESEMBLING]
        return removed in puts or any(text in put for text in held for put in puts)

    def _place_of(self, removed: str, put: Put) -> int | None:
        """Where the removed text would begin, had it been put here as it was."""
        text, start = put.span.text, put.span.start
        if text == removed:
            return start
        if text.strip() == removed.strip():
            return start + _indent(text) - _indent(removed)
        if len(text) == len(removed) and text in removed + removed:
            return self._turned(removed, start)
        return None

    def _turned(self, removed: str, start: int) -> int | None:
        """The one place around `start` at which the removed text can be read."""
        low = max(0, start - len(removed))
        near = self._buffer.slice(low, start + 2 * len(removed))
        return low + near.index(removed) if near.count(removed) == 1 else None


def cut_by(stroke: Stroke, was: TrackedSpan, now: TrackedSpan, at: float) -> Cut | None:
    """The cut that an edit makes of a tracked text, if it takes most of it away at once."""
    is_most = was.retained > 0 and now.retained * 2 <= was.retained
    if not is_most or len(squeeze(stroke.removed)) < LEAST_MOVED:
        return None
    return Cut(was, stroke.removed, was.start - stroke.edit.start, at)


def _meet(left: TrackedSpan, right: TrackedSpan) -> bool:
    return left.start < right.end and right.start < left.end


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())
