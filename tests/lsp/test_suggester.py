"""The answering of questions, without engine or editor."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from habitus_server.config import Completion
from habitus_server.declined import Declined
from habitus_server.engine.wire import Candidate, Completed, Place, Stop
from habitus_server.errors import EngineError
from habitus_server.records import AdapterRef
from habitus_server.rejections import Why
from habitus_server.session import Changed, Opened, Session, Snapshot
from habitus_server.suggest import Ask, Source, Suggester, stop_at
from habitus_server.text import ContentChange, Position

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

    def type(self, text: str) -> Typist:
        document = self.session.document(URI)
        assert document is not None
        at = document.buffer.position_at(self.offset, self.session.encoding)
        change = ContentChange(text, at, at)
        self.session.apply(Changed(URI, document.version + 1, (change,)))
        self.offset += len(text)
        return self

    def ask(self, **settings: object) -> Ask:
        completion = Completion(**settings)  # type: ignore[arg-type]
        return Ask(self.snapshot(), "workspace", completion, invoked=True)


class Oracle:
    """Answers every question with the same texts, when it is let."""

    def __init__(self, *texts: str, logprob: float = -0.1) -> None:
        self.texts = texts
        self.logprob = logprob
        self.asked = 0
        self.cancelled = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def complete(self, ask: Ask, place: Place, stop: Stop) -> Completed:
        self.asked += 1
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
            return Suggester(self.complete, lambda _snapshot: tuple, lambda: 0.0)

        def is_declined(snapshot: Snapshot, text: str) -> bool:
            return declined.is_declined(snapshot.prefix, text, snapshot.language)

        return Suggester(self.complete, lambda _snapshot: tuple, lambda: 0.0, is_declined)


async def test_typing_a_suggestion_asks_the_engine_once() -> None:
    oracle, typist = Oracle("value + 1"), Typist("x = ‸\n")
    suggester = oracle.suggester()
    await suggester.suggest(typist.ask())
    for typed in range(1, len("value + 1")):
        typist.type("value + 1"[typed - 1])
        (offer,) = await suggester.suggest(typist.ask())
        assert (offer.text, offer.source) == ("value + 1"[typed:], Source.TYPED_THROUGH)
    assert oracle.asked == 1


async def test_a_suggestion_typed_to_its_end_makes_room_for_the_next() -> None:
    oracle, typist = Oracle("ab"), Typist("x = ‸\n")
    suggester = oracle.suggester()
    await suggester.suggest(typist.ask())
    await suggester.suggest(typist.type("ab").ask())
    assert oracle.asked == 2


async def test_only_the_alternatives_that_begin_like_the_typed_text_remain() -> None:
    oracle, typist = Oracle("alpha", "beta"), Typist("x = ‸\n")
    suggester = oracle.suggester()
    assert len(await suggester.suggest(typist.ask())) == 2
    (offer,) = await suggester.suggest(typist.type("b").ask())
    assert offer.text == "eta"


async def test_text_that_changed_elsewhere_makes_the_answer_stale() -> None:
    oracle, typist = Oracle("value"), Typist("x = ‸\ny = 2\n")
    suggester = oracle.suggester()
    await suggester.suggest(typist.ask())
    change = ContentChange("3", Position(1, 4), Position(1, 5))
    typist.session.apply(Changed(URI, 9, (change,)))
    await suggester.suggest(typist.ask())
    assert oracle.asked == 2


async def test_another_adapter_makes_the_answer_stale() -> None:
    oracle, typist = Oracle("value"), Typist("x = ‸\n")
    suggester = oracle.suggester()
    await suggester.suggest(typist.ask())
    newer = Ask(
        typist.snapshot(), "workspace", Completion(), adapter=AdapterRef("v2", "/v2"), invoked=True
    )
    await suggester.suggest(newer)
    assert oracle.asked == 2


async def test_a_newer_question_cancels_the_older_one_at_work() -> None:
    oracle, typist = Oracle("value"), Typist("x = ‸\n")
    suggester = oracle.suggester()
    oracle.may_answer.clear()
    older = asyncio.create_task(suggester.suggest(typist.ask()))
    await until(lambda: oracle.asked == 1)
    newer = asyncio.create_task(suggester.suggest(typist.type("z").ask()))
    assert await older == ()
    oracle.may_answer.set()
    assert len(await newer) == 1
    assert oracle.cancelled == 1


async def test_two_requests_about_one_place_share_the_answer() -> None:
    oracle, typist = Oracle("value"), Typist("x = ‸\n")
    suggester = oracle.suggester()
    one, two = await asyncio.gather(*(suggester.suggest(typist.ask()) for _ in range(2)))
    assert one == two
    assert oracle.asked == 1


async def test_work_goes_on_while_one_of_two_requests_still_waits() -> None:
    oracle, typist = Oracle("value"), Typist("x = ‸\n")
    suggester = oracle.suggester()
    oracle.may_answer.clear()
    first = asyncio.create_task(suggester.suggest(typist.ask()))
    second = asyncio.create_task(suggester.suggest(typist.ask()))
    await until(lambda: oracle.asked == 1)
    first.cancel()
    await asyncio.wait([first])
    oracle.may_answer.set()
    assert len(await second) == 1
    assert oracle.cancelled == 0


async def test_work_ends_when_nobody_waits_for_it_any_more() -> None:
    oracle, typist = Oracle("value"), Typist("x = ‸\n")
    suggester = oracle.suggester()
    oracle.may_answer.clear()
    alone = asyncio.create_task(suggester.suggest(typist.ask()))
    await until(lambda: oracle.asked == 1)
    alone.cancel()
    await until(lambda: oracle.cancelled > 0)
    assert alone.cancelled()
    assert (oracle.asked, oracle.cancelled) == (1, 1)


async def test_an_engine_that_fails_fails_the_question_and_not_the_next() -> None:
    typist = Typist("x = ‸\n")
    oracle = Oracle("value")
    broken = True

    async def complete(ask: Ask, place: Place, stop: Stop) -> Completed:
        if broken:
            raise EngineError("Gone.")
        return await oracle.complete(ask, place, stop)

    suggester = Suggester(complete, lambda _snapshot: tuple, lambda: 0.0)
    with pytest.raises(EngineError):
        await suggester.suggest(typist.ask())
    broken = False
    assert len(await suggester.suggest(typist.ask())) == 1


async def test_what_the_model_hardly_believes_is_offered_only_when_asked_for() -> None:
    oracle, typist = Oracle("value", logprob=-6.0), Typist("x = ‸\n")
    suggester = oracle.suggester()
    unasked = Ask(typist.snapshot(), "workspace", Completion())
    assert await suggester.suggest(unasked) == ()
    assert len(await suggester.suggest(typist.ask())) == 1


async def test_a_rejected_text_returns_at_its_place_only_when_asked_for() -> None:
    oracle, typist = Oracle("value"), Typist("x = ‸\n")
    declined = Declined(lambda: 0.0)
    suggester = oracle.suggester(declined)
    unasked = Ask(typist.snapshot(), "workspace", Completion())
    (offer,) = await suggester.suggest(unasked)
    declined.turn_down(offer.suggestion, Why.DISMISSED)
    assert await suggester.suggest(unasked) == ()
    assert len(await suggester.suggest(typist.ask())) == 1


async def test_a_rejected_text_does_not_return_while_it_is_typed() -> None:
    oracle, typist = Oracle("value"), Typist("x = ‸\n")
    declined = Declined(lambda: 0.0)
    suggester = oracle.suggester(declined)
    (offer,) = await suggester.suggest(Ask(typist.snapshot(), "workspace", Completion()))
    declined.turn_down(offer.suggestion, Why.DISMISSED)
    typist.type("v")
    oracle.texts = ("alue",)
    assert await suggester.suggest(Ask(typist.snapshot(), "workspace", Completion())) == ()


async def test_in_place_of_a_rejected_text_the_next_candidate_is_offered() -> None:
    oracle, typist = Oracle("value", "other"), Typist("x = ‸\n")
    declined = Declined(lambda: 0.0)
    suggester = oracle.suggester(declined)
    unasked = Ask(typist.snapshot(), "workspace", Completion())
    (offer,) = await suggester.suggest(unasked)
    declined.turn_down(offer.suggestion, Why.REVERTED)
    assert [one.text for one in await suggester.suggest(unasked)] == ["other"]
    assert oracle.asked == 3


@pytest.mark.parametrize(
    ("marked", "mode"),
    [
        ("def f():\n    ‸\n", "block"),
        ("def f():\n    x = ‸\n", "line"),
        ("def f():\n    ‸pass\n", "line"),
        ("x = 1\n‸\n", "line"),
        ("if (a) {\n  ‸\n}\n", "block"),
    ],
)
def test_a_block_is_asked_for_only_where_one_has_just_been_opened(marked: str, mode: str) -> None:
    assert stop_at(Typist(marked).ask()).mode == mode


def test_settings_can_hold_completions_to_one_line() -> None:
    assert stop_at(Typist("def f():\n    ‸\n").ask(max_lines=1)).mode == "line"


async def until(holds: object) -> None:
    """Let others work until something holds."""
    assert callable(holds)
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.005)
