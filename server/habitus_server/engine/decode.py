"""Turning a prompt into completions, token by token.

Promises that no sentinel is ever part of a text, that text is cut only between
characters, that log-probabilities are those of the distribution which was served,
and that a request can be stopped between two tokens. Knows a network only as
`forward`, memory only as a `Mixer`.
"""

from __future__ import annotations

import codecs
import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from habitus_server.engine.kvcache import PrefixCaches
from habitus_server.engine.model import Forward
from habitus_server.engine.stop import find_end
from habitus_server.engine.tokens import Tokens
from habitus_server.engine.wire import Candidate, Stop

Probabilities = NDArray[np.float64]
_UNLIKELY = 0.02
"""Sampling leaves out tokens this much less likely than the likeliest."""


class Mixer(Protocol):
    """What memory says at each step of one continuation."""

    def mix(self, model: Probabilities) -> Probabilities:
        """The served distribution, given the model's."""

    def advance(self, token: int) -> None:
        """The continuation goes on with this token."""


class ModelAlone:
    """The mixer of a request without memory."""

    def mix(self, model: Probabilities) -> Probabilities:
        """What the model says."""
        return model

    def advance(self, token: int) -> None:
        """Nothing to follow."""


class Reading:
    """A prompt that has been read: its cache, and the logits after its last token."""

    def __init__(self, network: Forward, cache: Any, ids: Sequence[int], logits: Tensor) -> None:
        self.network = network
        self.cache = cache
        self.ids = ids
        self.logits = logits


def read_prompt(
    network: Forward,
    cache: Any,
    ids: Sequence[int],
    *,
    chunk: int,
    check: Callable[[], None],
) -> Reading:
    """Read what `cache` lacks of `ids`; `check` may raise between two chunks."""
    logits = None
    for start in range(cache.length, len(ids), chunk):
        check()
        logits = network.forward(ids[start : start + chunk], cache)
    assert logits is not None, "a prompt always has a last token to read"
    return Reading(network, cache, ids, logits[-1])


def generate(
    reading: Reading,
    tokens: Tokens,
    stop: Stop,
    *,
    mixer: Mixer,
    choose: Callable[[Probabilities], int],
    check: Callable[[], None],
    on_text: Callable[[str], None] | None = None,
) -> tuple[Candidate, list[int]]:
    """One continuation of a prompt, and the tokens now in the cache after it.

    The cache is first cropped back to the prompt, so this may be called repeatedly.
    `finish` is "end", "stop" or "length".
    """
    reading.cache.crop(len(reading.ids))
    logits, written = reading.logits, _Writing(tokens, stop, on_text)
    ids: list[int] = []
    ends = frozenset(tokens.special.values())
    room = min(stop.max_tokens, reading.network.positions - len(reading.ids))
    for _ in range(room):
        check()
        served = mixer.mix(_softmax(logits))
        token = choose(served)
        if token in ends:
            written.finish = "end"
            break
        written.logprobs.append(math.log(max(float(served[token]), 1e-30)))
        if not written.add(token):
            break
        mixer.advance(token)
        logits = reading.network.forward([token], reading.cache)[-1]
        ids.append(token)
    return written.candidate(), ids


def likeliest(served: Probabilities) -> int:
    """Greedy choice."""
    return int(served.argmax())


def sampler(temperature: float, seed: int) -> Callable[[Probabilities], int]:
    """Seeded choice at a temperature, from all but the unlikely tokens."""
    random = np.random.default_rng(seed)
    sharpness = 1.0 / max(temperature, 0.01)

    def choose(served: Probabilities) -> int:
        weights = (served / served.max()) ** sharpness
        weights[weights < _UNLIKELY] = 0.0
        return int(random.choice(len(weights), p=weights / weights.sum()))

    return choose


def cost_bits(
    reading: Reading,
    middle: Sequence[int],
    mixer: Mixer,
    *,
    on_token: Callable[[int], None] = lambda _: None,
) -> float:
    """What `middle` costs after a prompt, teacher-forced; the end token is not counted.

    `on_token` is called with each token when its cost is known, before the next.
    """
    if not middle:
        return 0.0
    reading.cache.crop(len(reading.ids))
    rows = [reading.logits]
    if len(middle) > 1:
        rows += list(reading.network.forward(middle[:-1], reading.cache, rows=len(middle) - 1))
    bits = 0.0
    for token, logits in zip(middle, rows, strict=True):
        served = mixer.mix(_softmax(logits))
        bits -= math.log2(max(float(served[token]), 1e-30))
        on_token(token)
        mixer.advance(token)
    return bits


class _Writing:
    """A candidate's text as it grows: bytes, then characters, then the stop rule."""

    def __init__(self, tokens: Tokens, stop: Stop, on_text: Callable[[str], None] | None) -> None:
        self._tokens = tokens
        self._stop = stop
        self._on_text = on_text
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._text = ""
        self._told = 0
        self.logprobs: list[float] = []
        self.finish = "length"

    def add(self, token: int) -> bool:
        """Take a token in; False when the text ends within it."""
        try:
            self._text += self._decoder.decode(self._tokens.pieces[token])
        except UnicodeDecodeError:
            self.logprobs.pop()
            self.finish = "stop"
            return False
        end = find_end(self._text, self._stop)
        if end is not None:
            self._text = self._text[:end]
            self.finish = "stop"
        self._tell(self._text.rstrip() if self._stop.mode == "block" else self._text)
        return end is None

    def candidate(self) -> Candidate:
        """The finished candidate; bytes of an unfinished character are left out."""
        if self._stop.mode == "block":
            self._text = self._text.rstrip() if "\n" in self._text else self._text
        self._tell(self._text)
        return Candidate(self._text, tuple(self.logprobs), self.finish)

    def _tell(self, text: str) -> None:
        # Blanks at the end may yet be cut off, so they wait for what follows them.
        if self._on_text is not None and len(text) > self._told:
            self._on_text(text[self._told :])
            self._told = len(text)


def read_and_keep(
    caches: PrefixCaches,
    key: object,
    network: Forward,
    ids: Sequence[int],
    *,
    chunk: int,
    check: Callable[[], None],
) -> tuple[Reading, int]:
    """Read a prompt with what the caches hold of it; also how many tokens were reused."""
    cache, reused = caches.take(key, ids)
    try:
        return read_prompt(network, cache, ids, chunk=chunk, check=check), reused
    finally:
        caches.note(cache, ids)


def _softmax(logits: Tensor) -> Probabilities:
    probabilities: Probabilities = torch.softmax(logits.double(), dim=-1).cpu().numpy()
    return probabilities
