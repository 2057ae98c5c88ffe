"""Keeping the engine reachable for one window.

Promises that a dead engine is started again with growing pauses, that whoever asks
meanwhile gets an `EngineError` with the reason instead of a wait without end, and
that an engine which left because nobody needed it stays away until somebody does.
Knows nothing of prompts or documents.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from pathlib import Path

from habitus_server.config import Config
from habitus_server.engine.client import EngineClient
from habitus_server.engine.wire import EngineStatus
from habitus_server.errors import EngineError
from habitus_server.status import EngineFacts

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 30.0
STABLE_AFTER_S = 60.0
"""A connection that lived this long starts the pauses from the shortest again."""

WANTED_WITHIN_S = 120.0
"""An engine used this recently is started again at once; another waits to be wanted."""

LOADING_POLL_S = 0.25
READY_POLL_S = 10.0


class EngineSupervisor:
    """One window's line to the engine. `run` it as a task; all on one event loop."""

    def __init__(
        self,
        state: Path,
        config: Config,
        *,
        on_connected: Callable[[EngineClient], None],
        on_facts: Callable[[EngineFacts], None],
    ) -> None:
        self._state = state
        self._config = config
        self._on_connected = on_connected
        self._on_facts = on_facts
        self._client: EngineClient | None = None
        self._changed = asyncio.Event()
        self._wanted = asyncio.Event()
        self._last_wanted = time.monotonic()
        self.facts = EngineFacts()
        self.last_status: EngineStatus | None = None

    @property
    def client(self) -> EngineClient | None:
        """The connection, while there is one."""
        return None if self._client is None or self._client.is_lost else self._client

    async def connected(self, timeout_s: float) -> EngineClient:
        """The connection, waited for; raises `EngineError` with the reason for none."""
        self._last_wanted = time.monotonic()
        self._wanted.set()
        deadline = time.monotonic() + timeout_s
        while (client := self.client) is None:
            self._changed.clear()
            left = deadline - time.monotonic()
            if left <= 0:
                raise EngineError(self.facts.detail or "The engine is still starting.")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left)
        return client

    async def run(self) -> None:
        """Connect, watch, reconnect; ends only by cancellation."""
        pause_s = FIRST_PAUSE_S
        while True:
            began = time.monotonic()
            try:
                await self._converse()
            except EngineError as error:
                log.warning("No engine: %s", error)
                self._tell(EngineFacts(state="failed", detail=str(error)))
            if time.monotonic() - began > STABLE_AFTER_S:
                pause_s = FIRST_PAUSE_S
            await asyncio.sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2)
            if time.monotonic() - self._last_wanted > WANTED_WITHIN_S:
                self._tell(EngineFacts(state="unloaded", detail="Not needed for a while."))
                self._wanted.clear()
                await self._wanted.wait()

    async def _converse(self) -> None:
        from habitus_server.engine.launch import ensure_engine

        client = await ensure_engine(self._state, self._config)
        self._client = client
        try:
            self._on_connected(client)
            self._changed.set()
            await self._watch(client)
        finally:
            self._client = None
            await client.close()

    async def _watch(self, client: EngineClient) -> None:
        while not client.is_lost:
            status = await client.status()
            self.last_status = status
            self._tell(EngineFacts(status.state, status.detail, status.device, status.progress))
            pause_s = LOADING_POLL_S if status.state == "loading" else READY_POLL_S
            await asyncio.wait([client.lost], timeout=pause_s)
        raise EngineError(f"{client.lost.result()} It is being started again.")

    def _tell(self, facts: EngineFacts) -> None:
        if facts != self.facts:
            self.facts = facts
            self._on_facts(facts)
