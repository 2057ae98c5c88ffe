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

from habitus_server.checkups import Checkups
from habitus_server.config import Config
from habitus_server.decision_files import DecisionFiles
from habitus_server.declined import Declined
from habitus_server.engine.client import EngineClient
from habitus_server.errors import EngineError
from habitus_server.feed import DEBOUNCE_S, MemoryFeed
from habitus_server.judgements import Judgements
from habitus_server.lsp.learning import Learning
from habitus_server.lsp.narrowing import Narrowing
from habitus_server.lsp.opening import open_workspace
from habitus_server.lsp.outbox import Progress
from habitus_server.lsp.outside import Outside
from habitus_server.lsp.surroundings import gathering
from habitus_server.options import Options
from habitus_server.parses import Parses
from habitus_server.recent import RecentEdits
from habitus_server.recorder import Recorder
from habitus_server.records import AdapterRef, Chunk, Cycle, Rating, Suggestion
from habitus_server.rejections import Why
from habitus_server.scribe import Scribe
from habitus_server.session import Changed, Closed, Opened, Snapshot, Step
from habitus_server.sidecar import Sidecar
from habitus_server.suggest import Offer
from habitus_server.watcher import Burst, TreeWatcher
from habitus_server.workspaces import Workspace

if TYPE_CHECKING:
    from habitus_server.context import Gatherer
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
    ) -> None:
        self.folder = folder
        self.config = config
        self.ready = asyncio.Event()
        self._is_whole = asyncio.Event()
        self.not_recording = ""
        self.is_paused = False
        self.is_inside = is_inside
        self._options = options
        self._state = state
        self._clock = clock
        self._on_change = on_change
        self._on_stale = on_stale
        self._on_settings = on_settings
        self._narrowing = Narrowing(folder, config) if is_inside else None
        self._progress = progress
        self._problems: dict[str, str] = {}
        self._workspace: Workspace | None = None
        self._library: Library | None = None
        self._gatherer: Gatherer | None = None
        self._store: Store | None = None
        self._learning: Learning | None = None
        self._feed: MemoryFeed | None = None
        self._watcher: TreeWatcher | None = None
        scribe = Scribe()
        self.declined = Declined(clock)
        self.judgements = Judgements(clock, scribe)
        self.checkups: Checkups | None = None
        self._recorder: Recorder | None = None
        if is_inside and options.record:
            self._recorder = Recorder(window_id, clock, scribe, self.declined)
            Parses(scribe, suggestion_of=self._recorder.suggestion, spans_of=self._recorder.spans)
            self.checkups = Checkups(
                window_id,
                clock,
                scribe,
                spans_of=self._recorder.spans,
                is_paused=lambda: self.is_paused,
            )
        self._open_steps: dict[str, Step] = {}
        self._recent = RecentEdits()
        self._outside = Outside(folder, window_id, clock, lambda: self.is_paused)
        self.executor = self._outside.executor

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
        self._gatherer, self._store = opened.gatherer, opened.store
        self._problems |= opened.problems
        self.not_recording = opened.not_recording
        if self._workspace is not None:
            self._learning = Learning(
                self._workspace,
                self._store,
                self._options,
                on_adapter=self._on_stale,
                on_change=self._on_change,
                on_problem=self.set_problem,
                progress=self._progress,
            )
        if self._store is None:
            self._recorder = self.checkups = None
        elif self._recorder is not None and self._workspace is not None:
            await self._record(self._workspace, self._store, self._library, self._recorder)
        if self._options.memory and self.config.memory.enabled:
            self._feed = self._make_feed(self._library)
        self.ready.set()
        self._on_change()
        # Before memory is filled: what changes meanwhile must not be missed.
        await self._watch()
        if self._feed is not None:
            try:
                self._feed.connect(await client())
            except EngineError:
                log.info("Memory of %s waits for the engine", self.folder)
        self._learn()
        self._is_whole.set()

    async def _record(
        self, workspace: Workspace, store: Store, library: Library, recorder: Recorder
    ) -> None:
        """Begin to write what is seen, and to see what happens outside the editor."""
        await self.declined.refresh(store)
        recorder.attach(store, library)
        self.judgements.attach(store, DecisionFiles(self.folder, library, store))
        if self.checkups is not None:
            # A replay's typing is not a developer's, nor its clock the checker's.
            folder = None if self._options.replay_clock else workspace.folder
            await self.checkups.attach(store, folder, library.why_silent)
        await self._outside.attach(
            workspace, store, library, recorder, self.checkups, self.config.witness
        )

    def _make_feed(self, library: Library) -> MemoryFeed:
        """The feed of memory, with the documents that were opened meanwhile."""
        feed = MemoryFeed(
            self.memory_key,
            library,
            self.config.memory,
            debounce_s=None if self._options.replay_clock else DEBOUNCE_S,
            on_news=self._on_stale,
        )
        for step in self._open_steps.values():
            feed.opened(step.document.path, step.document.buffer)
        return feed

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
        if self._feed is not None:
            self._feed.close()
        if self.checkups is not None:
            self.checkups.close()
        if self._recorder is not None:
            self._recorder.close_all()
            await self._recorder.flush()
        await self._outside.close()
        store, self._store = self._store, None
        if store is not None:
            await asyncio.to_thread(store.close)

    async def retire(self) -> None:
        """Close before other settings hold: memory is emptied, since it may hold what they
        exclude."""
        if self._feed is not None:
            self._feed.empty()
        await self.close()

    def leave(self) -> None:
        """The loop is gone: write what is queued, stop what we started."""
        if self._learning is not None:
            self._learning.leave()
        if self._watcher is not None:
            self._watcher.stop()
        if self._recorder is not None:
            self._recorder.close_all()
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
        if step.change is not None:
            self._recent.took(path, step.change, self._clock())
        if self.checkups is not None:
            self.checkups.took(step)
        if self._recorder is not None and not self.is_paused:
            own_word = self._recorder.took(step)
        self._outside.took(step)
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

    def context_of(self, snapshot: Snapshot) -> Callable[[], tuple[Chunk, ...]]:
        """What else the model should see, as work for a thread on what stands now."""
        library, gatherer = self._library, self._gatherer
        if gatherer is None or library is None:
            return tuple
        return gathering(
            gatherer,
            library,
            snapshot,
            documents=[step.document for step in reversed(self._open_steps.values())],
            recent=self._recent.newest_first(),
            max_chars=self.config.completion.max_file_bytes,
        )

    async def why_silent(self, snapshot: Snapshot) -> str:
        """Why this document gets no suggestions, or ""."""
        if self._library is None:
            return ""
        return await asyncio.to_thread(self._library.why_silent, snapshot.path, snapshot.language)

    def renamed(self, old_uri: str, new_uri: str, path: str) -> None:
        """A file of this root has a new name."""
        if self._recorder is not None:
            self._recorder.renamed(old_uri, new_uri, path)

    def _changed_on_disk(self, burst: Burst) -> None:
        self.judgements.changed_on_disk(self.folder, burst)
        if self._recorder is not None and self.checkups is not None:
            paths = self._changed_paths(burst)
            self._recorder.changed_on_disk(paths)
            self.checkups.changed_on_disk(paths)
        self._outside.changed_on_disk(burst)
        if self._feed is not None:
            self._feed.changed_on_disk(self.folder, burst)

    def _changed_paths(self, burst: Burst) -> list[str]:
        """The files of a burst; every open one where the burst is too large to tell."""
        if burst.is_many:
            return [step.document.path for step in self._open_steps.values()]
        inside = (path for path in burst.paths if path.is_relative_to(self.folder))
        return [path.relative_to(self.folder).as_posix() for path in inside]

    # --- suggestions and their fate -----------------------------------------------------

    def offered(self, snapshot: Snapshot, offers: Sequence[Offer]) -> None:
        """Follow what was offered."""
        if self.checkups is not None:
            self.checkups.offered(snapshot, offers)
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

    async def rate(self, suggestion_id: str, rating: Rating, word: str | None) -> str:
        """Somebody said what it was worth. "" once that is on disk, or why it is not."""
        if rating is Rating.BAD and self._recorder is not None:
            self._recorder.turn_down(suggestion_id, Why.RATED)
        return await self.judgements.rate(suggestion_id, rating, word)

    def tick(self) -> None:
        """Time has passed: settle what is due."""
        if self._recorder is not None:
            self._recorder.tick()
        if self.checkups is not None:
            self.checkups.tick()

    async def flush(self) -> None:
        """Return when memory has been sent and everything settled is on disk."""
        await self._is_whole.wait()
        if self._feed is not None:
            await self._feed.flush()
        await self.judgements.flush()
        await self._outside.settle()
        if self._recorder is not None:
            await self._recorder.flush()
        await self.refresh()

    # --- learning -----------------------------------------------------------------------

    async def learn_now(self) -> str:
        """Ask the learner for a cycle; "" or why there will be none."""
        if self._learning is None or self._store is None:
            return self.not_recording
        return await self._learning.learn_now(self._clock())

    async def roll_back(self) -> str:
        """Put the earlier adapter into service; "" or why not."""
        if self._learning is None:
            return "This folder has no adapters."
        return await self._learning.roll_back(["--state-dir", str(self._state)])

    async def refresh(self) -> None:
        """Look at what others wrote: commits, the adapter pointer, cycles."""
        self._outside.look()
        if self._learning is not None:
            await self._learning.refresh()
        if self._store is not None:
            await self.declined.refresh(self._store)
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
    def memory_files(self) -> int:
        """How many files memory was given."""
        return 0 if self._feed is None else self._feed.files

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
