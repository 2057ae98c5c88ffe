"""The moments in which no request is out.

Promises that what nobody waits for begins beside no request: two threads of one interpreter
delay each other. It holds work back for `LONGEST_S` at most.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

LONGEST_S = 0.1
"""A report of an acceptance waits for its writing, which waits for this."""


class Lull:
    """The requests that are out; all calls on one event loop."""

    def __init__(self) -> None:
        self._out = 0
        self._has_come = asyncio.Event()
        self._has_come.set()

    @contextlib.contextmanager
    def request(self) -> Iterator[None]:
        """Around a request."""
        self._out += 1
        self._has_come.clear()
        try:
            yield
        finally:
            self._out -= 1
            if not self._out:
                self._has_come.set()

    async def wait(self) -> None:
        """Return when no request is out, or some have been for too long."""
        if self._out:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._has_come.wait(), LONGEST_S)
