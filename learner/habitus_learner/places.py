"""Where, within a piece of written code, a completion could have been asked for.

Promises cuts that put together again give the text they were cut from, chosen by the
random source that the caller seeds. Knows no tokens and no model.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import msgspec

from habitus_learner.examples import Example, Kind

MIN_JUDGED_CHARS = 8
"""Shorter lines (`pass`, `else:`) judge nothing: every model gets them."""

MAX_JUDGED_LINES = 3
"""Lines of one pattern that the gate asks for, so that no pasted block outvotes a day."""

MAX_BLOCK_CHARS = 600


class Cut(msgspec.Struct, frozen=True):
    """Between `prefix` and `suffix` belongs `target`."""

    prefix: str
    suffix: str
    target: str


def judged(example: Example, random: Random) -> list[Cut]:
    """The cuts by which an example judges a model: lines, as they came to be written.

    What stood below the line when it was written is the suffix; lines of the same
    piece that came after it were not there yet.
    """
    if example.kind is not Kind.PATTERN:
        return [Cut(example.prefix, example.suffix, example.target)]
    lines = [
        (start, end)
        for start, end in _lines(example.target)
        if len(example.target[start:end].strip()) >= MIN_JUDGED_CHARS
    ]
    chosen = sorted(random.sample(lines, min(MAX_JUDGED_LINES, len(lines))))
    return [_cut_line(example, *line, _indent_end(example, *line)) for line in chosen]


def practised(example: Example, random: Random, *, columns: int = 1) -> list[Cut]:
    """The cuts by which an example teaches.

    A pattern teaches each of its lines at its indentation and at `columns` random
    columns within, and as a block where it has several; half of the lines see the
    rest of their piece below them, as when a line is added in the middle.
    """
    if example.kind is Kind.FAILURE:
        return [Cut(example.prefix, example.suffix, example.rejected)]
    if example.kind is not Kind.PATTERN:
        return [Cut(example.prefix, example.suffix, example.target)]
    cuts: list[Cut] = []
    text = example.target
    lines = [(s, e) for s, e in _lines(text) if text[s:e].strip()]
    for start, end in lines:
        indent = _indent_end(example, start, end)
        inside = [random.randint(indent, end - 1) for _ in range(columns) if end - indent > 3]
        cuts += [
            _cut_line(example, start, end, at, sees_below=random.random() < 0.5)
            for at in (indent, *inside)
        ]
    if len(lines) > 1 and len(text) <= MAX_BLOCK_CHARS:
        cuts.append(_cut_block(example, lines[0], lines[-1][1]))
    return cuts


def _cut_line(
    example: Example, start: int, end: int, at: int, *, sees_below: bool = False
) -> Cut:
    text = example.target
    below = text[end:] if sees_below else _line_break(text[end:])
    suffix = example.suffix
    if not sees_below and below and suffix.startswith("\n") and not text.endswith("\n"):
        # The piece ends within a line, whose end the suffix holds already.
        below = ""
    return Cut(example.prefix + text[:at], below + suffix, text[at:end])


def _cut_block(example: Example, first: tuple[int, int], end: int) -> Cut:
    text = example.target
    at = _indent_end(example, *first)
    return Cut(example.prefix + text[:at], text[end:] + example.suffix, text[at:end])


def _line_break(rest: str) -> str:
    return "\n" if rest.startswith("\n") else ""


def _indent_end(example: Example, start: int, end: int) -> int:
    line = example.target[start:end]
    return start + len(line) - len(line.lstrip())


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of each line, its break left out."""
    start = 0
    for line in text.split("\n"):
        yield start, start + len(line)
        start += len(line) + 1
