"""A tokenizer's tokens by what they spell.

Promises ways on from a part of a token, and tokens as the completion of one line
writes them. Knows no text that was ever seen.
"""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

from habitus_server.engine.fim import template_from_vocabulary
from habitus_server.engine.segment import GAP, Ids
from habitus_server.engine.tokens import Tokens

LINE_AHEAD = 6
"""Tokens in which a joined token is written at most."""


class Vocabulary:
    """Tokens by what they spell, for going on from a part of one."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        order = sorted(range(tokens.size), key=lambda index: tokens.pieces[index])
        self._sorted = [tokens.pieces[index] for index in order]
        self._ranks = np.empty(tokens.size + 1, np.int64)
        self._ranks[order] = np.arange(tokens.size)
        self._ranks[GAP] = -1
        self._exact = {tokens.pieces[index]: index for index in reversed(order)}
        self._rests: dict[bytes, list[int]] = {}
        self.end = template_from_vocabulary(tokens.special, name="", suffix_first=False).tokens.end
        self.line_ways = self._line_ways()

    def _line_ways(self) -> Ids:
        """Each token as the completion of one line writes it: `[size + 1, LINE_AHEAD]`.

        Tokenizers join a newline to what stands before it, but a line's completion ends
        there: "):\\n" is written as ")", ":" and the end. What has no newline is written
        as itself, and nothing is said of what comes next. The last row is `GAP`'s own.
        """
        table = np.full((self.tokens.size + 1, LINE_AHEAD), GAP, np.int32)
        table[:-1, 0] = np.arange(self.tokens.size)
        for index, piece in enumerate(self.tokens.pieces):
            head, newline, _ = piece.partition(b"\n")
            if newline:
                way = [*self.read(head.rstrip(b"\r")), self.end][:LINE_AHEAD]
                if GAP not in way:
                    table[index, : len(way)] = way
        return table

    def starting_with(self, text: bytes, ids: Ids) -> NDArray[np.bool_]:
        """Which of `ids` spell something that begins with `text`."""
        low = bisect_left(self._sorted, text)
        high = bisect_left(self._sorted, text + b"\xff\xff")
        ranks = self._ranks[ids]
        return (ranks >= low) & (ranks < high)

    def spelling(self, text: bytes) -> int | None:
        """The token that spells exactly this."""
        return self._exact.get(text)

    def read(self, rest: bytes) -> list[int]:
        """What remains of a word, read on its own as a completion would write it."""
        if not rest:
            return []
        known = self._rests.get(rest)
        if known is None:
            try:
                known = self.tokens.encode(rest.decode())
            except UnicodeDecodeError:
                known = [GAP]
            if len(self._rests) > 50_000:
                self._rests.clear()
            self._rests[rest] = known
        return known
