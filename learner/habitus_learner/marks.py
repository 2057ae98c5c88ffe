"""What tells one file's text from all the others of its workspace.

Promises to find text that was quoted: a name or a line that stood in the file and in no
other. What a second file has too is that file's own and quotes nobody. Pure.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable

import msgspec

MIN_WORD_CHARS = 6
"""Shorter words stand everywhere."""
MIN_LINE_CHARS = 16

_WORD = re.compile(rf"[^\W\d]\w{{{MIN_WORD_CHARS - 1},}}")

_EVERYBODYS = frozenset((*keyword.kwlist, *dir(builtins)))
"""No small workspace need have these in a second file."""


class Marks(msgspec.Struct, frozen=True):
    """Names and lines of the forgotten, and the paths that name it."""

    words: frozenset[str]
    lines: frozenset[str]
    names: tuple[re.Pattern[str], ...]

    def are_in(self, text: str) -> bool:
        """Whether a text quotes or names the forgotten."""
        if any(name.search(text) for name in self.names):
            return True
        if not self.words.isdisjoint(_WORD.findall(text)):
            return True
        return bool(self.lines) and not self.lines.isdisjoint(lines_of(text))


def find_marks(own: Iterable[str], others: Iterable[str], paths: Iterable[str]) -> Marks:
    """The marks of texts `own`, of files called `paths`, among the texts of other files."""
    words: set[str] = set()
    lines: set[str] = set()
    for text in own:
        words.update(_WORD.findall(text))
        lines.update(lines_of(text))
    for text in others:
        words.difference_update(_WORD.findall(text))
        lines.difference_update(lines_of(text))
    names = tuple(re.compile(rf"(?<![\w./-]){re.escape(path)}(?![\w-])") for path in sorted(paths))
    return Marks(frozenset(words - _EVERYBODYS), frozenset(lines), names)


def lines_of(text: str) -> Iterable[str]:
    """The lines that are long enough to be told apart, without their margins."""
    return (line for raw in text.split("\n") if len(line := raw.strip()) >= MIN_LINE_CHARS)
