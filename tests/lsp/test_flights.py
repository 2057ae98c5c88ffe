"""Questions that are still at work, and those worked out ahead."""

from __future__ import annotations

import asyncio

from habitus_server.offers import Source
from lsp.asking import Oracle, Typist, offered, until


async def test_what_is_being_written_goes_on_while_the_user_types_it() -> None:
    oracle, typist = Oracle("value + 1"), Typist("x = ‸\n")
    suggester = oracle.suggester()
    oracle.may_answer.clear()
    older = asyncio.create_task(offered(suggester, typist.ask()))
    await until(lambda: oracle.asked == 1)
    oracle.on_text("val")
    newer = asyncio.create_task(offered(suggester, typist.type("va").ask()))
    older.cancel()
    await asyncio.sleep(0.01)
    oracle.may_answer.set()
    (offer,) = await newer
    assert (offer.text, offer.source) == ("lue + 1", Source.IN_FLIGHT)
    assert (oracle.asked, oracle.cancelled) == (1, 0)


async def test_what_is_being_written_ends_as_soon_as_it_differs_from_what_is_typed() -> None:
    oracle, typist = Oracle("value + 1"), Typist("x = ‸\n")
    suggester = oracle.suggester()
    oracle.may_answer.clear()
    older = asyncio.create_task(offered(suggester, typist.ask()))
    await until(lambda: oracle.asked == 1)
    newer = asyncio.create_task(offered(suggester, typist.type("w").ask()))
    await asyncio.sleep(0.01)
    assert oracle.asked == 1
    oracle.on_text("val")
    await until(lambda: oracle.asked == 2)
    assert oracle.cancelled == 1
    oracle.may_answer.set()
    assert [len(await newer), await older] == [1, ()]


async def test_the_question_after_an_accept_is_answered_before_it_is_asked() -> None:
    oracle, typist = Oracle("value"), Typist("x = ‸\n")
    suggester = oracle.suggester()
    await offered(suggester, typist.ask(invoked=False, speculates=True))
    await until(lambda: oracle.asked == 2)
    assert oracle.places[1].prefix == "x = value"
    oracle.texts = ("never asked",)
    (offer,) = await offered(suggester, typist.type("value").ask(invoked=False, speculates=True))
    assert (offer.source, offer.text) == (Source.SPECULATED, "value")


async def test_a_guess_counts_only_where_the_text_is_exactly_what_was_guessed() -> None:
    oracle, typist = Oracle("value"), Typist("x = ‸\n")
    suggester = oracle.suggester()
    await offered(suggester, typist.ask(speculates=True))
    await until(lambda: oracle.asked == 2)
    (offer,) = await offered(suggester, typist.type("value, ").ask())
    assert (offer.source, oracle.asked) == (Source.ENGINE, 3)


async def test_a_guess_gives_way_to_a_question_that_somebody_asks() -> None:
    oracle, typist = Oracle("value"), Typist("x = ‸\n")
    suggester = oracle.suggester()
    await offered(suggester, typist.ask(speculates=True))
    oracle.may_answer.clear()
    await until(lambda: oracle.asked == 2)
    asked = asyncio.create_task(offered(suggester, typist.type("z").ask()))
    await until(lambda: oracle.asked == 3)
    assert oracle.cancelled == 1
    oracle.may_answer.set()
    assert len(await asked) == 1


async def test_a_question_that_was_guessed_right_waits_for_the_guess() -> None:
    oracle, typist = Oracle("value"), Typist("x = ‸\n")
    suggester = oracle.suggester()
    await offered(suggester, typist.ask(speculates=True))
    oracle.may_answer.clear()
    await until(lambda: oracle.asked == 2)
    asked = asyncio.create_task(
        offered(suggester, typist.type("value").ask(invoked=False, speculates=True))
    )
    await asyncio.sleep(0.01)
    oracle.may_answer.set()
    assert [one.source for one in await asked] == [Source.SPECULATED]
    assert (oracle.asked, oracle.cancelled) == (2, 0)
