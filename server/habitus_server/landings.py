"""Where accepted text stands in a commit, and how much of it later commits left.

Promises a place only when the commit itself added every line of it and no other place fits
as well, and a loss only when lines are truly gone: what was moved or re-indented still
stands, and so does a line that was changed but kept most of its words. Pure: texts in,
lines out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

LEAST_CHARS = 12
"""A text with fewer characters that are no space is found by its place, not by its words."""

LEAST_LIKE = 0.6
"""The share of words in common from which a changed line still is the line it was."""

NEAR_LINES = 200
"""How far from where the editor has it a text may stand in the commit."""

MOST_COMPARED = 4_000
"""Pairs of lines compared in one hunk; a larger hunk is asked for equal lines alone."""

_WORD = re.compile(r"\w+")


class Hunk(msgspec.Struct, frozen=True):
    """Lines [old_start, old_end) of the old text become [new_start, new_end) of the new."""

    old_start: int
    old_end: int
    new_start: int
    new_end: int


class Stretch(msgspec.Struct, frozen=True):
    """Whole lines of a text, from `first_line`."""

    first_line: int
    text: str


def find_stretch(
    wanted: str, committed: str, hunks: Sequence[Hunk], *, near: int | None = None
) -> Stretch | None:
    """The lines in which a text reached a commit, or None where that is not certain.

    `hunks` say which lines the commit added. `near` is the line where the editor has the
    text; without it there must be one place alone, and words enough to know it by.
    """
    wanted = wanted.strip("\n")
    size = len("".join(wanted.split()))
    if not size or (near is None and size < LEAST_CHARS):
        return None
    added = {line for hunk in hunks for line in range(hunk.new_start, hunk.new_end)}
    lines = committed.split("\n")
    found = [
        (first, last)
        for first, last in _occurrences(wanted, committed)
        if all(line in added for line in range(first, last + 1) if lines[line].strip())
    ]
    if near is not None:
        found = _nearest(found, near)
    if len(found) != 1:
        return None
    first, last = found[0]
    return Stretch(first, "\n".join(lines[first : last + 1]))


def share_left(stretch: Stretch, hunks: Sequence[Hunk], after: str, moved: Counter[str]) -> float:
    """The share of a stretch's lines that still stand, 0 to 1.

    `hunks` lead from the text in which the stretch stands to `after`; `moved` counts
    the lines (stripped) that the same step added to other files.
    """
    lines = stretch.text.split("\n")
    new = after.split("\n")
    spare = moved + Counter(
        line.strip() for hunk in hunks for line in new[hunk.new_start : hunk.new_end]
    )
    counted = left = 0
    for number, line in enumerate(lines, stretch.first_line):
        if not _WORD.search(line):
            continue
        counted += 1
        hunk = next((one for one in hunks if one.old_start <= number < one.old_end), None)
        if hunk is None:
            left += 1
        elif spare[line.strip()] > 0:
            spare[line.strip()] -= 1
            left += 1
        elif _is_changed(line, hunk, new):
            left += 1
    return left / counted if counted else 1.0


def moved_to(stretch: Stretch, hunks: Sequence[Hunk], after: str) -> Stretch | None:
    """The same lines where they stand in a later text, changed or not; None where gone."""
    kept = [
        line
        for number in range(stretch.first_line, _end(stretch))
        if (line := _line_after(number, hunks)) is not None
    ]
    if not kept:
        return None
    return Stretch(kept[0], "\n".join(after.split("\n")[kept[0] : kept[-1] + 1]))


def _end(stretch: Stretch) -> int:
    return stretch.first_line + stretch.text.count("\n") + 1


def _occurrences(wanted: str, text: str) -> Iterable[tuple[int, int]]:
    """First and last line of each place where a text stands, at the borders of words."""
    at = text.find(wanted)
    while at >= 0:
        if _is_whole(wanted, text, at):
            first = text.count("\n", 0, at)
            yield first, first + wanted.count("\n")
        at = text.find(wanted, at + 1)


def _is_whole(wanted: str, text: str, at: int) -> bool:
    end = at + len(wanted)
    cuts_before = at > 0 and _both_words(text[at - 1], wanted[0])
    return not cuts_before and not (end < len(text) and _both_words(wanted[-1], text[end]))


def _both_words(left: str, right: str) -> bool:
    return bool(_WORD.match(left) and _WORD.match(right))


def _nearest(found: list[tuple[int, int]], near: int) -> list[tuple[int, int]]:
    """The place nearest to a line; several when they are equally near."""
    close = [one for one in found if abs(one[0] - near) <= NEAR_LINES]
    least = min((abs(first - near) for first, _ in close), default=0)
    return [one for one in close if abs(one[0] - near) == least]


def _is_changed(line: str, hunk: Hunk, new: list[str]) -> bool:
    """Whether a line of a hunk stands among the hunk's new lines with most of its words."""
    if (hunk.old_end - hunk.old_start) * (hunk.new_end - hunk.new_start) > MOST_COMPARED:
        return False
    words = set(_WORD.findall(line))
    for other in new[hunk.new_start : hunk.new_end]:
        theirs = set(_WORD.findall(other))
        if theirs and 2 * len(words & theirs) / (len(words) + len(theirs)) >= LEAST_LIKE:
            return True
    return False


def _line_after(number: int, hunks: Sequence[Hunk]) -> int | None:
    shift = 0
    for hunk in hunks:
        if number < hunk.old_start:
            break
        if number < hunk.old_end:
            within = hunk.new_start + (number - hunk.old_start)
            return within if within < hunk.new_end else None
        shift = hunk.new_end - hunk.old_end
    return number + shift
