"""Somebody who types and asks, and what stands for the engine that answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from habitus_server.choosing import Chooser
from habitus_server.config import Completion
from habitus_server.declined import Declined
from habitus_server.engine.wire import Candidate, Completed, Place, Stop
from habitus_server.offers import Ask, Offer
from habitus_server.session import Changed, Opened, Session, Snapshot
from habitus_server.suggest import Suggester
from habitus_server.text import ContentChange

URI = "file:///w/a.py"


class Typist:
    """A document under a cursor (`‸`), as a session has it."""

    def __init__(self, marked: str) -> None:
        self.session = Session()
        self.session.add_folder(Path("/w"))
        self.session.apply(Opened(URI, "python", 1, marked.replace("‸", "")))
        self.offset = marked.index("‸")

    def snapshot(self) -> Snapshot:
        document = self.session.document(URI)
        assert document is not None
        place = document.buffer.position_at(self.offset, self.session.encoding)
        snapshot = self.session.snapshot(URI, place)
        assert snapshot is not None
        return snapshot

    def type(self, text: str, moves: int | None = None) -> Typist:
        """Insert a text; the cursor moves to its end, or by so many characters."""
        document = self.session.document(URI)
        assert document is not None
        at = document.buffer.position_at(self.offset, self.session.encoding)
        change = ContentChange(text, at, at)
        self.session.apply(Changed(URI, document.version + 1, (change,)))
        self.offset += len(text) if moves is None else moves
        return self

    def delete(self, count: int) -> Typist:
        """Backspace."""
        document = self.session.document(URI)
        assert document is not None
        low, high = (
            document.buffer.position_at(at, self.session.encoding)
            for at in (self.offset - count, self.offset)
        )
        self.session.apply(Changed(URI, document.version + 1, (ContentChange("", low, high),)))
        self.offset -= count
        return self

    def ask(self, *, invoked: bool = True, **settings: object) -> Ask:
        completion = Completion(**{"speculates": False, **settings})  # type: ignore[arg-type]
        return Ask(self.snapshot(), "workspace", completion, invoked=invoked)


class Oracle:
    """Answers every question with the same texts, when it is let."""

    def __init__(self, *texts: str, logprob: float = -0.1) -> None:
        self.texts = texts
        self.logprob = logprob
        self.asked = 0
        self.cancelled = 0
        self.places: list[Place] = []
        self.on_text: Callable[[str], None] = lambda _more: None
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def complete(
        self, ask: Ask, place: Place, stop: Stop, on_text: Callable[[str], None]
    ) -> Completed:
        self.asked += 1
        self.places.append(place)
        self.on_text = on_text
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        texts = self.texts[: ask.candidates]
        candidates = tuple(Candidate(text, (self.logprob,) * 3, "stop") for text in texts)
        return Completed(1, candidates, None, 1, 0, 0.0, 0.0, 0.0)

    def suggester(self, declined: Declined | None = None) -> Suggester:
        if declined is None:
            return Suggester(self.complete, lambda _snapshot: tuple, Chooser(lambda: 0.0))

        def is_declined(snapshot: Snapshot, text: str) -> bool:
            return declined.is_declined(snapshot.prefix, text, snapshot.language)

        return Suggester(self.complete, lambda _snapshot: tuple, Chooser(lambda: 0.0, is_declined))


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


async def offered(suggester: Suggester, ask: Ask) -> tuple[Offer, ...]:
    """What is offered, whatever the reason."""
    return (await suggester.suggest(ask)).offers


async def until(holds: object) -> None:
    """Let others work until something holds."""
    assert callable(holds)
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.005)
