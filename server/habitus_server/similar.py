"""What stands around a place, and the part of another text that is most like it.

Likeness is the number of words in common: cheap, stable and blind to order. Knows text alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from habitus_server.index import words_of

ABOVE_LINES = 40
"""A function's lines above the cursor; where it is longer, or there is none, `LOOSE_LINES`."""

LOOSE_LINES = 24
BELOW_LINES = 4
_MOST_CHARS = 20_000
_OPENS = re.compile(r"\s*(?:async\s+def|def|class)\b")


def around(prefix: str, suffix: str) -> list[str]:
    """Words of the function around a place, those nearest above it first, then those below.

    The line of the place itself is left out: it changes with every key.
    """
    above = prefix[-_MOST_CHARS:].split("\n")[:-1]
    below = suffix[:_MOST_CHARS].split("\n")[1 : 1 + BELOW_LINES]
    return words_of("\n".join([*reversed(_function(above)), *below]))


def window(text: str, words: Collection[str], max_chars: int) -> str:
    """The whole lines, at most `max_chars` of them, that hold most of `words`, the first such."""
    lines = text.split("\n")
    found = [words_of(line) for line in lines]
    wanted = frozenset(words)
    best, most = (0, 0), -1
    for first in range(len(lines)):
        end = _end(lines, first, max_chars)
        shared = len({word for line in found[first:end] for word in line if word in wanted})
        if end > first and shared > most:
            best, most = (first, end), shared
        if end == len(lines):
            break
    return "\n".join(lines[slice(*best)]).strip("\n")


def _end(lines: Sequence[str], first: int, max_chars: int) -> int:
    size = 0
    for number in range(first, len(lines)):
        size += len(lines[number]) + 1
        if size > max_chars:
            return number
    return len(lines)


def _function(above: Sequence[str]) -> Sequence[str]:
    """The lines from the innermost definition whose block the last line may be in."""
    depth: int | None = None
    for number in range(len(above) - 1, max(-1, len(above) - ABOVE_LINES - 1), -1):
        line = above[number]
        if not line.strip():
            continue
        indent = len(line) - len(line.lstrip())
        if depth is None or indent < depth:
            if _OPENS.match(line):
                return above[number:]
            depth = indent if depth is not None else indent + 1
    return above[-LOOSE_LINES:]
