"""Which parts of one text stand in another.

Promises replacements that turn one text into another and keep equal lines, then equal
words, within a bound on work. Knows no buffers or spans.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher

MAX_LINES = 2_000
MAX_WORDS = 1_500
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")
_WORD = re.compile(r"\w+|[^\S\r\n]+|\r\n|.", re.DOTALL)


def align(before: str, after: str) -> list[tuple[int, int, str]]:
    """Replacements (start, end, text), in order, each in what the earlier ones leave."""
    found: list[tuple[int, int, str]] = []
    shift = 0
    for start, end, low, high in _hunks(_LINE.findall(before), _LINE.findall(after), MAX_LINES):
        gone, come = before[start:end], after[low:high]
        for a, b, c, d in _hunks(_WORD.findall(gone), _WORD.findall(come), MAX_WORDS):
            found.append((start + a + shift, start + b + shift, come[c:d]))
            shift += (d - c) - (b - a)
    return found


def _hunks(left: list[str], right: list[str], limit: int) -> list[tuple[int, int, int, int]]:
    """Character ranges that differ: left start and end, right start and end."""
    at_left, at_right = _starts(left), _starts(right)
    if len(left) > limit or len(right) > limit:
        return [(0, at_left[-1], 0, at_right[-1])]
    matcher = SequenceMatcher(None, left, right, autojunk=len(left) > 400)
    return [
        (at_left[i], at_left[j], at_right[k], at_right[m])
        for tag, i, j, k, m in matcher.get_opcodes()
        if tag != "equal"
    ]


def _starts(parts: list[str]) -> list[int]:
    starts = [0]
    for part in parts:
        starts.append(starts[-1] + len(part))
    return starts
