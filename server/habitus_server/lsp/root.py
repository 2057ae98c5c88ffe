"""One workspace folder of a window: its rooms, joined.

Opens in the background (`ready`), and works as far as it can when a part of it cannot:
a store that does not open costs the recording, a broken adapter costs the learning, a
folder that is no workspace costs both, and suggestions go on.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from habitus_server.config import Config
from habitus_server.engine.client import EngineClient
from habitus_server.errors import EngineError
from habitus_server.lsp.knowledge import Knowledge
from habitus_server.lsp.learning import Learning
from habitus_server.lsp.narrowing import Narrowing
from habitus_server.lsp.notebook import Notebook
from habitus_server.lsp.opening import open_workspace
from habitus_server.lsp.outbox import Progress
from habitus_server.lull import Lull
from habitus_server.options import Options
from habitus_server.records import AdapterRef, Cycle
from habitus_server.session import Step
from habitus_server.sidecar import Sidecar
from habitus_server.watcher import Burst, TreeWatcher
from habitus_server.workspaces import Workspace

if TYPE_CHECKING:
    from habitus_server.library import Library
    from habitus_server.store import Store

log = logging.getLogger(__name__)


class Root:
    """The rooms of one root; all calls on the event loop."""

    def __init__(
        self,
        folder: Path,
        *,
        is_inside: bool,
        window_id: str,
        options: Options,
        config: Config,
        state: Path,
        clock: Callable[[], float],
        on_change: Callable[[], None],
        on_stale: Callable[[], None],
        on_settings: Callable[[], None],
        progress: Callable[[str], Progress],
        engine: Callable[[], EngineClient | None],
    ) -> None:
        self.folder = folder
        self.config = config
        self.ready = asyncio.Event()
        self._is_whole = asyncio.Event()
        self.is_inside = is_inside
        self._options = options
        self._state = state
        self._clock = clock
        self._on_change = on_change
        self._on_stale = on_stale
        self._on_settings = on_settings
        self._narrowing = Narrowing(folder, config) if is_inside else None
        self._progress = progress
        self._engine = engine
        self._problems: dict[str, str] = {}
        self._workspace: Workspace | None = None
        self._library: Library | None = None
        self._store: Store | None = None
        self._learning: Learning | None = None
        self._watcher: TreeWatcher | None = None
        self.lull = Lull()
        is_recorded = is_inside and options.record
        self.notes = Notebook(
            folder, window_id, options, clock, is_recorded=is_recorded, lull=self.lull
        )
        self.knowledge = Knowledge(folder, options, clock, on_news=on_stale, lull=self.lull)

    # --- beginning and end ------------------------------------------------------------

    async def open(self, client: Callable[[], Awaitable[EngineClient]]) -> None:
        """Open everything that may block, in a thread; then start watching."""
        opened = await asyncio.to_thread(
            open_workspace,
            self.folder,
            self._state,
            self.config,
            self._options,
            is_inside=self.is_inside,
        )
        self.config = opened.config
        self._workspace, self._library = opened.workspace, opened.library
        self._store = opened.store
        self._problems |= opened.problems
        if self._workspace is not None:
            self._learning = Learning(
                self._workspace,
                self._store,
                self._options,
                warm=self._warm,
                on_adapter=self._adapter_changed,
                on_change=self._on_change,
                on_problem=self.set_problem,
                progress=self._progress,
            )
        await self.notes.open(opened)
        self.knowledge.open(opened, self.memory_key)
        self.ready.set()
        self._on_change()
        # Before memory is filled: what changes meanwhile must not be missed.
        await self._watch()
        if self.knowledge.feeds_memory:
            try:
                self.knowledge.connect(await client())
            except EngineError:
                log.info("Memory of %s waits for the engine", self.folder)
        self._learn()
        self._is_whole.set()

    async def _watch(self) -> None:
        if self.is_inside:
            loop = asyncio.get_running_loop()
            self._watcher = TreeWatcher(self.folder, loop, self._changed_on_disk)
            self.set_problem("watcher", await asyncio.to_thread(self._watcher.start))

    def _learn(self) -> None:
        """Start the sidecar of a workspace that learns."""
        learns = self.is_inside and self._options.learn and self.config.learning.enabled
        if self._learning is None or self._workspace is None or self._store is None or not learns:
            return
        self._learning.run(
            Sidecar(
                self._workspace,
                self._state,
                self.config,
                on_problem=lambda text: self.set_problem("sidecar", text),
            )
        )

    async def close(self) -> None:
        """Write everything, stop watching and learning."""
        if self._learning is not None:
            await self._learning.close()
        if self._watcher is not None:
            self._watcher.stop()
        await self.knowledge.close()
        await self.notes.close()
        store, self._store = self._store, None
        if store is not None:
            await asyncio.to_thread(store.close)

    async def retire(self) -> None:
        """Close before other settings hold: memory is emptied, since it may hold what they
        exclude."""
        self.knowledge.empty()
        await self.close()

    def leave(self) -> None:
        """The loop is gone: write what is queued, stop what we started."""
        if self._learning is not None:
            self._learning.leave()
        if self._watcher is not None:
            self._watcher.stop()
        self.knowledge.leave()
        self.notes.leave()
        if self._store is not None:
            self._store.close()

    # --- documents --------------------------------------------------------------------

    def took(self, step: Step) -> None:
        """Something happened to a document of this root."""
        self.knowledge.took(step, is_own_word=self.notes.took(step))

    async def remember_everything(self, client: EngineClient) -> None:
        """A new engine knows nothing yet."""
        await self.ready.wait()
        self.knowledge.connect(client)

    def _changed_on_disk(self, burst: Burst) -> None:
        self.notes.changed_on_disk(burst, self.knowledge.changed_paths(burst))
        self.knowledge.changed_on_disk(burst)

    # --- time ---------------------------------------------------------------------------

    def tick(self) -> None:
        """Time has passed: settle what is due."""
        self.notes.tick()

    async def flush(self) -> None:
        """Return when memory has been sent and everything settled is on disk."""
        await self._is_whole.wait()
        await self.knowledge.flush()
        await self.notes.flush()
        await self.refresh()
        if self._learning is not None:
            await self._learning.settle()

    # --- learning -----------------------------------------------------------------------

    async def learn_now(self) -> str:
        """Ask the learner for a cycle; "" or why there will be none."""
        if self._learning is None or self._store is None:
            return self.notes.not_recording
        return await self._learning.learn_now(self._clock())

    async def roll_back(self) -> str:
        """Put the earlier adapter into service; "" or why not."""
        if self._learning is None:
            return "This folder has no adapters."
        return await self._learning.roll_back(["--state-dir", str(self._state)])

    async def _warm(self, adapter: AdapterRef) -> None:
        """Have the engine make an adapter ready; one that does not run has nothing to lose."""
        if (client := self._engine()) is not None:
            await client.warm(self.memory_key, adapter)

    def _adapter_changed(self) -> None:
        self.notes.liking.adapter_changed()
        self._on_stale()

    async def refresh(self) -> None:
        """Look at what others wrote: commits, the adapter pointer, cycles."""
        if self._learning is not None:
            await self._learning.refresh()
        await self.notes.refresh()
        self.knowledge.refresh()
        if self._narrowing is not None and self._narrowing.has_changed():
            self._narrowing = None
            self._on_settings()

    # --- what a status is made of -------------------------------------------------------

    @property
    def memory_key(self) -> str:
        """The name of this root's memory in the engine; no two roots share one."""
        if self._workspace is not None:
            return self._workspace.id
        return "outside-" + hashlib.sha256(str(self.folder).encode()).hexdigest()[:16]

    @property
    def adapter(self) -> AdapterRef | None:
        """The adapter that the next request will name; None for base weights."""
        return None if self._learning is None else self._learning.adapter

    @property
    def cycle(self) -> Cycle | None:
        """The newest learning cycle."""
        return None if self._learning is None else self._learning.cycle

    @property
    def examples_waiting(self) -> int:
        """How many lessons no cycle has seen yet."""
        return 0 if self._learning is None else self._learning.examples_waiting

    @property
    def adapter_version(self) -> str | None:
        """Its version, for the status."""
        return None if self.adapter is None else self.adapter.version

    @property
    def problems(self) -> list[str]:
        """Everything wrong with this root, each a sentence with what to do."""
        return list(self._problems.values())

    def set_problem(self, topic: str, text: str) -> None:
        """Name the problem of a topic, or "" when it is gone."""
        if self._problems.get(topic, "") == text:
            return
        if text:
            log.warning("%s: %s", self.folder, text)
            self._problems[topic] = text
        else:
            self._problems.pop(topic, None)
        self._on_change()
