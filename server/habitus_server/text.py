"""A document's text, with the arithmetic of positions and edits.

Promises an immutable `Buffer` whose lines end at CRLF, LF or CR alone (never at
form feeds or other Unicode separators), offsets in code points, and edits that cost
the size of one piece, not of the file. Knows no editor, file or protocol types.

Positions clamp by one rule: a line before the first is the start, a line past the last
is the end; a character before its line is the line's start, one past it the line's end
before the break; a character inside a surrogate pair or a UTF-8 sequence is the start of
that code point.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate

import msgspec

from habitus_server.edits import Edit, common_prefix, common_suffix, reconcile
from habitus_server.positions import Position, PositionEncoding, index_of_units, units_in

LINE_BREAK = re.compile(r"\r\n|\n|\r")
PIECE_CHARS = 16_384
"""Pieces aim at this size: large enough to be few, small enough to copy in microseconds."""

MAX_SLIDE = 200
LEAST_KEPT = 4
"""Shorter texts may stand in what replaces them by chance."""

_LAYOUT = re.compile(r"[\s'\",()]+")


class ContentChange(msgspec.Struct, frozen=True):
    """One change of a didChange notification; without `start` the whole document."""

    text: str
    start: Position | None = None
    end: Position | None = None


class Change(msgspec.Struct, frozen=True):
    """What one notification did: `edits` apply in order, each to the result of the last.

    `is_rewrite` says that the whole document was replaced in several places or for the
    most part: a formatter, a checkout, a reload. Nobody typed that.
    """

    before: Buffer
    after: Buffer
    edits: tuple[Edit, ...]
    is_rewrite: bool = False


class _Piece:
    """Whole lines of a document; every piece but the last ends in a line break."""

    __slots__ = ("_starts", "break_count", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.break_count = text.count("\n") + text.count("\r") - text.count("\r\n")
        self._starts: list[int] | None = None

    @property
    def line_starts(self) -> list[int]:
        """Where lines start, the one after the last break included; made when asked for."""
        if self._starts is None:
            if "\r" in self.text:
                self._starts = [0, *(found.end() for found in LINE_BREAK.finditer(self.text))]
            else:  # ten times as fast, and asked after every key
                lines = self.text.split("\n")
                self._starts = [0, *accumulate(len(line) + 1 for line in lines[:-1])]
        return self._starts


class Buffer:
    """An immutable document; `apply` shares all but one or two pieces with its origin."""

    __slots__ = ("_first_lines", "_offsets", "_pieces", "_text")

    def __init__(self, text: str = "") -> None:
        self._assemble(_cut(text))

    def _assemble(self, pieces: list[_Piece]) -> None:
        self._pieces = pieces
        self._offsets = list(accumulate((len(p.text) for p in pieces), initial=0))
        self._first_lines = list(accumulate((p.break_count for p in pieces), initial=0))
        self._text: str | None = None

    def __len__(self) -> int:
        return self._offsets[-1]

    @property
    def text(self) -> str:
        """The whole document; joined once, then kept."""
        if self._text is None:
            self._text = "".join(piece.text for piece in self._pieces)
        return self._text

    @property
    def line_count(self) -> int:
        """How many lines there are; a document that ends in a break has an empty last one."""
        return self._first_lines[-1] + 1

    def slice(self, start: int, end: int) -> str:
        """The text between two offsets, clamped to the document."""
        start, end = self.clamp(start), self.clamp(end)
        if start >= end:
            return ""
        first, last = self._piece_at(start), self._piece_at(end)
        if first == last:
            base = self._offsets[first]
            return self._pieces[first].text[start - base : end - base]
        head = self._pieces[first].text[start - self._offsets[first] :]
        tail = self._pieces[last].text[: end - self._offsets[last]]
        return "".join((head, *(p.text for p in self._pieces[first + 1 : last]), tail))

    def clamp(self, offset: int) -> int:
        """The nearest offset inside the document."""
        return min(max(offset, 0), len(self))

    def line_start(self, line: int) -> int:
        """Where a line begins; lines out of range clamp to the document."""
        if line < 0:
            return 0
        if line >= self.line_count:
            return len(self)
        index = min(bisect_right(self._first_lines, line), len(self._pieces)) - 1
        return (
            self._offsets[index] + self._pieces[index].line_starts[line - self._first_lines[index]]
        )

    def line_end(self, line: int) -> int:
        """Where a line's content ends, before its break."""
        return self.line_start(line) + len(self.line(line))

    def line(self, line: int) -> str:
        """A line's content without its break; "" out of range."""
        if not 0 <= line < self.line_count:
            return ""
        return self.slice(self.line_start(line), self.line_start(line + 1)).rstrip("\r\n")

    def line_at(self, offset: int) -> int:
        """The line that holds an offset; between CR and LF that is the line they end."""
        offset = self.clamp(offset)
        index = self._piece_at(offset)
        starts = self._pieces[index].line_starts
        return self._first_lines[index] + bisect_right(starts, offset - self._offsets[index]) - 1

    def offset_at(self, position: Position, encoding: PositionEncoding) -> int:
        """The offset that an editor's position names, clamped as the module says."""
        if position.line < 0:
            return 0
        if position.line >= self.line_count:
            return len(self)
        content = self.line(position.line)
        return self.line_start(position.line) + index_of_units(
            content, position.character, encoding
        )

    def position_at(self, offset: int, encoding: PositionEncoding) -> Position:
        """An offset as the editor names it; inside a line break, the line's end."""
        offset = self.clamp(offset)
        line = self.line_at(offset)
        before = self.slice(self.line_start(line), offset).rstrip("\r\n")
        return Position(line, units_in(before, encoding))

    def edit_at(
        self, start: Position, end: Position, text: str, encoding: PositionEncoding
    ) -> Edit:
        """An editor's change as an `Edit`; ends in the wrong order are swapped."""
        low, high = sorted((self.offset_at(start, encoding), self.offset_at(end, encoding)))
        return Edit(low, high, text)

    def trim(self, edit: Edit) -> Edit:
        """The same change without what it replaces by itself: common prefix, then suffix.

        Editors disagree on how much of an unchanged word they send along; after this
        they agree.
        """
        gone = self.slice(edit.start, edit.end)
        head = common_prefix(gone, edit.text)
        tail = common_suffix(gone[head:], edit.text[head:])
        return Edit(edit.start + head, edit.end - tail, edit.text[head : len(edit.text) - tail])

    def parts(self, edit: Edit) -> list[Edit]:
        """The same change, trimmed, and around what it puts back in its middle.

        `int(` and `)` around a call are two insertions, also where one edit brings both.
        Lines that change their layout alone are aligned: some editors send a formatter's
        work as one edit.
        """
        for one in (edit, self.trim(edit)):
            gone = self.slice(one.start, one.end)
            if len(gone) >= LEAST_KEPT and one.text.count(gone) == 1:
                at = one.text.index(gone)
                after = one.start + at + len(gone)
                return [
                    Edit(one.start, one.start, one.text[:at]),
                    Edit(after, after, one.text[at + len(gone) :]),
                ]
        if "\n" in gone and _LAYOUT.sub("", gone) == _LAYOUT.sub("", one.text):
            return [
                Edit(one.start + part.start, one.start + part.end, part.text)
                for part in reconcile(gone, one.text)
            ]
        return [one]

    def slide(self, edit: Edit, towards: int) -> Edit:
        """The same insertion, moved towards an offset as far as the result stays the same.

        An editor that computes edits by comparing texts may report `a", "` after a quote
        where `"a", ` was inserted before it.
        """
        at, text = edit.start, edit.text
        if edit.start != edit.end or not text or abs(at - towards) > MAX_SLIDE:
            return edit
        while at > towards and self.slice(at - 1, at) == text[-1]:
            at, text = at - 1, text[-1] + text[:-1]
        while at < towards and self.slice(at, at + 1) == text[0]:
            at, text = at + 1, text[1:] + text[0]
        return Edit(at, at, text)

    def apply(self, edit: Edit) -> Buffer:
        """The document after an edit, whose offsets are clamped."""
        start, end = self.clamp(edit.start), self.clamp(edit.end)
        end = max(start, end)
        first, last = self._piece_at(start), self._piece_at(end)
        if start == self._offsets[first] and first > 0:
            # A piece that ends in CR must not meet an LF at the start of the next.
            first -= 1
        head = "".join(p.text for p in self._pieces[first : self._piece_at(start) + 1])
        head = head[: start - self._offsets[first]]
        merged = head + edit.text + self._pieces[last].text[end - self._offsets[last] :]
        while len(merged) < PIECE_CHARS // 2 and last + 1 < len(self._pieces):
            last += 1
            merged += self._pieces[last].text
        after = Buffer.__new__(Buffer)
        cut = _cut(merged)
        if not merged and (first > 0 or last + 1 < len(self._pieces)):
            cut = []
        after._assemble([*self._pieces[:first], *cut, *self._pieces[last + 1 :]])
        return after

    def _piece_at(self, offset: int) -> int:
        return min(bisect_right(self._offsets, offset), len(self._pieces)) - 1


