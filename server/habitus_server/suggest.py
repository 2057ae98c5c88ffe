"""From a snapshot to what may be offered there.

Promises that the newest question about a document is the only one at work, that two
requests about the same place share one answer, that what the user types of a
suggestion is not asked for again, and that a failing engine means an empty answer
with a reason. Knows no protocol and stores nothing.
"""

from __future__ import annotations

import asyncio
import math
import secrets
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum

import msgspec

from habitus_server import postprocess
from habitus_server.config import Completion
from habitus_server.engine.wire import Candidate, Completed, Place, Stop
from habitus_server.records import AdapterRef, Chunk, Suggestion
from habitus_server.session import Snapshot
from habitus_server.storable import SUFFIX_CHARS, end_of, start_of

MIN_CONFIDENCE = 0.05
"""Geometric mean of the token probabilities below which an unasked suggestion is noise."""

ContextOf = Callable[[Snapshot], Callable[[], Sequence[Chunk]]]
"""Called on the loop; what it returns is called in a thread."""

IsDeclined = Callable[[Snapshot, str], bool]
"""Whether a text was turned down at a place; called in any thread, so it must be quick."""

Complete = Callable[["Ask", Place, Stop], Awaitable[Completed]]


class Source(Enum):
    """Where an answer came from."""

    ENGINE = "engine"
    TYPED_THROUGH = "typedThrough"


class Ask(msgspec.Struct, frozen=True):
    """A question about one place, with everything its answer depends on.

    `invoked` says that the user asked by hand, which switches the filters off: what was
    turned down is shown again. `looks_further` asks for other candidates than the first.
    """

    snapshot: Snapshot
    workspace: str
    completion: Completion
    adapter: AdapterRef | None = None
    invoked: bool = False
    looks_further: bool = False
    use_memory: bool = True
    window: str = ""
    model: str = ""

    @property
    def candidates(self) -> int:
        """How many different completions are wanted."""
        return self.completion.alternatives if self.invoked or self.looks_further else 1


class Offer(msgspec.Struct, frozen=True):
    """A suggestion as it can be inserted now: `typed` characters of it already stand there."""

    suggestion: Suggestion
    replace_right: int = 0
    typed: int = 0
    source: Source = Source.ENGINE

    @property
    def text(self) -> str:
        """What is left to insert at the cursor."""
        return self.suggestion.text[self.typed :]


class _Answer(msgspec.Struct, frozen=True):
    ask: Ask
    offers: tuple[Offer, ...]


class _Flight:
    """One question at work, and how many requests wait for it."""

    def __init__(self, key: object, task: asyncio.Task[tuple[Offer, ...]]) -> None:
        self.key = key
        self.task = task
        self.waiters = 0


