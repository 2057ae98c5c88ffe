"""What a text costs a model behind a prompt, and whether it would have been written exactly.

Promises that the same prompt and answer are asked of the same weights once, over all runs.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from habitus_server.engine.answer import Answerer
from habitus_server.engine.wire import Complete, Place, Score, Stop

EXTRA_TOKENS = 4
"""An answer that goes on after the true text's end is wrong, and need not be written out."""


class Scored(msgspec.Struct, frozen=True):
    """Bits of the true text, teacher-forced, and whether the greedy line is it."""

    bits: float
    is_exact: bool


class Scores:
    """A model's scores, kept in a file of JSON lines."""

    def __init__(self, answerer: Answerer, weights: str, path: Path) -> None:
        self._answerer = answerer
        self._weights = weights
        self._path = path
        self._known: dict[str, Scored] = {}
        if path.exists():
            for line in path.read_bytes().splitlines():
                key, scored = msgspec.json.decode(line, type=tuple[str, Scored])
                self._known[key] = scored

    def score(self, place: Place, answer: str) -> Scored:
        """What `answer` costs at a place, without memory."""
        network = self._answerer.model.network(None)
        prompt = self._answerer.prompt(place, network, 0)
        asked = (self._weights, prompt.ids, answer)
        key = hashlib.sha256(msgspec.json.encode(asked)).hexdigest()
        if key not in self._known:
            self._known[key] = scored = self._ask(place, answer)
            with self._path.open("ab") as file:
                file.write(msgspec.json.encode((key, scored)) + b"\n")
        return self._known[key]

    def _ask(self, place: Place, answer: str) -> Scored:
        scored = self._answerer.score(Score(0, place, answer, None, use_memory=False))
        stop = Stop(max_tokens=scored.tokens + EXTRA_TOKENS)
        completed = self._answerer.complete(
            Complete(0, "bench", place, None, stop=stop, use_memory=False)
        )
        text = completed.candidates[0].text
        return Scored(scored.bits, text.rstrip() == answer.rstrip())
