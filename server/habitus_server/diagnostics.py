"""What a checker says is wrong in a document.

Promises one value for a diagnostic whoever reported it, and a name for it that stays the
same while lines move. Knows no document and no protocol.
"""

from __future__ import annotations

import re

import msgspec

ERROR = 1
WARNING = 2
"""Severities are those of the protocol; 3 and 4 are information and hints."""

OWN_SOURCE = "habitus"

_QUOTED = re.compile(r"[\"'`‘“]([^\W\d][\w.]*)[\"'`’”]")
_QUOTATION = re.compile(r"([\"'`‘“][^\"'`’”\n]*[\"'`’”])")
_NUMBER = re.compile(r"\b\d+\b")
_UNKNOWN_NAME = re.compile(
    r"undefined|not defined|undeclared|unresolved|cannot find|can't find|unknown name"
    r"|no attribute|not a known|does not exist|has no member",
    re.IGNORECASE,
)
_UNUSED = re.compile(
    r"unused|never used|not used|not accessed|redundant|duplicate|unreachable|redefin"
    r"|unnecessary|never read",
    re.IGNORECASE,
)
_UNPARSED = re.compile(r"invalid-syntax|e999|syntax ?error|parse ?error|unexpected eof", re.I)


class Diagnostic(msgspec.Struct, frozen=True):
    """A problem as an editor reports it; `start` and `end` are code point offsets."""

    message: str
    start: int
    end: int
    source: str = ""
    code: str = ""
    severity: int = ERROR

    @property
    def key(self) -> tuple[str, str, str]:
        """What stays the same while the document around it changes."""
        return self.source, self.code, without_numbers(self.message)

    @property
    def hides_others(self) -> bool:
        """Whether the document does not parse, so that its checker may see nothing else."""
        return bool(_UNPARSED.search(f"{self.code} {self.message}"))


def without_numbers(message: str) -> str:
    """A message without its numbers (they are mostly lines), but for what it quotes."""
    parts = _QUOTATION.split(message)
    parts[::2] = [_NUMBER.sub("#", part) for part in parts[::2]]
    return " ".join("".join(parts).split())


def is_unknown_name(message: str) -> bool:
    """Whether a message complains about a name that nobody knows."""
    return bool(_UNKNOWN_NAME.search(message))


def is_unused(message: str) -> bool:
    """Whether a message complains about something that is not needed."""
    return bool(_UNUSED.search(message))


def quoted_names(message: str) -> frozenset[str]:
    """The names that a message quotes, each without what it belongs to."""
    return frozenset(name.rsplit(".", 1)[-1] for name in _QUOTED.findall(message))
