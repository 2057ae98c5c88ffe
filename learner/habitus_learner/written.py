"""What a commit wrote, as pieces that a developer could have asked a completion for.

Promises that moved lines, changed layout and mere prose are left out, and that a piece sees
what stood there when it was written: above it the new text, below it the old. Knows texts
and lines, no repository, no weights and no clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import msgspec

from habitus_learner.copies import LEAST_COPIED
from habitus_learner.history import FileChange, Moved
from habitus_learner.reactions import NEARLY_EQUAL
from habitus_learner.replay.items import MIN_CODE_CHARACTERS, count_code_characters
from habitus_learner.similarity import similarity
from habitus_server.landings import Hunk
from habitus_server.repository import find_hunks, split_lines
from habitus_server.syntax import LANGUAGES, definition_lines
from habitus_server.verdicts import without_layout

PIECE_CHARS = 900
"""About the 256 tokens that a lesson writes at most; definitions begin pieces of their own."""

PREFIX_CHARS = 2_500
SUFFIX_CHARS = 1_000
"""Several times what a prompt shows; an adapter's folder keeps every example as it is."""

SMALL_EDIT_LINES = 4
SMALL_EDIT_CHARS = 400
"""A replacement up to this size, nearly equal to what it replaced, corrects it; a larger one
is new code in its place."""


class Written(msgspec.Struct, frozen=True):
    """`text` as it was written between `prefix` and `suffix`, from `line` (from zero) on.

    `replaced` is what it corrects, "" for new code. None of them ends with the last line's
    break: that stands at the head of the suffix.
    """

    path: str
    language: str
    line: int
    prefix: str
    suffix: str
    text: str
    replaced: str = ""


class File:
    """One text as lines, with what pieces of it are made of."""

    def __init__(self, path: str, language: str, text: str) -> None:
        self._path = path
        self._language = language
        self._text = text
        self.lines = split_lines(text)
        self._starts = [0]
        for line in self.lines:
            self._starts.append(self._starts[-1] + len(line))

    @cached_property
    def _code(self) -> list[int]:
        if self._language in LANGUAGES:
            return count_code_characters(self._text)
        return [len("".join(line.split())) for line in self.lines]

    @cached_property
    def _definitions(self) -> frozenset[int]:
        if self._language not in LANGUAGES:
            return frozenset()
        return frozenset(first for first, _ in definition_lines(self._text))

    def pieces(self, first: int, end: int, below: str | None = None) -> Iterator[Written]:
        """The lines from `first` up to `end` in pieces that hold code; `below` is what stood
        below all of them, or None for what stands below each."""
        for start, stop in self._parts(first, end):
            if sum(self._code[start:stop]) >= MIN_CODE_CHARACTERS:
                yield self._piece(start, stop, self.below(stop) if below is None else below)

    def corrected(self, first: int, end: int, below: str, replaced: str) -> Written:
        """The lines as the correction of other text: an indentation that both have is given."""
        piece = self._piece(first, end, below)
        old, new = replaced.removesuffix("\n"), piece.text
        margin = 0
        while (
            margin < min(len(old), len(new)) and old[margin] == new[margin] and old[margin] in " \t"
        ):
            margin += 1
        return msgspec.structs.replace(
            piece, prefix=piece.prefix + new[:margin], text=new[margin:], replaced=old[margin:]
        )

    def has_code(self, first: int, end: int) -> bool:
        """Whether lines hold enough code to ask for."""
        return sum(self._code[first:end]) >= MIN_CODE_CHARACTERS

    def below(self, line: int) -> str:
        """What stands from a line on."""
        return self._text[self._starts[line] : self._starts[line] + SUFFIX_CHARS]

    def _piece(self, first: int, end: int, below: str) -> Written:
        at = self._starts[first]
        whole = self._text[at : self._starts[end]]
        text = whole.removesuffix("\n")
        above = self._text[max(0, at - PREFIX_CHARS) : at]
        if at > PREFIX_CHARS:
            above = above.partition("\n")[2]
        suffix = whole[len(text) :] + below[:SUFFIX_CHARS]
        return Written(self._path, self._language, first, above, suffix, text)

    def _parts(self, first: int, end: int) -> Iterator[tuple[int, int]]:
        start, size = first, 0
        for number in range(first, end):
            length = len(self.lines[number])
            if number > start and (number in self._definitions or size + length > PIECE_CHARS):
                yield start, number
                start, size = number, 0
            size += length
        yield start, end


def written_in(changes: Sequence[tuple[FileChange, str]]) -> Iterator[Written]:
    """The pieces that a commit wrote, from its changed files and their languages."""
    moved = Moved([change for change, _ in changes])
    for change, language in changes:
        if not change.new:
            continue
        old = File(change.old_path, language, change.old)
        new = File(change.path, language, change.new)
        for hunk in find_hunks(change.old, change.new):
            yield from _in_hunk(hunk, old, new, moved)


def _in_hunk(hunk: Hunk, old: File, new: File, moved: Moved) -> Iterator[Written]:
    added = new.lines[hunk.new_start : hunk.new_end]
    lost = old.lines[hunk.old_start : hunk.old_end]
    before, after = "".join(lost), "".join(added)
    are_moved = [bool(line.strip()) and moved.takes(line) for line in added]
    if not after.strip() or without_layout(before) == without_layout(after):
        return
    below = old.below(hunk.old_end)
    if not any(are_moved) and _is_small_edit(before, after):
        if new.has_code(hunk.new_start, hunk.new_end):
            yield new.corrected(hunk.new_start, hunk.new_end, below, before)
        return
    for start, end in _runs(added, are_moved):
        yield from new.pieces(hunk.new_start + start, hunk.new_start + end, below)


def _is_small_edit(before: str, after: str) -> bool:
    if not before.strip() or max(len(before), len(after)) > SMALL_EDIT_CHARS:
        return False
    if max(before.count("\n"), after.count("\n")) > SMALL_EDIT_LINES:
        return False
    return similarity(before.strip(), after.strip()) >= NEARLY_EQUAL


def _runs(lines: Sequence[str], are_moved: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """The stretches of lines that were written: short lines may be lost elsewhere by chance,
    so a moved stretch counts from `LEAST_COPIED` characters on, or where it is all there is."""
    full = [number for number, line in enumerate(lines) if line.strip()]
    is_whole = all(are_moved[number] for number in full)
    cut: set[int] = set()
    run: list[int] = []
    for number in [*full, len(lines)]:
        if number < len(lines) and are_moved[number]:
            run.append(number)
            continue
        size = sum(len("".join(lines[one].split())) for one in run)
        if run and (is_whole or size >= LEAST_COPIED):
            cut.update(range(run[0], run[-1] + 1))
        run = []
    start = 0
    for number in range(len(lines) + 1):
        if number == len(lines) or number in cut:
            if any(line.strip() for line in lines[start:number]):
                yield start, number
            start = number + 1
