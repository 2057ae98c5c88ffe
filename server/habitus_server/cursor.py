"""What stands around a cursor, as filters of completions ask for it.

Promises bounded answers, however large the file; knows text alone.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from habitus_server.lexing import inside_at

NEAR_CHARS = 4000
"""How far from the cursor neighbouring lines are looked for."""


class Cursor(msgspec.Struct, frozen=True):
    """The cursor's line in two halves (`line`, `rest`), and the text around it.

    `inside` is the string or comment that the cursor is in, "" for code.
    """

    prefix: str
    suffix: str
    language: str
    line: str
    rest: str
    inside: str

    @property
    def is_in_indentation(self) -> bool:
        """Whether only whitespace stands left of the cursor on its line."""
        return not self.line.strip()

    def lines_above(self) -> list[str]:
        """The lines above, the nearest first."""
        return self.prefix[-NEAR_CHARS:].split("\n")[-2::-1]

    def lines_below(self) -> list[str]:
        """The lines below, the nearest first."""
        return self.suffix[:NEAR_CHARS].split("\n")[1:]

    def above(self) -> str:
        """The nearest line above that is not blank; "" where there is none."""
        return next((line for line in self.lines_above() if line.strip()), "")


@lru_cache(maxsize=4)
def between(prefix: str, suffix: str, language: str) -> Cursor:
    """The cursor between two halves of a buffer; a request asks for the same one again."""
    return Cursor(
        prefix=prefix,
        suffix=suffix,
        language=language,
        line=prefix[prefix.rfind("\n") + 1 :],
        rest=suffix.split("\n", 1)[0].rstrip("\r"),
        inside=inside_at(prefix, language),
    )


def lead_of(line: str) -> str:
    """A line's indentation."""
    return line[: len(line) - len(line.lstrip(" \t"))]
