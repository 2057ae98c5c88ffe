"""A tokenizer's tokens by what they spell.

Promises ways on from a part of a token, and tokens as the completion of one line
writes them. Knows no text that was ever seen.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from habitus_server.engine.fim import template_from_vocabulary
from habitus_server.engine.segment import GAP, Ids
from habitus_server.engine.tokens import Tokens

_KNOWN_WORDS = 50_000


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
        self._words: dict[str, tuple[list[int], list[int]]] = {}
        self.end = template_from_vocabulary(tokens.special, name="", suffix_first=False).tokens.end
        self._line_ways = self._joined()
        firsts = [self.way(token)[0] for token in range(tokens.size)]
        self.line_firsts = [*firsts, GAP]
        """The first token of each one's `way`; the last is `GAP`'s own."""
        self.joined_heads = frozenset(way[0] for way in self._line_ways.values() if len(way) > 1)
        """Tokens that begin the way of one that is joined to a line's end."""

    def _joined(self) -> dict[int, tuple[int, ...]]:
        ways = {}
        for index, piece in enumerate(self.tokens.pieces):
            head, newline, _ = piece.partition(b"\n")
            if newline:
                way = (*self.read(head.rstrip(b"\r")), self.end)
                if GAP not in way:
                    ways[index] = way
        return ways

    def way(self, token: int) -> tuple[int, ...]:
        """A token as the completion of one line writes it.

        Tokenizers join a newline to what stands before it, but a line's completion ends
        there: "):\\n" is written as ")", ":" and the end. What has no newline is written
        as itself.
        """
        return self._line_ways.get(token) or (token,)

    def line_way(self, tokens: Sequence[int]) -> list[int]:
        """The `way` of one after another, up to where the line ends."""
        ways = self._line_ways
        for at, token in enumerate(tokens):
            if token in ways:
                return [*tokens[:at], *ways[token]]
        return list(tokens)

    def starting_with(self, text: bytes, ids: Ids) -> NDArray[np.bool_]:
        """Which of `ids` spell something that begins with `text`."""
        low = bisect_left(self._sorted, text)
        high = bisect_left(self._sorted, text + b"\xff\xff")
        ranks = self._ranks[ids]
        return (ranks >= low) & (ranks < high)

    def spelling(self, text: bytes) -> int | None:
        """The token that spells exactly this."""
        return self._exact.get(text)

    def words(self, text: str) -> tuple[list[int], list[int]]:
        """A text's ids, and for each the number of the word that it is part of."""
        known = self._words.get(text)
        if known is None:
            known = self.tokens.encode_words(text)
            if len(self._words) >= _KNOWN_WORDS:
                self._words.clear()
            self._words[text] = known
        return known

    def forget(self) -> None:
        """Drop every piece of text that was read."""
        self._rests.clear()
        self._words.clear()

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
            if len(self._rests) >= _KNOWN_WORDS:
                self._rests.clear()
            self._rests[rest] = known
        return known
