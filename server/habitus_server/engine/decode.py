"""Turning a prompt into completions, token by token.

Promises that no sentinel is ever part of a text, that text is cut only between
characters, that log-probabilities are those of the distribution which was served,
that drafts change how fast a text is written and never what is written, and that a
request can be stopped between two tokens. Knows a network only as what has been read
with it (`reading`), memory only as a `Mixer`.
"""

from __future__ import annotations

import codecs
import math
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from habitus_server.engine.pace import Pace
from habitus_server.engine.reading import Reading
from habitus_server.engine.stop import find_end
from habitus_server.engine.tokens import Tokens
from habitus_server.engine.wire import Candidate, Stop

Probabilities = NDArray[np.float64]
Logits = NDArray[np.float32]
_UNLIKELY = 0.02
"""Sampling leaves out tokens this much less likely than the likeliest."""


class Mixer(Protocol):
    """What memory says at each step of one continuation."""

    def mix(self, model: Probabilities) -> Probabilities:
        """The served distribution, given the model's."""

    def advance(self, token: int) -> None:
        """The continuation goes on with this token."""

    def draft(self, limit: int) -> list[int]:
        """At most `limit` tokens that may well come next; changes nothing."""


class ModelAlone:
    """The mixer of a request without memory."""

    def mix(self, model: Probabilities) -> Probabilities:
        """What the model says."""
        return model

    def advance(self, token: int) -> None:
        """Nothing to follow."""

    def draft(self, limit: int) -> list[int]:
        """Nothing to go by."""
        return []


def generate(
    reading: Reading,
    tokens: Tokens,
    stop: Stop,
    *,
    mixer: Mixer,
    choose: Callable[[Probabilities], int],
    check: Callable[[], None],
    on_text: Callable[[str], None] | None = None,
    pace: Pace | None = None,
) -> tuple[Candidate, list[int]]:
    """One continuation of a prompt, and the tokens now in the cache after it.

    The cache is first cropped back to the prompt, so this may be called repeatedly.
    With a `pace`, `mixer` is asked for drafts. `finish` is "end", "stop" or "length".
    """
    written = _Writing(tokens, stop, on_text)
    ends = frozenset(tokens.special.values())
    room = min(stop.max_tokens, reading.network.positions - len(reading.ids))
    steps = _Steps(reading, mixer, ends, room, pace)
    for _ in range(room):
        check()
        served = mixer.mix(_softmax(steps.logits()))
        token = choose(served)
        steps.compare(token)
        if token in ends:
            written.finish = "end"
            break
        written.logprobs.append(math.log(max(float(served[token]), 1e-30)))
        if not written.add(token):
            break
        mixer.advance(token)
        steps.advance(token)
    return written.candidate(), steps.close()


class _Steps:
    """The logits after each token that is written, read ahead along drafts.

    What is drafted is read with the token before it; as long as the tokens chosen are
    those drafted, their logits are there already. At the first other choice the cache
    forgets the rest, so it never holds what was not written once `close` returns.
    """

    def __init__(
        self,
        reading: Reading,
        mixer: Mixer,
        ends: frozenset[int],
        room: int,
        pace: Pace | None,
    ) -> None:
        self._reading = reading
        self._mixer = mixer
        self._ends = ends
        self._room = room
        self._pace = pace
        self._ids: list[int] = []
        self._draft: list[int] = []
        self._at = 0  # of the draft's tokens, so many were written
        self._is_read = True
        rows = reading.logits[None]
        if reading.ahead is not None:
            draft, behind = reading.ahead
            self._draft, rows = list(draft), torch.cat((rows, behind))
            reading.ahead = None  # read once: another candidate starts from the prompt alone
        else:
            reading.cache.crop(len(reading.ids))
        self._rows: Logits = rows.numpy(force=True)

    def logits(self) -> Logits:
        """Logits of the next token `[vocabulary]`."""
        if not self._is_read:
            self._read()
        row: Logits = self._rows[self._at]
        return row

    def compare(self, token: int) -> None:
        """This token was chosen: was it the one drafted?"""
        if self._pace is not None and self._at < len(self._draft):
            self._pace.note_outcome(1, int(self._draft[self._at] == token))

    def advance(self, token: int) -> None:
        """The continuation goes on with this token."""
        self._ids.append(token)
        if self._at < len(self._draft) and self._draft[self._at] == token:
            self._at += 1
        else:
            self._is_read = False

    def close(self) -> list[int]:
        """The written tokens that the cache holds; it forgets all others behind the prompt."""
        held = self._ids if self._is_read else self._ids[:-1]
        self._reading.cache.crop(len(self._reading.ids) + len(held))
        return held

    def _read(self) -> None:
        cache, network = self._reading.cache, self._reading.network
        cache.crop(len(self._reading.ids) + len(self._ids) - 1)
        self._draft = self._drafted()
        started = time.perf_counter()
        rows = network.forward([self._ids[-1], *self._draft], cache, rows=1 + len(self._draft))
        # Logits leave a GPU once for all rows, which is the only wait for it.
        self._rows = rows.numpy(force=True)
        if self._pace is not None:
            self._pace.note_cost(len(self._draft), time.perf_counter() - started)
        self._at = 0
        self._is_read = True

    def _drafted(self) -> list[int]:
        left = self._room - len(self._ids) - 1
        if self._pace is None or left < 1:
            return []
        return drafted(self._mixer, self._pace, self._ends, left)


def drafted(mixer: Mixer, pace: Pace, ends: frozenset[int], room: int) -> list[int]:
    """A draft of the next tokens, up to where a text would end."""
    limit = min(pace.limit(), room)
    draft = mixer.draft(limit) if limit else []
    return draft[: next((at for at, token in enumerate(draft) if token in ends), len(draft))]


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
    rows = [reading.logits.numpy(force=True)]
    if len(middle) > 1:
        behind = reading.network.forward(middle[:-1], reading.cache, rows=len(middle) - 1)
        rows += list(behind.numpy(force=True))
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


def _softmax(logits: Logits) -> Probabilities:
    """Probabilities of one row of logits; exponentials need no more than fp32."""
    raised = np.exp(logits - logits.max())
    probabilities: Probabilities = raised.astype(np.float64)
    probabilities /= probabilities.sum()
    return probabilities
