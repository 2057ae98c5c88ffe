"""Near-duplicate detection by hashed runs of lines.

Promises: the same text, re-indented or with blank lines and comments moved, keeps its shingles;
a file that shares a large part of them with another is caught.
Does not know: packages, reservations, or code that was renamed throughout.
"""

from __future__ import annotations

from hashlib import blake2b

RUN = 5
"""Lines in one shingle: long enough that idioms and licence headers alone do not match."""


def shingles(source: str) -> list[int]:
    """64-bit hashes of every run of `RUN` code lines, whitespace and comments aside."""
    lines = ["".join(line.split()) for line in source.splitlines()]
    lines = [line for line in lines if len(line) > 3 and not line.startswith("#")]
    return [
        int.from_bytes(
            blake2b("\n".join(lines[at : at + RUN]).encode(), digest_size=8).digest(), "big"
        )
        for at in range(len(lines) - RUN + 1)
    ]


def shared_part(own: list[int], other: set[int]) -> tuple[int, float]:
    """How many of a file's shingles occur in `other`, and what share of the file that is."""
    count = sum(1 for hash_ in own if hash_ in other)
    return count, count / max(1, len(own))