class Suggester:
    """Answers questions about documents; all calls on one event loop."""

    def __init__(
        self,
        complete: Complete,
        context_of: ContextOf,
        clock: Callable[[], float],
        is_declined: IsDeclined = lambda _snapshot, _text: False,
    ) -> None:
        self._complete = complete
        self._context_of = context_of
        self._clock = clock
        self._answers: dict[str, _Answer] = {}
        self._flights: dict[str, _Flight] = {}
        self._is_declined = is_declined
        self.answered = dict.fromkeys(Source, 0)

    async def suggest(self, ask: Ask) -> tuple[Offer, ...]:
        """What to offer; raises `EngineError` when there is no answer to be had."""
        typed = self._typed_through(ask)
        if typed:
            self.answered[Source.TYPED_THROUGH] += 1
            return typed
        return await self._join(ask)

    async def place(self, ask: Ask) -> Place:
        """Everything that the model is told about the place of a question."""
        snapshot = ask.snapshot
        chunks = await asyncio.to_thread(self._context_of(snapshot))
        return Place(
            workspace=ask.workspace,
            path=snapshot.path,
            language=snapshot.language,
            prefix=snapshot.prefix,
            suffix=snapshot.suffix,
            chunks=tuple(chunks),
        )

    def forget(self, uri: str) -> None:
        """Drop what is known of a closed document, and stop working on it."""
        self._answers.pop(uri, None)
        flight = self._flights.pop(uri, None)
        if flight is not None:
            flight.task.cancel()

    def forget_answers(self) -> None:
        """Drop cached answers, as when another adapter serves."""
        self._answers.clear()

    # --- one flight per document --------------------------------------------------

    async def _join(self, ask: Ask) -> tuple[Offer, ...]:
        uri = ask.snapshot.uri
        key = _flight_key(ask)
        flight = self._flights.get(uri)
        if flight is None or flight.key != key or flight.task.done():
            if flight is not None:
                flight.task.cancel()
            flight = _Flight(key, asyncio.create_task(self._work(ask)))
            self._flights[uri] = flight
        flight.waiters += 1
        try:
            await asyncio.wait([flight.task])
        finally:
            flight.waiters -= 1
            if flight.waiters == 0:
                flight.task.cancel()
                if self._flights.get(uri) is flight:
                    del self._flights[uri]
        if flight.task.cancelled():
            return ()
        return flight.task.result()

    async def _work(self, ask: Ask) -> tuple[Offer, ...]:
        stop = stop_at(ask)
        place = await self.place(ask)
        completed = await self._complete(ask, place, stop)
        offers = await asyncio.to_thread(self._offers, ask, stop, completed)
        if not offers and await asyncio.to_thread(self._may_look_further, ask, stop, completed):
            further = msgspec.structs.replace(ask, looks_further=True)
            completed = await self._complete(further, place, stop)
            offers = (await asyncio.to_thread(self._offers, further, stop, completed))[:1]
        self._answers[ask.snapshot.uri] = _Answer(ask, offers)
        self.answered[Source.ENGINE] += 1
        return offers

    # --- answers ------------------------------------------------------------------

    def _offers(self, ask: Ask, stop: Stop, completed: Completed) -> tuple[Offer, ...]:
        snapshot = ask.snapshot
        request_id = secrets.token_hex(8)
        offers: list[Offer] = []
        for candidate in completed.candidates:
            trimmed = _trim(snapshot, stop, candidate)
            if trimmed is None or any(trimmed.text == offer.text for offer in offers):
                continue
            if not ask.invoked and self._is_better_silent(ask, candidate, trimmed.text):
                continue
            suggestion = Suggestion(
                id=secrets.token_hex(8),
                request_id=request_id,
                rank=len(offers),
                window=ask.window,
                path=snapshot.path,
                language=snapshot.language,
                model=ask.model,
                adapter=completed.adapter,
                offered_at=self._clock(),
                prefix=end_of(snapshot.prefix),
                suffix=start_of(snapshot.suffix, SUFFIX_CHARS),
                text=trimmed.text,
                logprob=sum(candidate.logprobs),
                token_count=len(candidate.logprobs),
            )
            offers.append(Offer(suggestion, trimmed.replace_right))
        return tuple(offers)

    def _may_look_further(self, ask: Ask, stop: Stop, completed: Completed) -> bool:
        """Whether the only candidate was turned down before, and there may be others."""
        if ask.invoked or ask.completion.alternatives < 2:
            return False
        trimmed = (_trim(ask.snapshot, stop, one) for one in completed.candidates)
        return any(one is not None and self._is_declined(ask.snapshot, one.text) for one in trimmed)

    def _is_better_silent(self, ask: Ask, candidate: Candidate, text: str) -> bool:
        return confidence(candidate) < MIN_CONFIDENCE or self._is_declined(ask.snapshot, text)

    def _typed_through(self, ask: Ask) -> tuple[Offer, ...]:
        """What remains of the last answer when its text is being typed."""
        answer = self._answers.get(ask.snapshot.uri)
        if answer is None or not _same_question(answer.ask, ask):
            return ()
        before, now = answer.ask.snapshot, ask.snapshot
        typed = now.prefix[len(before.prefix) :]
        if before.suffix != now.suffix or before.prefix + typed != now.prefix:
            return ()
        return tuple(
            msgspec.structs.replace(offer, typed=len(typed), source=Source.TYPED_THROUGH)
            for offer in answer.offers
            if offer.suggestion.text.startswith(typed)
            and len(offer.suggestion.text) > len(typed)
            and (ask.invoked or not self._is_declined(before, offer.suggestion.text))
        )


def stop_at(ask: Ask) -> Stop:
    """Where a completion should end: a line, or a block where one has just been opened."""
    snapshot, limits = ask.snapshot, ask.completion
    above, _, line = snapshot.prefix.rpartition("\n")
    rest = snapshot.suffix.partition("\n")[0]
    opens = above.rstrip().endswith((":", "{"))
    if limits.max_lines > 1 and opens and not line.strip() and not rest.strip():
        indent = len(line.expandtabs())
        return Stop("block", indent, limits.max_lines, limits.max_tokens)
    return Stop("line", 0, 1, limits.max_tokens)


def confidence(candidate: Candidate) -> float:
    """The geometric mean of a candidate's token probabilities."""
    if not candidate.logprobs:
        return 0.0
    return math.exp(sum(candidate.logprobs) / len(candidate.logprobs))


def _trim(snapshot: Snapshot, stop: Stop, candidate: Candidate) -> postprocess.Trimmed | None:
    return postprocess.trim(
        candidate.text,
        prefix=snapshot.prefix,
        suffix=snapshot.suffix,
        language=snapshot.language,
        mode=stop.mode,
    )


def _same_question(one: Ask, other: Ask) -> bool:
    return (
        one.adapter == other.adapter
        and one.use_memory == other.use_memory
        and one.candidates >= other.candidates
    )


def _flight_key(ask: Ask) -> tuple[object, ...]:
    snapshot = ask.snapshot
    place = (snapshot.version, snapshot.start, snapshot.end, snapshot.pending)
    return (*place, ask.candidates, ask.adapter)
