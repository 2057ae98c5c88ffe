"""The regions of other texts that are most like a given one.

Likeness is the Jaccard index of the words in two regions: cheap, stable and blind to
order. Knows text alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from habitus_server.records import Chunk

WORD = re.compile(r"[^\W\d]\w+")

WINDOW_LINES = 10
STEP_LINES = 5
LEAST_LIKENESS = 0.2
MOST_REGIONS = 2
MOST_CHARS = 200_000
MOST_TEXTS = 12

_Window = tuple[int, frozenset[str]]


def regions(nearby: str, others: Mapping[str, str]) -> Iterator[Chunk]:
    """At most `MOST_REGIONS` windows of other files that share words with `nearby`, best first.

    One window per file; ties fall to the file that comes first.
    """
    words = frozenset(WORD.findall(nearby))
    if len(words) < 4:
        return
    scored: list[tuple[float, str, int, str]] = []
    for path, text in list(others.items())[:MOST_TEXTS]:
        if len(text) > MOST_CHARS:
            continue
        best = max(_likenesses(words, text), default=(0.0, 0))
        if best[0] >= LEAST_LIKENESS:
            scored.append((best[0], path, -best[1], text))
    scored.sort(key=lambda one: -one[0])
    for _, path, first, text in scored[:MOST_REGIONS]:
        lines = text.splitlines()[first : first + WINDOW_LINES]
        yield Chunk(path, "\n".join(lines).strip("\n"))


def _likenesses(words: frozenset[str], text: str) -> Iterator[tuple[float, int]]:
    """Likeness of each window and its first line, negative so that the earlier wins a tie."""
    for first, window in _windows(text):
        if window:
            yield len(words & window) / len(words | window), -first


@lru_cache(maxsize=MOST_TEXTS)
def _windows(text: str) -> tuple[_Window, ...]:
    lines = text.splitlines()
    return tuple(
        (first, frozenset(WORD.findall("\n".join(lines[first : first + WINDOW_LINES]))))
        for first in range(0, max(1, len(lines)), STEP_LINES)
    )
