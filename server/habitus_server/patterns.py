"""Code that the developer writes by hand, once it has come to rest.

Promises `Pattern` values for lines that were typed or pasted and then left alone for
`QUIET_S`. Text of accepted suggestions is cut out, edited or not: it is the model's own, or
a correction of it. Nobody writes by rewriting a whole document, in many places at once, or
by pasting a file, so those edits start nothing. Takes no clock: times come in as values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec

from habitus_server.edits import Edit
from habitus_server.records import Pattern
from habitus_server.spans import TrackedSpan
from habitus_server.text import Buffer, Change

QUIET_S = 10.0
PREFIX_CHARS = 6_000
SUFFIX_CHARS = 2_000
MAX_TEXT_CHARS = 2_000
"""Longer passages are handed out in several patterns, cut between lines."""
LEAST_CODE_CHARS = 8
MAX_PLACES = 3
"""One notification that touches more separate places than this is a tool's (or many
cursors'), not somebody writing code there."""
MAX_PASTE_CHARS = 4_000
LEAST_PASTE_LINES = 3
LEAST_PASTE_CHARS = 80
"""Nobody types this much at once, and nothing but a paste or an accepted suggestion does."""


class _Region(msgspec.Struct):
    """Whole lines that somebody is working on; `replaced` is what stood there before,
    `pasted` counts the characters that came in one piece."""

    start: int
    end: int
    replaced: str
    written_at: float
    touched_at: float
    pasted: int = 0


class _Piece(msgspec.Struct, frozen=True):
    start: int
    end: int
    replaced: str


class Notebook:
    """The hand-written regions of one document."""

    def __init__(
        self, buffer: Buffer, path: str, language: str, session: str, new_id: Callable[[], str]
    ) -> None:
        self._buffer = buffer
        self._path = path
        self._language = language
        self._session = session
        self._new_id = new_id
        self._regions: list[_Region] = []
        self._suggested: dict[str, TrackedSpan] = {}

    @property
    def due(self) -> float | None:
        """When `tick` has something to give at the earliest."""
        return min((region.touched_at + QUIET_S for region in self._regions), default=None)

    def relabel(self, path: str, language: str) -> None:
        """The document has another name."""
        self._path, self._language = path, language

    def exclude(self, spans: Mapping[str, TrackedSpan]) -> None:
        """Name text of accepted suggestions (`Tracker.accepted_spans`); it stays excluded.

        Call it after each edit and before each `tick`.
        """
        for key, span in spans.items() if self._regions else ():
            if self._is_worked_at(span):
                self._suggested[key] = span
            else:
                self._suggested.pop(key, None)

    def edit(self, change: Change, at: float) -> list[Pattern]:
        """One notification's edits; returns what had come to rest before them."""
        patterns = self.tick(at)
        is_writing = not change.is_rewrite and not _is_mechanical(change)
        buffer = change.before
        for edit in change.edits:
            self._follow(buffer, edit, at, is_writing)
            buffer = buffer.apply(edit) if len(change.edits) > 1 else change.after
            self._suggested = {key: span.after(edit) for key, span in self._suggested.items()}
        self._buffer = change.after
        return patterns

    def tick(self, at: float) -> list[Pattern]:
        """What has come to rest by now."""
        rested = [region for region in self._regions if at >= region.touched_at + QUIET_S]
        self._regions = [region for region in self._regions if region not in rested]
        patterns = [one for region in rested for one in self._patterns_of(region, at)]
        self._forget_suggested()
        return patterns

    def close(self, at: float) -> list[Pattern]:
        """What is written when the document closes: it was left, so it has come to rest."""
        regions, self._regions = self._regions, []
        return [one for region in regions for one in self._patterns_of(region, at)]

    def discard(self) -> None:
        """The text changed under the user (a branch switch): nothing here was written."""
        self._regions.clear()
        self._suggested.clear()

    def _follow(self, buffer: Buffer, edit: Edit, at: float, is_writing: bool) -> None:
        """Move the regions through an edit of `buffer`, and grow or start one under it."""
        low = buffer.line_start(buffer.line_at(edit.start))
        high = buffer.line_start(buffer.line_at(edit.end) + 1)
        met = [region for region in self._regions if _meets(region, low, high)]
        for region in self._regions:
            if region.start > edit.start and region not in met:
                region.start += edit.growth
                region.end += edit.growth
        if not met and not is_writing:
            return
        merged = _merge(buffer, met, low, high)
        merged.end += edit.growth
        merged.pasted = sum(region.pasted for region in met) + _pasted_chars(edit)
        merged.written_at = min((region.written_at for region in met), default=at)
        # What a tool does to a region neither is writing nor disturbs its rest.
        merged.touched_at = at if is_writing else max(region.touched_at for region in met)
        self._regions = sorted(
            [*(region for region in self._regions if region not in met), merged],
            key=lambda region: region.start,
        )

    def _patterns_of(self, region: _Region, at: float) -> Iterator[Pattern]:
        whole = self._buffer.slice(region.start, region.end)
        if whole.strip() == region.replaced.strip():
            return
        taken = self._taken(region, region.end)
        origin = _origin(region, sum(high - low for low, high in taken))
        for piece in self._without_suggested(region):
            for start, end in _passages(self._buffer, piece.start, piece.end):
                text = self._buffer.slice(start, end)
                if len("".join(text.split())) < LEAST_CODE_CHARS:
                    continue
                yield Pattern(
                    id=self._new_id(),
                    path=self._path,
                    language=self._language,
                    prefix=self._buffer.slice(start - PREFIX_CHARS, start),
                    suffix=self._buffer.slice(end, end + SUFFIX_CHARS),
                    text=text,
                    replaced=piece.replaced if start == piece.start else "",
                    session=self._session,
                    written_at=region.written_at,
                    settled_at=at,
                    origin=origin,
                )

    def _without_suggested(self, region: _Region) -> Iterator[_Piece]:
        """The region without its last line break, cut where suggestions were accepted.

        What stood there before goes with an uncut region only: cut, it cannot be shared out.
        """
        end = region.end
        while end > region.start and self._buffer.slice(end - 1, end) in "\r\n":
            end -= 1
        taken = self._taken(region, end)
        if not taken:
            yield _Piece(region.start, end, region.replaced)
            return
        at = region.start
        for low, high in [*taken, (end, end)]:
            if at < low:
                yield _Piece(at, low, "")
            at = max(at, high)

    def _taken(self, region: _Region, end: int) -> list[tuple[int, int]]:
        """The stretches of a region up to `end` that were suggested, in order."""
        return sorted(
            (max(span.start, region.start), min(span.end, end))
            for span in self._suggested.values()
            if span.start < end and span.end > region.start
        )

    def _forget_suggested(self) -> None:
        """Spans matter only inside regions that are still open."""
        self._suggested = {
            key: span for key, span in self._suggested.items() if self._is_worked_at(span)
        }

    def _is_worked_at(self, span: TrackedSpan) -> bool:
        """Whether a span meets a region."""
        start, end = span.start, span.end
        return any(start <= one.end and end >= one.start for one in self._regions)


