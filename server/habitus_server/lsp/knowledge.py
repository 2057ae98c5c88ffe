"""What the engine is told of one workspace folder: memory's texts, each request's context.

Promises that memory knows every open document as it stands, those opened before the
workspace was, and that the index follows the files where one may be kept. Until it is opened
it only follows; without an engine it waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from habitus_server.engine.client import EngineClient
from habitus_server.feed import DEBOUNCE_S, MemoryFeed
from habitus_server.indexing import Indexing
from habitus_server.lsp.opening import Opening
from habitus_server.lsp.surroundings import Gathering
from habitus_server.lull import Lull
from habitus_server.options import Options
from habitus_server.permits import Permits
from habitus_server.recent import RecentEdits
from habitus_server.records import Chunk
from habitus_server.session import Changed, Closed, Opened, Snapshot, Step
from habitus_server.watcher import Burst

if TYPE_CHECKING:
    from habitus_server.context import Gatherer


class Knowledge:
    """One root's knowledge; all calls on the event loop."""

    def __init__(
        self,
        folder: Path,
        options: Options,
        clock: Callable[[], float],
        *,
        on_news: Callable[[], None],
        lull: Lull,
    ) -> None:
        self._folder = folder
        self._lull = lull
        self._options = options
        self._clock = clock
        self._on_news = on_news
        self._permits: Permits | None = None
        self._gatherer: Gatherer | None = None
        self._max_chars = 0
        self._feed: MemoryFeed | None = None
        self._catching_up: asyncio.Task[None] | None = None
        self._indexing: Indexing | None = None
        self._open_steps: dict[str, Step] = {}
        self._recent = RecentEdits()

    # --- beginning and end ------------------------------------------------------------

    def open(self, opened: Opening, memory_key: str) -> None:
        """Begin to gather context, to index and, where memory is on, to feed it."""
        self._permits, self._gatherer = Permits(opened.library.why_silent), opened.gatherer
        if opened.workspace is not None and opened.is_indexed:
            self._indexing = Indexing(opened.workspace, self._folder, opened.library, opened.config)
        self._max_chars = opened.config.completion.max_file_bytes
        if not (self._options.memory and opened.config.memory.enabled):
            return
        self._feed = MemoryFeed(
            memory_key,
            opened.library,
            opened.config.memory,
            debounce_s=None if self._options.replay_clock else DEBOUNCE_S,
            on_news=self._on_news,
        )
        for step in self._open_steps.values():
            self._feed.opened(step.document.path, step.document.buffer)

    def connect(self, client: EngineClient) -> None:
        """Tell an engine, which knows nothing yet, everything."""
        if self._feed is not None:
            self._feed.connect(client)

    def empty(self) -> None:
        """Make the engine forget everything."""
        if self._feed is not None:
            self._feed.empty()

    async def close(self) -> None:
        """Tell nothing more, and leave the index to another window."""
        if self._catching_up is not None:
            self._catching_up.cancel()
        if self._feed is not None:
            self._feed.close()
        if self._gatherer is not None:
            self._gatherer.close()
        if self._indexing is not None:
            await self._indexing.close()

    def leave(self) -> None:
        """The loop is gone: stop what was started."""
        if self._indexing is not None:
            self._indexing.leave()

    # --- what happens -----------------------------------------------------------------

    def took(self, step: Step, *, is_own_word: bool) -> None:
        """Something happened to a document; `is_own_word` where its new text is a suggestion's."""
        path = step.document.path
        # Popped first: the one touched last stands at the end.
        self._open_steps.pop(step.document.uri, None)
        if not isinstance(step.event, Closed):
            self._open_steps[step.document.uri] = step
        if step.change is not None:
            self._recent.took(path, step.change, self._clock())
        if self._feed is None:
            return
        if isinstance(step.event, Opened):
            self._feed.opened(path, step.document.buffer)
        elif isinstance(step.event, Closed):
            self._feed.closed(path)
        elif step.change is not None and isinstance(step.event, Changed):
            self._feed.changed(path, step.change, is_own_word=is_own_word)

    def changed_on_disk(self, burst: Burst) -> None:
        """Files changed outside the editor."""
        if self._feed is not None:
            self._feed.changed_on_disk(self._folder, burst)
        if self._indexing is not None:
            self._indexing.changed_on_disk(burst)

    def refresh(self) -> None:
        """Once a second: whoever wrote the index may have left."""
        if self._indexing is not None:
            self._indexing.look()

    def changed_paths(self, burst: Burst) -> list[str]:
        """The files of a burst; every open one where the burst is too large to tell."""
        if burst.is_many:
            return [step.document.path for step in self._open_steps.values()]
        inside = (path for path in burst.paths if path.is_relative_to(self._folder))
        return [path.relative_to(self._folder).as_posix() for path in inside]

    # --- what is asked ----------------------------------------------------------------

    async def before_request(self, snapshot: Snapshot) -> None:
        """Bring memory up to date for a request."""
        if self._feed is not None:
            line = snapshot.document.buffer.line_at(snapshot.start)
            await self._feed.before_request(snapshot.path, line)

    def catch_up(self, snapshot: Snapshot) -> None:
        """Bring memory up to date beside what else goes on."""
        if self._catching_up is None or self._catching_up.done():
            self._catching_up = asyncio.get_running_loop().create_task(self._catch_up(snapshot))

    async def _catch_up(self, snapshot: Snapshot) -> None:
        await self._lull.wait()
        if self._permits is not None:
            await asyncio.to_thread(self._permits.renew)
        await self.before_request(snapshot)

    async def why_silent(self, snapshot: Snapshot) -> str:
        """Why this document gets no suggestions, or "": as it was a moment ago."""
        if self._permits is None:
            return ""
        about = snapshot.path, snapshot.language
        known = self._permits.known(*about)
        return await asyncio.to_thread(self._permits.look, *about) if known is None else known

    def known_context(self, snapshot: Snapshot) -> tuple[Chunk, ...] | None:
        """What else the model should see, where that is the same as at the last key."""
        gathering = self._gathering(snapshot)
        return () if gathering is None else gathering.known()

    def context_of(self, snapshot: Snapshot) -> Callable[[], tuple[Chunk, ...]]:
        """What else the model should see, as work for a thread on what stands now."""
        gathering = self._gathering(snapshot)
        return tuple if gathering is None else gathering.gather

    def _gathering(self, snapshot: Snapshot) -> Gathering | None:
        if self._gatherer is None or self._permits is None:
            return None
        return Gathering(
            self._gatherer,
            self._permits,
            snapshot,
            documents=[step.document for step in reversed(self._open_steps.values())],
            recent=self._recent.newest_first(),
            max_chars=self._max_chars,
        )

    async def flush(self) -> None:
        """Return when memory has been sent and the index holds what is on disk."""
        if self._feed is not None:
            await self._feed.flush()
        if self._indexing is not None:
            await self._indexing.settle()

    @property
    def feeds_memory(self) -> bool:
        """Whether the engine is to remember this folder."""
        return self._feed is not None

    @property
    def memory_files(self) -> int:
        """How many files memory was given."""
        return 0 if self._feed is None else self._feed.files
