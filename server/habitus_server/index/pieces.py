"""A text cut into pieces worth showing.

Promises pieces of whole lines that do not overlap, in order: in Python a function, a method,
the head of a class with its attributes, or what stands between those, in windows where one is
long; in other languages windows of lines. Knows text alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from habitus_server import syntax

WINDOW_LINES = 24
LONGEST_LINES = 40
"""A definition up to this long stays whole."""

MAX_PIECES = 2_000
MAX_PIECE_CHARS = 4_000
"""What is longer than that in so few lines is data."""


class Piece(msgspec.Struct, frozen=True):
    """Lines of a file from `line` (from zero) on."""

    line: int
    text: str


def cut(text: str, language: str) -> tuple[Piece, ...]:
    """The pieces of a text, at most `MAX_PIECES`; blank ones are left out."""
    lines = text.split("\n")
    pieces: list[Piece] = []
    for first, end in _spans(text, language, len(lines)):
        shown = "\n".join(lines[first:end]).strip("\n")
        if shown.strip() and len(shown) <= MAX_PIECE_CHARS:
            pieces.append(Piece(first, shown))
        if len(pieces) == MAX_PIECES:
            break
    return tuple(pieces)


def _spans(text: str, language: str, lines: int) -> Iterator[tuple[int, int]]:
    """Definitions and the lines between them; a class ends where its first member begins."""
    found = syntax.definition_lines(text) if language in syntax.LANGUAGES else ()
    at = 0
    for number, (first, end) in enumerate(found):
        if first < at:
            continue  # a second definition on the line of the one before
        if number + 1 < len(found):
            end = max(first + 1, min(end, found[number + 1][0]))
        yield from _windows(at, first, WINDOW_LINES)
        yield from _windows(first, end, LONGEST_LINES)
        at = end
    yield from _windows(at, lines, WINDOW_LINES)


def _windows(first: int, end: int, longest: int) -> Iterator[tuple[int, int]]:
    if end - first <= longest:
        yield first, end
        return
    for start in range(first, end, WINDOW_LINES):
        yield start, min(start + WINDOW_LINES, end)
