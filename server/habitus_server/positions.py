"""Places as editors name them, and what they count.

Promises that clamping rounds down to a whole code point: a unit inside a surrogate pair or a
UTF-8 sequence is the start of that code point. Knows single lines, no document.
"""

from __future__ import annotations

import re
from enum import Enum

import msgspec

_ASTRAL = re.compile("[\U00010000-\U0010ffff]")


class PositionEncoding(Enum):
    """What a position's `character` counts, as negotiated with the client."""

    UTF8 = "utf-8"
    UTF16 = "utf-16"
    UTF32 = "utf-32"


class Position(msgspec.Struct, frozen=True, order=True):
    """A place as an editor names it, in units of a `PositionEncoding`."""

    line: int
    character: int


def index_of_units(content: str, units: int, encoding: PositionEncoding) -> int:
    """The code point index at `units` of an encoding into a line; clamps, rounds down."""
    if units <= 0:
        return 0
    if encoding is PositionEncoding.UTF32 or content.isascii():
        return min(units, len(content))
    if encoding is PositionEncoding.UTF16:
        seen = 0
        for found in _ASTRAL.finditer(content):
            at = found.start() + seen
            if at >= units:
                break
            if at + 1 == units:
                return found.start()
            seen += 1
        return min(units - seen, len(content))
    data = content.encode("utf-8", "surrogatepass")
    if units >= len(data):
        return len(content)
    while data[units] & 0xC0 == 0x80:
        units -= 1
    return len(data[:units].decode("utf-8", "surrogatepass"))


def units_in(content: str, encoding: PositionEncoding) -> int:
    """How many units of an encoding a text takes."""
    if encoding is PositionEncoding.UTF32 or content.isascii():
        return len(content)
    if encoding is PositionEncoding.UTF16:
        return len(content) + sum(1 for _ in _ASTRAL.finditer(content))
    return len(content.encode("utf-8", "surrogatepass"))