def _pasted_chars(edit: Edit) -> int:
    """The characters of an edit that came in one piece, as no keyboard makes them."""
    lines = [line for line in edit.text.splitlines() if line.strip()]
    is_paste = len(lines) >= LEAST_PASTE_LINES and len(edit.text) >= LEAST_PASTE_CHARS
    return len(edit.text) if is_paste else 0


def _origin(region: _Region, suggested: int) -> str:
    """How most of a region came there, text of suggestions left out: that comes in one
    piece too."""
    own = region.end - region.start - suggested
    return "pasted" if 0 < own <= 2 * (region.pasted - suggested) else "typed"


def _is_mechanical(change: Change) -> bool:
    """Whether the edits of a notification look like a tool's: many places, or a whole file."""
    if any(len(edit.text) > MAX_PASTE_CHARS for edit in change.edits):
        return True
    if len(change.edits) <= MAX_PLACES:
        return False
    lines = {change.after.line_at(edit.start) for edit in change.edits}
    apart = sum(1 for line in lines if line - 1 not in lines)
    return apart > MAX_PLACES


def _meets(region: _Region, low: int, high: int) -> bool:
    return region.start == low or (region.start < high and low < region.end)


def _merge(buffer: Buffer, met: list[_Region], low: int, high: int) -> _Region:
    """One region over lines `low` to `high` and all that meet them, with what stood there."""
    low = min([low, *(region.start for region in met)])
    high = max([high, *(region.end for region in met)])
    replaced: list[str] = []
    at = low
    for region in met:
        replaced += (buffer.slice(at, region.start), region.replaced)
        at = region.end
    replaced.append(buffer.slice(at, high))
    return _Region(low, high, "".join(replaced), 0.0, 0.0)


def _passages(buffer: Buffer, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A stretch in parts of at most about `MAX_TEXT_CHARS`, cut after line breaks."""
    while end - start > MAX_TEXT_CHARS:
        cut = buffer.line_start(buffer.line_at(start + MAX_TEXT_CHARS))
        if cut <= start:
            cut = start + MAX_TEXT_CHARS
        yield start, cut
        start = cut
    yield start, end