def replay(before: Buffer, changes: Iterable[ContentChange], encoding: PositionEncoding) -> Change:
    """Apply the changes of one notification in order, each to the result of the last."""
    buffer = before
    edits: list[Edit] = []
    is_rewrite = False
    for change in changes:
        if change.start is None:
            found = reconcile(buffer.text, change.text)
            is_rewrite = is_rewrite or _rewrites(buffer, found)
        else:
            end = change.start if change.end is None else change.end
            raw = buffer.edit_at(change.start, end, change.text, encoding)
            found = buffer.parts(raw)
        for edit in found:
            if not edit.is_empty:
                buffer = buffer.apply(edit)
                edits.append(edit)
    return Change(before, buffer, tuple(edits), is_rewrite)


def _rewrites(buffer: Buffer, edits: list[Edit]) -> bool:
    """Whether a whole-document replacement was more than one person's one edit.

    Clients without incremental sync replace the document at every keystroke; those come
    down to one small edit.
    """
    lines = {buffer.line_at(edit.start) for edit in edits}
    gone = sum(edit.end - edit.start for edit in edits)
    return (len(lines) > 1 and len(edits) > 1) or (gone > 200 and gone * 2 > len(buffer))


def _cut(text: str) -> list[_Piece]:
    """Split at line breaks into pieces of about `PIECE_CHARS`; at least one piece."""
    pieces: list[_Piece] = []
    start = 0
    while len(text) - start > 2 * PIECE_CHARS:
        found = LINE_BREAK.search(text, start + PIECE_CHARS)
        if found is None or found.end() == len(text):
            break
        pieces.append(_Piece(text[start : found.end()]))
        start = found.end()
    pieces.append(_Piece(text[start:]))
    return pieces
