"""A question that the engine is at work on, while the user types on.

Promises that work goes on as long as the text that comes back agrees with what is typed,
and that who waits is told when it no longer does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from habitus_server.lately import typed_between
from habitus_server.offers import Ask, Offer, is_answered_alike

GRACE_S = 0.15
"""How long work goes on for nobody: editors cancel a request before they send the next."""


class Flight:
    """One question at work, and how many requests wait for it."""

    def __init__(self, ask: Ask, work: Callable[[Flight], Awaitable[tuple[Offer, ...]]]) -> None:
        self.ask = ask
        self.is_stale = False
        """Whether another document was edited since: the answer is given, but not kept."""
        self._typed = ""
        self._text = ""
        self._waiters = 0
        self._landing: asyncio.TimerHandle | None = None
        loop = asyncio.get_running_loop()
        self.strayed: asyncio.Future[None] = loop.create_future()
        self.turned: asyncio.Future[None] = loop.create_future()
        self.task = loop.create_task(self._fly(work))
        # A guess may fail with nobody looking.
        self.task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _fly(
        self, work: Callable[[Flight], Awaitable[tuple[Offer, ...]]]
    ) -> tuple[Offer, ...]:
        return await work(self)

    def board(self, ask: Ask) -> bool:
        """Wait for this flight, if it may answer a question; `leave` when done.

        Who waits already sees `turned`, and looks whether its question still counts.
        """
        found = self._typed_since(ask)
        if found is None:
            return False
        self._typed = found
        self.turned.set_result(None)
        self.turned = asyncio.get_running_loop().create_future()
        self._waiters += 1
        if self._landing is not None:
            self._landing.cancel()
            self._landing = None
        return True

    def carries(self, ask: Ask) -> bool:
        """Whether what is being written may answer a question."""
        return self._typed_since(ask) is not None

    def _typed_since(self, ask: Ask) -> str | None:
        if self.task.done() or self.strayed.done() or not is_answered_alike(self.ask, ask):
            return None
        found = typed_between(self.ask, ask)
        return found[0] if found is not None and agrees(self._text, found[0]) else None

    def leave(self) -> None:
        """Wait no more; the work ends when nobody comes in time."""
        self._waiters -= 1
        if not self._waiters and not self.task.done() and not self.ask.is_guess:
            self._landing = asyncio.get_running_loop().call_later(GRACE_S, self.cancel)

    def cancel(self) -> None:
        """End the work."""
        if self._landing is not None:
            self._landing.cancel()
        self.task.cancel()

    def grew(self, more: str) -> None:
        """The engine has written on."""
        self._text += more
        if not agrees(self._text, self._typed) and not self.strayed.done():
            self.strayed.set_result(None)


def agrees(written: str, typed: str) -> bool:
    """Whether one begins like the other, a first space aside: a typed one is not written again."""
    forms = (written, written[1:]) if written[:1] == " " else (written,)
    return any(one.startswith(typed) or typed.startswith(one) for one in forms)
