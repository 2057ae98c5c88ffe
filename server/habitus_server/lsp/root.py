"""One workspace folder of a window: its rooms, joined.

Opens in the background (`ready`), and works as far as it can when a part of it cannot:
a store that does not open costs the recording, a broken adapter costs the learning, a
folder that is no workspace costs both, and suggestions go on.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from habitus_server import config as settings
from habitus_server.config import Config
from habitus_server.engine.client import EngineClient
from habitus_server.errors import EngineError, HabitusError, StoreError, UserError
from habitus_server.feed import MemoryFeed
from habitus_server.lsp.outbox import Progress
from habitus_server.options import Options
from habitus_server.recorder import Recorder
from habitus_server.records import AdapterRef, Chunk, Cycle, CycleState, Suggestion
from habitus_server.session import Changed, Closed, Opened, Snapshot, Step
from habitus_server.sidecar import Sidecar, roll_back
from habitus_server.suggest import Offer
from habitus_server.watcher import AdapterPointer, GitWatch, Moved, TreeWatcher
from habitus_server.workspaces import Workspace, find_workspace

if TYPE_CHECKING:
    from habitus_server.context import Gatherer
    from habitus_server.library import Library
    from habitus_server.store import Store

log = logging.getLogger(__name__)


class _Opened(msgspec.Struct, frozen=True):
    """What opening a root in a thread brought."""

    config: Config
    workspace: Workspace | None
    library: Library
    gatherer: Gatherer
    store: Store | None
    problems: dict[str, str]
    not_recording: str


class Root:
    """The rooms of one root; all calls on the event loop, but `gather`."""

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
        on_adapter: Callable[[], None],
        progress: Callable[[str], Progress],
    ) -> None:
        self.folder = folder
        self.config = config
        self.ready = asyncio.Event()
        self.adapter: AdapterRef | None = None
        self.cycle: Cycle | None = None
        self.examples_waiting = 0
        self.not_recording = "" if is_inside else f"{folder} is not in an open folder."
        self.is_paused = False
        self._is_inside = is_inside
        self._options = options
        self._state = state
        self._clock = clock
        self._on_change = on_change
        self._on_adapter = on_adapter
        self._progress = progress
        self._problems: dict[str, str] = {}
        self._workspace: Workspace | None = None
        self._library: Library | None = None
        self._gatherer: Gatherer | None = None
        self._store: Store | None = None
        self._store_version = -1
        self._pointer: AdapterPointer | None = None
        self._feed: MemoryFeed | None = None
        self._watcher: TreeWatcher | None = None
        self._sidecar: Sidecar | None = None
        self._learning: Progress | None = None
        self._recorder = Recorder(window_id, clock) if is_inside and options.record else None
        self._open_steps: dict[str, Step] = {}
        self._git = GitWatch(folder) if is_inside else None

    # --- beginning and end ------------------------------------------------------------

    async def open(self, client: Callable[[], Awaitable[EngineClient]]) -> None:
        """Open everything that may block, in a thread; then start watching."""
        opened = await asyncio.to_thread(self._open_rooms)
        self.config = opened.config
        self._workspace, self._library = opened.workspace, opened.library
        self._gatherer, self._store = opened.gatherer, opened.store
        self._problems |= opened.problems
        self.not_recording = opened.not_recording
        if self._workspace is not None:
            self._pointer = AdapterPointer(self._workspace, self._options.adapter)
            self._look_at_adapter()
        if self._recorder is not None:
            if self._store is None:
                self._recorder = None
            else:
                self._recorder.attach(self._store, self._library)
        if self._options.memory and self.config.memory.enabled:
            self._feed = MemoryFeed(self.memory_key, self._library, self.config.memory)
            for step in self._open_steps.values():
                self._feed.opened(step.document.path, step.document.buffer)
        self.ready.set()
        self._on_change()
        if self._feed is not None:
            try:
                self._feed.connect(await client())
            except EngineError:
                log.info("Memory of %s waits for the engine", self.folder)
        await self._watch()

    def _open_rooms(self) -> _Opened:
        from habitus_server.context import Gatherer
        from habitus_server.library import Library

        problems: dict[str, str] = {}
        config, reason, workspace = self.config, self.not_recording, None
        if self._is_inside:
            config, wrong = settings.narrow(self.config, self.folder)
            problems |= {f"config {number}": text for number, text in enumerate(wrong)}
            try:
                workspace = find_workspace(self.folder, self._state)
            except (UserError, OSError) as error:
                reason = f"Nothing is recorded: {error}"
        library = Library(self.folder, config, is_inside=self._is_inside)
        store = None
        if workspace is not None:
            reason = self._why_not_recording(config)
            if not reason:
                try:
                    store = self._open_store(workspace)
                except StoreError as error:
                    reason = f"Nothing is recorded: {error}"
        return _Opened(
            config, workspace, library, Gatherer(library.read), store, problems, reason
        )

    def _why_not_recording(self, config: Config) -> str:
        if not self._options.record:
            return "Nothing is recorded (--no-record)."
        if not config.privacy.record:
            return "Nothing is recorded (privacy.record is off)."
        return ""

    def _open_store(self, workspace: Workspace) -> Store:
        from habitus_server.store import Store

        return Store.open(workspace.database)

    async def _watch(self) -> None:
        if not self._is_inside:
            return
        self._watcher = TreeWatcher(
            self.folder, asyncio.get_running_loop(), self._changed_on_disk
        )
        self.set_problem("watcher", await asyncio.to_thread(self._watcher.start))
        if self._store is not None and self._options.learn and self.config.learning.enabled:
            assert self._workspace is not None
            self._sidecar = Sidecar(
                self._workspace,
                self._state,
                self.config,
                on_problem=lambda text: self.set_problem("sidecar", text),
            )
            self._sidecar.start()

    async def close(self) -> None:
        """Write everything, stop watching and learning."""
        if self._sidecar is not None:
            await self._sidecar.stop()
        if self._watcher is not None:
            self._watcher.stop()
        if self._feed is not None:
            self._feed.close()
        if self._recorder is not None:
            self._recorder.close_all()
            await self._recorder.flush()
        store, self._store = self._store, None
        if store is not None:
            await asyncio.to_thread(store.close)

    def leave(self) -> None:
        """The loop is gone: write what is queued, stop what we started."""
        if self._sidecar is not None:
            self._sidecar.leave()
        if self._watcher is not None:
            self._watcher.stop()
        if self._recorder is not None:
            self._recorder.drain()
        if self._store is not None:
            self._store.close()

    # --- documents --------------------------------------------------------------------

    def took(self, step: Step) -> None:
        """Something happened to a document of this root."""
        path = step.document.path
        # Popped first: the one touched last stands at the end.
        self._open_steps.pop(step.document.uri, None)
        if not isinstance(step.event, Closed):
            self._open_steps[step.document.uri] = step
        own_word = False
        if self._recorder is not None and not self.is_paused:
            own_word = self._recorder.took(step)
        if self._feed is None:
            return
        if isinstance(step.event, Opened):
            self._feed.opened(path, step.document.buffer)
        elif isinstance(step.event, Closed):
            self._feed.closed(path)
        elif step.change is not None and isinstance(step.event, Changed):
            self._feed.changed(path, step.change, is_own_word=own_word)

    async def before_request(self, snapshot: Snapshot) -> None:
        """Bring memory up to date for a request."""
        if self._feed is not None:
            line = snapshot.document.buffer.line_at(snapshot.start)
            await self._feed.before_request(snapshot.path, line)

    async def remember_everything(self, client: EngineClient) -> None:
        """A new engine knows nothing yet."""
        await self.ready.wait()
        if self._feed is not None:
            self._feed.connect(client)

    def gather(self, snapshot: Snapshot) -> tuple[Chunk, ...]:
        """What else the model should see (called off the loop)."""
        from habitus_server.context import View

        if self._gatherer is None:
            return ()
        open_files = {
            step.document.path: step.document.buffer.text
            for step in reversed(tuple(self._open_steps.values()))
            if len(step.document.buffer) <= self.config.completion.max_file_bytes
        }
        return self._gatherer.gather(
            View(
                path=snapshot.path,
                language=snapshot.language,
                prefix=snapshot.prefix,
                suffix=snapshot.suffix,
                open_files=open_files,
            )
        )

    async def why_silent(self, snapshot: Snapshot) -> str:
        """Why this document gets no suggestions, or ""."""
        if self._library is None:
            return ""
        return await asyncio.to_thread(
            self._library.why_silent, snapshot.path, snapshot.language
        )

    def _changed_on_disk(self, changed: set[Path]) -> None:
        if self._feed is None:
            return
        paths = [
            path.relative_to(self.folder).as_posix()
            for path in changed
            if path.is_relative_to(self.folder)
        ]
        asyncio.get_running_loop().create_task(self._feed.refresh(paths))

    # --- suggestions and their fate -----------------------------------------------------

    def offered(self, snapshot: Snapshot, offers: Sequence[Offer]) -> None:
        """Follow what was offered."""
        if self._recorder is not None and not self.is_paused:
            self._recorder.offered(snapshot, offers)

    def suggestion(self, suggestion_id: str) -> Suggestion | None:
        """A suggestion that is still followed."""
        return None if self._recorder is None else self._recorder.suggestion(suggestion_id)

    def shown(self, suggestion_id: str) -> None:
        """Reported: it is visible."""
        if self._recorder is not None:
            self._recorder.shown(suggestion_id)

    def partially_accepted(self, suggestion_id: str, chars: int) -> None:
        """Reported: its first characters were taken."""
        if self._recorder is not None:
            self._recorder.partially_accepted(suggestion_id, chars)

    async def accept(self, suggestion_id: str) -> str:
        """Reported: it was taken. "" once that is on disk, or why it is not."""
        if self._recorder is None:
            return self.not_recording
        return await self._recorder.accept(suggestion_id)

    async def dismiss(self, suggestion_id: str) -> str:
        """Reported: it was turned down. "" once that is on disk, or why it is not."""
        if self._recorder is None:
            return self.not_recording
        return await self._recorder.dismiss(suggestion_id)

    def tick(self) -> None:
        """Time has passed: settle what is due."""
        if self._recorder is not None:
            self._recorder.tick()

    async def flush(self) -> None:
        """Return when memory has been sent and everything settled is on disk."""
        if self._feed is not None:
            await self._feed.flush()
        if self._recorder is not None:
            await self._recorder.flush()
        await self.refresh()

    # --- learning -----------------------------------------------------------------------

    async def learn_now(self) -> str:
        """Ask the sidecar for a cycle; "" or why there will be none."""
        if self._store is None:
            return self.not_recording
        if self._sidecar is None:
            return "No learner runs for this workspace (learning is off, or --no-learn)."
        try:
            await asyncio.wrap_future(self._store.request_cycle(self._clock()))
        except StoreError as error:
            return str(error)
        return ""

    async def roll_back(self) -> str:
        """Put the earlier adapter into service; "" or why not."""
        if self._workspace is None:
            return "This folder has no adapters."
        try:
            await roll_back(self._workspace, self._state)
        except HabitusError as error:
            return str(error)
        self._look_at_adapter()
        return ""

    async def refresh(self) -> None:
        """Look at what others wrote: the adapter pointer, cycles, problems of the store."""
        self._look_at_adapter()
        self._look_at_git()
        store = self._store
        if store is None:
            return
        try:
            await self._read_cycles(store)
        except StoreError as error:
            self.set_problem("store", str(error))
            return
        self.set_problem("store", store.problems[-1] if store.problems else "")

    def _look_at_adapter(self) -> None:
        if self._pointer is None or not self._pointer.has_moved():
            return
        adapter, problem = self._pointer.read()
        self.set_problem("adapter", problem)
        if adapter != self.adapter:
            self.adapter = adapter
            self._on_adapter()
            self._on_change()

    def _look_at_git(self) -> None:
        if self._recorder is None or self._git is None:
            return
        moved = self._git.look()
        if moved is Moved.BRANCH:
            self._recorder.checked_out()
        elif moved is Moved.COMMIT:
            self._recorder.moment("commit")

    async def _read_cycles(self, store: Store) -> None:
        version = await asyncio.to_thread(store.data_version)
        if version == self._store_version:
            return
        self._store_version = version
        cycles = await asyncio.to_thread(store.cycles, 1)
        cycle = cycles[0] if cycles else None
        if cycle != self.cycle:
            self.cycle = cycle
            self._show_cycle()
        since = 0.0 if cycle is None else cycle.started_at
        self.examples_waiting = await asyncio.to_thread(store.count_lessons, since)
        self._on_change()

    def _show_cycle(self) -> None:
        cycle = self.cycle
        if cycle is None:
            return
        if cycle.state is CycleState.RUNNING:
            if self._learning is None:
                self._learning = self._progress("Habitus: learning")
            self._learning.report(cycle.stage, cycle.progress)
        elif self._learning is not None:
            self._learning.end(cycle.verdict)
            self._learning = None

    # --- what a status is made of -------------------------------------------------------

    @property
    def memory_key(self) -> str:
        """The name of this root's memory in the engine; no two roots share one."""
        if self._workspace is not None:
            return self._workspace.id
        return "outside-" + hashlib.sha256(str(self.folder).encode()).hexdigest()[:16]

    @property
    def memory_files(self) -> int:
        """How many files memory was given."""
        return 0 if self._feed is None else self._feed.files

    @property
    def adapter_version(self) -> str | None:
        """The adapter that the next request will name."""
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
