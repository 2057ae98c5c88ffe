"""How alike two short texts are.

Promises one measure for everything that compares texts by their characters.
"""

from __future__ import annotations

from difflib import SequenceMatcher


def similarity(first: str, second: str) -> float:
    """How alike two texts are, 0 to 1 (Ratcliff and Obershelp's measure)."""
    if first == second:
        return 1.0
    return SequenceMatcher(None, first, second, autojunk=False).ratio()
