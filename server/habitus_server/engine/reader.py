"""Prompts read again and again, paying for the line that changed.

Promises the ids that `Tokens.encode` gives for the whole text. Tokenizers of code end a
piece where a line begins that is not blank; one that does not is asked for whole texts.
Knows no prompt.
"""

from __future__ import annotations

import re

from habitus_server.engine.tokens import Tokens

# A line with its newline and the blank lines below it.
_PIECE = re.compile(r"[^\n]*\n(?:[^\S\n]*\n)*|[^\n]+")
_LONE_RETURN = re.compile(r"\r(?!\n)")
_PROBE = "def a(b):\n    return (c, [\n\n  \n\td])\r\n\r\n    # é 漢\nx = {'y': 1}\n        "
_CACHED_PIECES = 16_384


class LineReader:
    """`Tokens.encode` with a memory of lines; used by one thread."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._pieces: dict[str, list[int]] = {}
        self._reads_lines = self._joined(_PROBE) == tokens.encode(_PROBE)

    def encode(self, text: str) -> list[int]:
        """Ids of a text read on its own."""
        if not self._reads_lines or ("\r" in text and _LONE_RETURN.search(text)):
            return self._tokens.encode(text)
        return self._joined(text)

    def _joined(self, text: str) -> list[int]:
        if len(self._pieces) > _CACHED_PIECES:
            self._pieces.clear()
        pieces = self._pieces
        ids: list[int] = []
        for piece in _PIECE.findall(text):
            known = pieces.get(piece)
            if known is None:
                known = pieces[piece] = self._tokens.encode(piece)
            ids += known
        return ids
