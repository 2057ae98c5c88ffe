"""What a piece of code is found by.

Promises the same words for a text when it is put away and when it is asked about: names as
they stand and, where they are made of several words, those too, in lower case. Knows text alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_NAME = re.compile(r"[^\W\d]\w+")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\dA-Za-z_]+")

LEAST_CHARS = 3
LONGEST_CHARS = 80
"""Longer runs of letters are data, not names."""

# fmt: off
COMMON = frozenset(
    {
        "and", "assert", "async", "await", "break", "case", "class", "continue", "def", "del",
        "elif", "else", "except", "false", "finally", "for", "from", "global", "import", "lambda",
        "none", "nonlocal", "not", "pass", "raise", "return", "self", "super", "true", "try",
        "while", "with", "yield", "cls", "int", "str", "bool", "list", "dict", "tuple", "set",
        "len",
    }
)
# fmt: on
"""Words of the language, which say nothing about what a piece is about."""


def words_of(text: str) -> list[str]:
    """The different words of a text, in the order in which they first stand there."""
    return list(dict.fromkeys(_words(text)))


def _words(text: str) -> Iterator[str]:
    for name in _NAME.findall(text):
        if len(name) > LONGEST_CHARS:
            continue
        whole = name.lower()
        if len(whole) >= LEAST_CHARS and whole not in COMMON:
            yield whole
        parts = _PART.findall(name)
        if len(parts) > 1:
            yield from (
                part.lower()
                for part in parts
                if len(part) >= LEAST_CHARS and part.lower() not in COMMON
            )
