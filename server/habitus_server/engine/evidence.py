"""Evidence for the next token: what followed, made into levels for the gates.

Promises levels from the longest match to shorter ones, each only where it adds much.
Knows tokens as numbers.
"""

from __future__ import annotations

import numpy as np

from habitus_server.engine.gates import Level
from habitus_server.engine.segment import Ids

LEVELS = 3

Seen = dict[int, list[int]]
"""Tokens that followed, by how long the match was."""


def ladder(seen: Seen, *, is_local: bool) -> list[Level]:
    """Levels of evidence: the longest matches, then shorter ones while they add much.

    In plain Python: for the few dozen places that are looked at, arrays cost more in
    calls than they save.
    """
    levels: list[Level] = []
    counts: dict[int, int] = {}
    counted = waits_for = most = best = 0
    for length in sorted(seen, reverse=True):
        for token in seen[length]:
            count = counts[token] = counts.get(token, 0) + 1
            if count > most:
                most, best = count, token
        counted += len(seen[length])
        if counted > waits_for:
            shares = [count / counted for count in counts.values()]
            likeliest = best, most / counted
            levels.append(Level(is_local, length, counted, list(counts), shares, likeliest))
            waits_for = 2 * counted
            if len(levels) == LEVELS:
                break
    return levels


def vocabulary_level(ids: Ids) -> Level | None:
    """What a text is made of, whatever stood before: evidence behind a match of length 0."""
    if not len(ids):
        return None
    counts = np.bincount(ids)
    tokens = np.flatnonzero(counts)
    shares = counts[tokens] / len(ids)
    best = int(shares.argmax())
    return Level(True, 0, len(ids), tokens, shares, (int(tokens[best]), float(shares[best])))
