"""From a question about a place to what is offered there.

Promises that the newest question about a document is the only one at work, that two
requests about the same place share one answer, that what the user types of a suggestion,
also of one that is still being written, is not asked for again, that a guess at the next
question never delays a real one, and that a failing engine means an empty answer with a
reason. Knows no protocol and stores nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from habitus_server.choosing import Chooser
from habitus_server.ending import stop_at
from habitus_server.engine.client import SupersededError
from habitus_server.engine.wire import Completed, Place, Stop
from habitus_server.flights import Flight
from habitus_server.lately import Lately
from habitus_server.offers import Ask, Offer, Source, after_accepting, is_same_place
from habitus_server.pace import Pace
from habitus_server.records import Chunk
from habitus_server.session import Snapshot
from habitus_server.whys import Stage, Why

GUESS_FROM = 0.25
"""The estimate of being kept from which it pays to ask what comes after a suggestion."""

ContextOf = Callable[[Snapshot], Callable[[], Sequence[Chunk]]]
"""Called on the loop; what it returns is called in a thread."""

KnownContextOf = Callable[[Snapshot], Sequence[Chunk] | None]
"""Called on the loop: the chunks that need no work; None where they do."""

Complete = Callable[[Ask, Place, Stop, Callable[[str], None]], Awaitable[Completed]]
"""Asks the engine; the callable is told what the greedy text gains."""


class Answer(msgspec.Struct, frozen=True):
    """What is offered, and why, or why nothing is."""

    offers: tuple[Offer, ...]
    why: Why


class Suggester:
    """Answers questions about documents; all calls on one event loop."""

    def __init__(
        self,
        complete: Complete,
        context_of: ContextOf,
        chooser: Chooser,
        *,
        known_context_of: KnownContextOf = lambda _snapshot: None,
        waits: bool = False,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """With `waits`, a slow engine is asked only when the typing pauses."""
        self._complete = complete
        self._context_of = context_of
        self._known_context_of = known_context_of
        self._chooser = chooser
        self._waits = waits
        self._now = now
        self._pace = Pace()
        self._lately = Lately()
        self._flights: dict[str, Flight] = {}
        self._newest: dict[str, Ask] = {}
        self.answered = dict.fromkeys(Source, 0)

    async def suggest(self, ask: Ask) -> Answer:
        """What to offer; raises `EngineError` when there is no answer to be had."""
        uri = ask.snapshot.uri
        self._newest[uri] = ask
        found = self._lately.find(ask)
        if found is not None and self._chooser.has_only_declined(ask, found):
            found = None  # Asked again, the engine looks further.
        if found is None:
            if not await self._may_ask(ask):
                return Answer((), Why(Stage.DEBOUNCED))
            found = await self._join(ask)
        if found is None or self._is_overtaken(ask):
            return Answer((), Why(Stage.SUPERSEDED))
        offers, why = self._chooser.choose(ask, found)
        if offers:
            if offers[0].source is not Source.ENGINE:
                self.answered[offers[0].source] += 1
            self._guess(ask, offers[0])
        return Answer(offers, why)

    async def place(self, ask: Ask) -> Place:
        """Everything that the model is told about the place of a question."""
        snapshot = ask.snapshot
        chunks = self._known_context_of(snapshot)
        if chunks is None:
            chunks = await asyncio.to_thread(self._context_of(snapshot))
        return Place(
            workspace=ask.workspace,
            path=snapshot.path,
            language=snapshot.language,
            prefix=snapshot.prefix,
            suffix=snapshot.suffix,
            chunks=tuple(chunks),
        )

    def changed(self, uri: str) -> None:
        """A document was edited: a key was pressed, and the context of others has changed."""
        self._pace.typed(self._now())
        self._lately.forget_others(uri)
        for other, flight in self._flights.items():
            flight.is_stale = flight.is_stale or other != uri

    def forget(self, uri: str) -> None:
        """Drop what is known of a closed document, and stop working on it."""
        self._lately.forget(uri)
        self._newest.pop(uri, None)
        flight = self._flights.pop(uri, None)
        if flight is not None:
            flight.cancel()

    def forget_answers(self) -> None:
        """Drop cached answers, as when another adapter serves."""
        self._lately.forget_all()
        for flight in self._flights.values():
            flight.is_stale = True
        self._end_guesses()

    # --- one flight per document --------------------------------------------------

    async def _may_ask(self, ask: Ask) -> bool:
        """Wait for a pause in the typing where the engine is slow; False when none came."""
        uri = ask.snapshot.uri
        flight = self._flights.get(uri)
        if ask.invoked or not self._waits or (flight is not None and flight.carries(ask)):
            return True
        wait_s = self._pace.wait_s(self._now())
        if wait_s:
            await asyncio.sleep(wait_s)
        return not self._is_overtaken(ask)

    def _is_overtaken(self, ask: Ask) -> bool:
        """Whether a question about another place of the document has come since."""
        newest = self._newest.get(ask.snapshot.uri)
        return newest is None or not is_same_place(newest, ask)

    async def _join(self, ask: Ask) -> tuple[Offer, ...] | None:
        """The answer of the flight that carries a question, or of a new one; None when a
        newer question took its place."""
        uri = ask.snapshot.uri
        while True:
            flight = self._flights.get(uri)
            if flight is None or not flight.board(ask):
                flight = self._take_off(ask)
            await self._wait_for(flight, ask)
            if self._is_overtaken(ask):
                return None
            if flight.ask is ask and flight.task.done():
                return None if flight.task.cancelled() else flight.task.result()
            found = self._landed(flight, ask)
            if found is not None:
                return found
            if self._flights.get(uri) is flight:
                del self._flights[uri]
                flight.cancel()

    async def _wait_for(self, flight: Flight, ask: Ask) -> None:
        """Until it has landed, or no longer carries a question that still counts."""
        try:
            while not (flight.task.done() or flight.strayed.done() or self._is_overtaken(ask)):
                await asyncio.wait(
                    (flight.task, flight.strayed, flight.turned),
                    return_when=asyncio.FIRST_COMPLETED,
                )
        finally:
            flight.leave()

    def _landed(self, flight: Flight, ask: Ask) -> tuple[Offer, ...] | None:
        """What a flight that somebody else had asked for brought for this question."""
        if not flight.task.done() or flight.task.cancelled():
            return None
        error = flight.task.exception()
        if error is not None:
            if flight.ask.is_guess or isinstance(error, SupersededError):
                return None
            raise error
        if is_same_place(flight.ask, ask) and not flight.ask.is_guess:
            return flight.task.result()
        found = self._lately.find(ask)
        if found is None:
            return None
        source = Source.SPECULATED if flight.ask.is_guess else Source.IN_FLIGHT
        return tuple(msgspec.structs.replace(offer, source=source) for offer in found)

    def _take_off(self, ask: Ask) -> Flight:
        """Begin to work on a question; whatever else was worked on for its document ends."""
        uri = ask.snapshot.uri
        self._end_guesses()
        older = self._flights.pop(uri, None)
        if older is not None:
            older.cancel()
        flight = Flight(ask, self._work)
        self._flights[uri] = flight
        flight.board(ask)
        return flight

    async def _work(self, flight: Flight) -> tuple[Offer, ...]:
        ask = flight.ask
        stop = stop_at(ask.snapshot, ask.completion)
        place = await self.place(ask)
        began = self._now()
        completed = await self._complete(ask, place, stop, flight.grew)
        if not ask.is_guess:
            self._pace.answered(self._now() - began - completed.queue_ms / 1e3)
        offers = await self._offers(ask, stop, completed)
        if self._chooser.may_look_further(ask, offers):
            further = msgspec.structs.replace(ask, looks_further=True)
            completed = await self._complete(further, place, stop, lambda _more: None)
            others = await self._offers(further, stop, completed)
            known = {offer.suggestion.text for offer in offers}
            offers = (*offers, *(one for one in others if one.suggestion.text not in known))
        if not flight.is_stale:
            self._lately.add(ask, offers)
        if not ask.is_guess:
            self.answered[Source.ENGINE] += 1
        return offers

    async def _offers(self, ask: Ask, stop: Stop, completed: Completed) -> tuple[Offer, ...]:
        offers = self._chooser.offers_at_once(ask, stop, completed)
        if offers is None:
            offers = await asyncio.to_thread(self._chooser.offers, ask, stop, completed)
        return offers

    # --- the next question ----------------------------------------------------------

    def _guess(self, ask: Ask, offer: Offer) -> None:
        """Begin to answer what will be asked when an offer is accepted, if nothing is at work."""
        if not ask.completion.speculates or offer.chance < GUESS_FROM:
            return
        if any(not flight.task.done() for flight in self._flights.values()):
            return
        after = after_accepting(ask, offer)
        if self._lately.find(after) is None:
            self._flights[ask.snapshot.uri] = Flight(after, self._work)

    def _end_guesses(self) -> None:
        for uri, flight in tuple(self._flights.items()):
            if flight.ask.is_guess:
                flight.cancel()
                del self._flights[uri]
