"""Work that waits for a moment without a request."""

from __future__ import annotations

import asyncio

from habitus_server.lull import Lull


async def test_without_a_request_nothing_waits() -> None:
    waiting = asyncio.create_task(Lull().wait())
    await asyncio.sleep(0)
    assert waiting.done()


async def test_work_begins_when_the_last_request_is_answered() -> None:
    lull = Lull()
    with lull.request():
        with lull.request():
            waiting = asyncio.create_task(lull.wait())
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)
        assert not waiting.done()
    await asyncio.wait_for(waiting, 0.05)


async def test_a_request_without_an_end_does_not_hold_work_back_for_ever() -> None:
    lull = Lull()
    with lull.request():
        await asyncio.wait_for(lull.wait(), 5.0)


async def test_a_request_that_fails_is_over() -> None:
    lull = Lull()
    try:
        with lull.request():
            raise RuntimeError
    except RuntimeError:
        pass
    waiting = asyncio.create_task(lull.wait())
    await asyncio.sleep(0)
    assert waiting.done()
