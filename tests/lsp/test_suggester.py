"""The answering of questions, without engine or editor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from habitus_server.choosing import NOTHINGS_KEPT, Chooser
from habitus_server.declined import Declined
from habitus_server.engine.wire import Candidate, Completed, Place, Stop
from habitus_server.errors import EngineError
from habitus_server.offers import Ask, Source
from habitus_server.positions import Position
from habitus_server.records import AdapterRef, Chunk
from habitus_server.rejections import Why
from habitus_server.session import Changed
from habitus_server.suggest import Suggester
from habitus_server.text import ContentChange
from habitus_server.whys import Stage
from lsp.asking import URI, Clock, Oracle, Typist, offered, until


async def test_an_answer_that_was_asked_for_before_memory_changed_is_not_kept() -> None:
    oracle = Oracle("compute(1)")
    oracle.may_answer.clear()
    suggester, typist = oracle.suggester(), Typist("x = ‸")
    first = asyncio.create_task(suggester.suggest(typist.ask()))
    await asyncio.sleep(0.01)
    suggester.forget_answers()
    oracle.may_answer.set()
    await first
    await suggester.suggest(typist.ask())
    assert oracle.asked == 2


async def test_chunks_that_are_known_are_not_gathered() -> None:
    oracle, typist = Oracle("value + 1"), Typist("x = ‸\n")
    known: list[tuple[Chunk, ...] | None] = [None, (Chunk("b.py", "known"),)]
    suggester = Suggester(
        oracle.complete,
        lambda _snapshot: lambda: (Chunk("b.py", "gathered"),),
        Chooser(lambda: 0.0),
        known_context_of=lambda _snapshot: known.pop(0),
    )
    await suggester.suggest(typist.ask())
    await suggester.suggest(typist.type("other").ask())
    assert [place.chunks[0].text for place in oracle.places] == ["gathered", "known"]


@pytest.mark.parametrize(
    ("text", "is_known"), [("value + 1", True), ("value)]", False), ("f(value", True)]
)
def test_one_line_that_fits_as_it_is_needs_no_thread(text: str, is_known: bool) -> None:
    chooser, ask = Chooser(lambda: 0.0), Typist("def f():\n    x = ‸\n").ask()
    written = Completed(1, (Candidate(text, (-0.1,), "stop"),), None, 1, 0, 0.0, 0.0, 0.0)
    found = chooser.offers_at_once(ask, Stop(), written)
    assert (found is not None) is is_known
    if found is not None:
        texts = [offer.text for offer in chooser.offers(ask, Stop(), written)]
        assert [offer.text for offer in found] == texts


async def test_a_line_that_must_be_repaired_is_offered_repaired() -> None:
    offers = await offered(Oracle("value)]").suggester(), Typist("x = ‸\n").ask())
    assert [offer.text for offer in offers] == ["value"]


async def test_typing_a_suggestion_asks_the_engine_once() -> None:
    oracle, typist = Oracle("value + 1"), Typist("x = ‸\n")
    suggester = oracle.suggester()
    await offered(suggester, typist.ask())
    for typed in range(1, len("value + 1")):
        typist.type("value + 1"[typed - 1])
        (offer,) = await offered(suggester, typist.ask())
        assert (offer.text, offer.source) == ("value + 1"[typed:], Source.TYPED_THROUGH)
    assert oracle.asked == 1


async def test_a_suggestion_typed_to_its_end_makes_room_for_the_next() -> None:
    oracle, typist = Oracle("ab"), Typist("x = ‸\n")
    suggester = oracle.suggester()
    await offered(suggester, typist.ask())
    await offered(suggester, typist.type("ab").ask())
    assert oracle.asked == 2


async def test_only_the_alternatives_that_begin_like_the_typed_text_remain() -> None:
    oracle, typist = Oracle("alpha", "beta"), Typist("x = ‸\n")
    suggester = oracle.suggester()
    assert len(await offered(suggester, typist.ask())) == 2
    (offer,) = await offered(suggester, typist.type("b").ask())
    assert offer.text == "eta"


async def test_text_that_changed_elsewhere_makes_the_answer_stale() -> None:
    oracle, typist = Oracle("value"), Typist("x = ‸\ny = 2\n")
    suggester = oracle.suggester()
    await offered(suggester, typist.ask())
    change = ContentChange("3", Position(1, 4), Position(1, 5))
    typist.session.apply(Changed(URI, 9, (change,)))
    await offered(suggester, typist.ask())
    assert oracle.asked == 2


async def test_another_adapter_makes_the_answer_stale() -> None:
    oracle, typist = Oracle("value"), Typist("x = ‸\n")
    suggester = oracle.suggester()
    await offered(suggester, typist.ask())
    newer = msgspec.structs.replace(typist.ask(), adapter=AdapterRef("v2", "/v2"))
    await offered(suggester, newer)
    assert oracle.asked == 2


async def test_an_older_question_is_let_go_at_once_when_a_newer_one_comes() -> None:
    oracle, typist = Oracle("value"), Typist("x = ‸\n")
    suggester = oracle.suggester()
    oracle.may_answer.clear()
    older = asyncio.create_task(offered(suggester, typist.ask()))
    await until(lambda: oracle.asked == 1)
    newer = asyncio.create_task(offered(suggester, typist.type("z").ask()))
    assert await older == ()
    oracle.may_answer.set()
    assert len(await newer) == 1


async def test_two_requests_about_one_place_share_the_answer() -> None:
    oracle, typist = Oracle("value"), Typist("x = ‸\n")
    suggester = oracle.suggester()
    one, two = await asyncio.gather(*(offered(suggester, typist.ask()) for _ in range(2)))
    assert one == two
    assert oracle.asked == 1


async def test_work_goes_on_while_one_of_two_requests_still_waits() -> None:
    oracle, typist = Oracle("value"), Typist("x = ‸\n")
    suggester = oracle.suggester()
    oracle.may_answer.clear()
    first = asyncio.create_task(offered(suggester, typist.ask()))
    second = asyncio.create_task(offered(suggester, typist.ask()))
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
    alone = asyncio.create_task(offered(suggester, typist.ask()))
    await until(lambda: oracle.asked == 1)
    alone.cancel()
    await until(lambda: oracle.cancelled > 0)
    assert alone.cancelled()
    assert (oracle.asked, oracle.cancelled) == (1, 1)


async def test_an_engine_that_fails_fails_the_question_and_not_the_next() -> None:
    typist = Typist("x = ‸\n")
    oracle = Oracle("value")
    broken = True

    async def complete(
        ask: Ask, place: Place, stop: Stop, on_text: Callable[[str], None]
    ) -> Completed:
        if broken:
            raise EngineError("Gone.")
        return await oracle.complete(ask, place, stop, on_text)

    suggester = Suggester(complete, lambda _snapshot: tuple, Chooser(lambda: 0.0))
    with pytest.raises(EngineError):
        await offered(suggester, typist.ask())
    broken = False
    assert len(await offered(suggester, typist.ask())) == 1


async def test_what_the_model_hardly_believes_is_offered_only_when_asked_for() -> None:
    oracle, typist = Oracle("value", logprob=-6.0), Typist("x = ‸\n")
    suggester = oracle.suggester()
    unasked = typist.ask(invoked=False)
    assert await offered(suggester, unasked) == ()
    assert len(await offered(suggester, typist.ask())) == 1


async def test_a_rejected_text_returns_at_its_place_only_when_asked_for() -> None:
    oracle, typist = Oracle("value"), Typist("x = ‸\n")
    declined = Declined(lambda: 0.0)
    suggester = oracle.suggester(declined)
    unasked = typist.ask(invoked=False)
    (offer,) = await offered(suggester, unasked)
    declined.turn_down(offer.suggestion, Why.DISMISSED)
    assert await offered(suggester, unasked) == ()
    assert len(await offered(suggester, typist.ask())) == 1


async def test_a_rejected_text_does_not_return_while_it_is_typed() -> None:
    oracle, typist = Oracle("value"), Typist("x = ‸\n")
    declined = Declined(lambda: 0.0)
    suggester = oracle.suggester(declined)
    (offer,) = await offered(suggester, typist.ask(invoked=False))
    declined.turn_down(offer.suggestion, Why.DISMISSED)
    typist.type("v")
    oracle.texts = ("alue",)
    assert await offered(suggester, typist.ask(invoked=False)) == ()


async def test_in_place_of_a_rejected_text_the_next_candidate_is_offered() -> None:
    oracle, typist = Oracle("value", "other"), Typist("x = ‸\n")
    declined = Declined(lambda: 0.0)
    suggester = oracle.suggester(declined)
    unasked = typist.ask(invoked=False)
    (offer,) = await offered(suggester, unasked)
    declined.turn_down(offer.suggestion, Why.REVERTED)
    assert [one.text for one in await offered(suggester, unasked)] == ["other"]
    assert oracle.asked == 3


async def test_a_place_that_was_answered_costs_no_model_when_the_user_comes_back_to_it() -> None:
    oracle, typist = Oracle("value"), Typist("x = ‸\n")
    suggester = oracle.suggester()
    await offered(suggester, typist.ask())
    await offered(suggester, typist.type("zz").ask())
    (offer,) = await offered(suggester, typist.delete(2).ask())
    assert (offer.text, offer.source, oracle.asked) == ("value", Source.REPEATED, 2)


async def test_a_place_where_there_was_nothing_is_not_asked_again() -> None:
    oracle, typist = Oracle(""), Typist("x = ‸\n")
    suggester = oracle.suggester()
    assert await offered(suggester, typist.ask()) == ()
    assert await offered(suggester, typist.ask()) == ()
    assert oracle.asked == 1


async def test_an_edit_in_another_document_makes_the_answer_stale() -> None:
    oracle, typist = Oracle("value"), Typist("x = ‸\n")
    suggester = oracle.suggester()
    await offered(suggester, typist.ask())
    suggester.changed("file:///w/b.py")
    await offered(suggester, typist.ask())
    assert oracle.asked == 2


async def test_an_answer_at_work_while_another_document_is_edited_is_given_but_not_kept() -> None:
    oracle, typist = Oracle("value"), Typist("x = ‸\n")
    suggester = oracle.suggester()
    oracle.may_answer.clear()
    asked = asyncio.create_task(offered(suggester, typist.ask()))
    await until(lambda: oracle.asked == 1)
    suggester.changed("file:///w/b.py")
    oracle.may_answer.set()
    assert len(await asked) == 1
    await offered(suggester, typist.ask())
    assert oracle.asked == 2


async def test_typing_a_bracket_that_the_editor_closes_goes_on_with_the_suggestion() -> None:
    oracle, typist = Oracle("call(a)"), Typist("x = ‸\n")
    suggester = oracle.suggester()
    await offered(suggester, typist.ask())
    typist.type("call").type("()", 1)
    (offer,) = await offered(suggester, typist.ask())
    assert (offer.text, offer.replace_right, oracle.asked) == ("a)", 1, 1)


@pytest.mark.parametrize(
    ("text", "logprob", "stage"),
    [
        ("", -0.1, Stage.EMPTY),
        ("total = 2", -0.1, Stage.TRIMMED),
        ("def )", -0.1, Stage.UNPARSABLE),
        ("value", -6.0, Stage.UNLIKELY),
        ("value", -0.1, Stage.SHOWN),
    ],
)
async def test_every_silence_has_its_reason(text: str, logprob: float, stage: Stage) -> None:
    oracle, typist = Oracle(text, logprob=logprob), Typist("total = 2\n‸\n")
    answer = await oracle.suggester().suggest(typist.ask(invoked=False))
    assert answer.why.stage is stage
    assert bool(answer.offers) is (stage is Stage.SHOWN)


async def test_a_slow_engine_is_asked_only_when_the_typing_pauses() -> None:
    oracle, typist = Oracle("value"), Typist("x = ‸\n")
    now = Clock()
    suggester = Suggester(
        oracle.complete, lambda _snapshot: tuple, Chooser(now), waits=True, now=now
    )
    oracle.may_answer.clear()
    first = asyncio.create_task(suggester.suggest(typist.ask(invoked=False)))
    await until(lambda: oracle.asked == 1)
    now.time += 1.0
    oracle.may_answer.set()
    await first
    suggester.changed(URI)
    early = asyncio.create_task(suggester.suggest(typist.type("z").ask(invoked=False)))
    await asyncio.sleep(0)  # it waits now
    late = asyncio.create_task(suggester.suggest(typist.type("z").ask(invoked=False)))
    assert (await early).why.stage is Stage.DEBOUNCED
    assert (await late).why.stage is Stage.SHOWN
    assert oracle.asked == 2


async def test_what_is_asked_by_hand_never_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    oracle, typist = Oracle("value"), Typist("x = ‸\n")
    now = Clock()
    suggester = Suggester(
        oracle.complete, lambda _snapshot: tuple, Chooser(now), waits=True, now=now
    )
    suggester._pace.answered(10.0)
    suggester.changed(URI)
    assert suggester._pace.wait_s(now.time) > 0.0
    monkeypatch.setattr(asyncio, "sleep", None)
    assert len(await offered(suggester, typist.ask())) == 1


def test_why_nothing_came_is_known_of_the_documents_asked_about_last() -> None:
    chooser, ask = Chooser(lambda: 0.0), Typist("x = ‸\n").ask()
    broken = Completed(1, (Candidate(") ] (", (-0.1,), "stop"),), None, 1, 0, 0.0, 0.0, 0.0)

    def of(number: int) -> Ask:
        document = msgspec.structs.replace(ask.snapshot.document, uri=f"{URI}{number}")
        snapshot = msgspec.structs.replace(ask.snapshot, document=document)
        return msgspec.structs.replace(ask, snapshot=snapshot)

    for number in range(NOTHINGS_KEPT + 1):
        assert chooser.offers(of(number), Stop(), broken) == ()
    assert chooser.choose(of(0), ())[1].stage is Stage.EMPTY
    assert chooser.choose(of(1), ())[1].stage is Stage.UNPARSABLE
