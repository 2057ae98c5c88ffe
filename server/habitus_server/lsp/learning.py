"""What learning looks like from a window: the adapter in service, and the newest cycle.

Promises that a new adapter is named once the engine is ready for it, or will not be soon.
The learner is another process. It is reached through the store, the adapter folder and
its commands, and noticed by looking once a second.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from habitus_server.errors import EngineError, HabitusError, StoreError
from habitus_server.lsp.outbox import Progress
from habitus_server.options import Options
from habitus_server.records import AdapterRef, Cycle, CycleState
from habitus_server.sidecar import Sidecar, roll_back
from habitus_server.store import Store
from habitus_server.watcher import AdapterPointer
from habitus_server.workspaces import Workspace

WARM_WITHIN_S = 30.0
"""A new adapter is named at the latest after this time, ready or not."""

log = logging.getLogger(__name__)


class Learning:
    """One workspace's learning; all calls on the event loop, but `leave`."""

    def __init__(
        self,
        workspace: Workspace,
        store: Store | None,
        options: Options,
        *,
        warm: Callable[[AdapterRef], Awaitable[None]],
        on_adapter: Callable[[], None],
        on_change: Callable[[], None],
        on_problem: Callable[[str, str], None],
        progress: Callable[[str], Progress],
    ) -> None:
        self.adapter: AdapterRef | None = None
        self.cycle: Cycle | None = None
        self.examples_waiting = 0
        self._workspace = workspace
        self._store = store
        self._pointer = AdapterPointer(workspace, options.adapter)
        self._warm = warm
        self._on_adapter = on_adapter
        self._on_change = on_change
        self._on_problem = on_problem
        self._progress = progress
        self._bar: Progress | None = None
        self._seen_version = -1
        self._sidecar: Sidecar | None = None
        self._waiting: asyncio.Task[None] | None = None
        self._pointer.has_moved()
        self._name(self._read_pointer())

    def run(self, sidecar: Sidecar) -> None:
        """Start the learner and keep it running."""
        self._sidecar = sidecar
        sidecar.start()

    async def close(self) -> None:
        """End the learner that this window started; looking ends too."""
        self._store = None
        self._stop_waiting()
        if self._sidecar is not None:
            await self._sidecar.stop()

    def leave(self) -> None:
        """Ask the learner to end, without the loop."""
        if self._sidecar is not None:
            self._sidecar.leave()

    async def learn_now(self, now: float) -> str:
        """Ask for a cycle; "" or why there will be none."""
        if self._store is None or self._sidecar is None:
            return "No learner runs for this workspace (learning is off, or --no-learn)."
        try:
            await asyncio.wrap_future(self._store.request_cycle(now))
        except StoreError as error:
            return str(error)
        return ""

    async def roll_back(self, state_flags: list[str]) -> str:
        """Put the earlier adapter into service; "" or why not."""
        try:
            await roll_back(self._workspace, state_flags)
        except HabitusError as error:
            return str(error)
        self.look_at_adapter()
        return ""

    async def refresh(self) -> None:
        """Look at what others wrote."""
        self.look_at_adapter()
        store = self._store
        if store is None:
            return
        try:
            await self._look_at_cycles(store)
        except StoreError as error:
            self._on_problem("store", str(error))
            return
        self._on_problem("store", store.problems[-1] if store.problems else "")

    def look_at_adapter(self) -> None:
        """Follow the pointer, when it has moved.

        A newer adapter is named when the engine is ready for it; what was taken back
        serves no longer.
        """
        if not self._pointer.has_moved():
            return
        adapter = self._read_pointer()
        self._stop_waiting()
        if adapter is not None and (self.adapter is None or adapter.version > self.adapter.version):
            self._waiting = asyncio.create_task(self._name_when_warm(adapter))
        else:
            self._name(adapter)

    async def settle(self) -> None:
        """Return when the adapter that the pointer names is the one in service."""
        if self._waiting is not None:
            await asyncio.wait([self._waiting])

    def _read_pointer(self) -> AdapterRef | None:
        adapter, problem = self._pointer.read()
        self._on_problem("adapter", problem)
        return adapter

    async def _name_when_warm(self, adapter: AdapterRef) -> None:
        try:
            await asyncio.wait_for(self._warm(adapter), WARM_WITHIN_S)
        except (EngineError, TimeoutError) as error:
            log.info("The adapter %s is named before it is ready: %s", adapter.version, error)
        self._name(adapter)

    def _name(self, adapter: AdapterRef | None) -> None:
        if adapter != self.adapter:
            self.adapter = adapter
            self._on_adapter()
            self._on_change()

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    async def _look_at_cycles(self, store: Store) -> None:
        version = await asyncio.to_thread(store.data_version)
        if version == self._seen_version:
            return
        self._seen_version = version
        cycles = await asyncio.to_thread(store.cycles, 1)
        cycle = cycles[0] if cycles else None
        since = 0.0 if cycle is None else cycle.started_at
        self.examples_waiting = await asyncio.to_thread(store.count_lessons, since)
        if cycle is not None and cycle != self.cycle:
            self._show(cycle)
        self.cycle = cycle
        self._on_change()

    def _show(self, cycle: Cycle) -> None:
        if cycle.state is CycleState.RUNNING:
            if self._bar is None:
                self._bar = self._progress("Habitus: learning")
            self._bar.report(cycle.stage, cycle.progress)
        elif self._bar is not None:
            self._bar.end(cycle.verdict)
            self._bar = None
