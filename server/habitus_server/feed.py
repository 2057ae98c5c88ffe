"""Keeping the engine's memory equal to a workspace.

Promises that open documents stand in memory as the editor shows them and all others as
the disk does, that a request sees the edits made before it, and that a new engine is
told everything again. What may be remembered is decided by the `Texts` it is given.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from habitus_server.config import Memory
from habitus_server.engine.client import EngineClient
from habitus_server.errors import EngineError
from habitus_server.ignoring import IGNORE_FILES
from habitus_server.text import Buffer, Change

if TYPE_CHECKING:
    from habitus_server.watcher import Burst

log = logging.getLogger(__name__)

DEBOUNCE_S = 0.3
BATCH = 32
"""Documents sent between two pauses, in which the engine catches up and requests pass."""


class Texts(Protocol):
    """Where texts fit for memory come from; called off the event loop."""

    def files(self) -> Iterator[str]:
        """Paths of the workspace's files that may be remembered."""

    def read(self, path: str) -> str | None:
        """A file's text as it may be remembered, or None."""

    def clean(self, path: str, buffer: Buffer) -> str | None:
        """An open document's text as it may be remembered, or None."""


class MemoryFeed:
    """One workspace's memory, seen from one window; all calls on one event loop."""

    def __init__(
        self,
        key: str,
        texts: Texts,
        limits: Memory,
        *,
        debounce_s: float | None = DEBOUNCE_S,
        on_news: Callable[[], None] = lambda: None,
    ) -> None:
        """With `debounce_s` None only requests and flushes send: no wall clock decides.

        `on_news` is called when memory holds other files than before, which may change what
        it would answer at a place that did not change.
        """
        self._key = key
        self._on_news = on_news
        self._debounce_s = debounce_s
        self._texts = texts
        self._limits = limits
        self._client: EngineClient | None = None
        self._filling: asyncio.Task[None] | None = None
        self._open: dict[str, Buffer] = {}
        self._dirty: dict[str, set[int]] = {}
        """Open files whose memory is behind, with the lines edited since."""
        self._own_words: set[str] = set()
        self._remembered: set[str] = set()
        """Files that the engine was told of, whose end it must be told of too."""
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._sending = asyncio.Lock()
        self.files = 0

    def connect(self, client: EngineClient) -> None:
        """Tell an engine everything, from now on this one."""
        if client is not self._client:
            self._remembered.clear()
        self._client = client
        if self._filling is not None:
            self._filling.cancel()
        self._filling = asyncio.create_task(self._fill(client))

    def empty(self) -> None:
        """Have the engine forget the whole workspace, and what its gates learned of it."""
        self._remembered.clear()
        if self._client is not None:
            with contextlib.suppress(EngineError):  # gone, and its memory with it
                self._client.forget(self._key)

    def close(self) -> None:
        """Stop feeding; what memory holds, it keeps."""
        for timer in self._timers.values():
            timer.cancel()
        if self._filling is not None:
            self._filling.cancel()

    # --- documents --------------------------------------------------------------------

    def opened(self, path: str, buffer: Buffer) -> None:
        """A document is shown; its buffer hides its file."""
        self._open[path] = buffer
        self._mark(path, set())

    def changed(self, path: str, change: Change, *, is_own_word: bool) -> None:
        """A document was edited; `is_own_word` when the text came from a suggestion."""
        self._open[path] = change.after
        if is_own_word:
            self._own_words.add(path)
        lines = {change.after.line_at(edit.start) for edit in change.edits}
        if any("\n" in edit.text or "\r" in edit.text for edit in change.edits):
            lines.add(-1)
        self._mark(path, lines)

    def closed(self, path: str) -> None:
        """A document is no longer shown; its file counts again."""
        self._open.pop(path, None)
        self._dirty.pop(path, None)
        if timer := self._timers.pop(path, None):
            timer.cancel()
        asyncio.get_running_loop().create_task(self.refresh([path]))

    async def before_request(self, path: str, line: int) -> None:
        """Bring memory up to date, the line being typed aside: the prompt has that."""
        for dirty in tuple(self._dirty):
            if dirty != path or self._dirty[dirty] - {line}:
                await self._send(dirty)

    def changed_on_disk(self, root: Path, burst: Burst) -> None:
        """Files changed outside: look at each, or at the whole tree when they are many, or
        when other rules say which of them may be remembered."""
        if burst.is_many or any(path.name in IGNORE_FILES for path in burst.paths):
            if self._client is not None:
                self.connect(self._client)
            return
        inside = (path for path in burst.paths if path.is_relative_to(root))
        paths = [path.relative_to(root).as_posix() for path in inside]
        asyncio.get_running_loop().create_task(self.refresh(paths))

    async def refresh(self, paths: list[str]) -> None:
        """Files changed on disk: remember them anew, or forget those that are gone."""
        is_news = False
        for path in paths:
            if path in self._open:
                continue
            text = await asyncio.to_thread(self._texts.read, path)
            if path in self._open or self._client is None:
                continue
            try:
                if text is None:
                    self._client.forget(self._key, path)
                    is_news = is_news or path in self._remembered
                    self._remembered.discard(path)
                else:
                    self._client.remember(self._key, path, text)
                    is_news = True
                    self._remembered.add(path)
            except EngineError:
                return  # The next engine is told everything anyway.
        if is_news:
            self._on_news()

    async def flush(self) -> None:
        """Return when everything known has been sent."""
        if self._filling is not None:
            await asyncio.wait([self._filling])
        for path in tuple(self._dirty):
            await self._send(path)

    # --- sending ----------------------------------------------------------------------

    def _mark(self, path: str, lines: set[int]) -> None:
        self._dirty.setdefault(path, set()).update(lines)
        if timer := self._timers.pop(path, None):
            timer.cancel()
        if self._debounce_s is None:
            return
        loop = asyncio.get_running_loop()
        self._timers[path] = loop.call_later(
            self._debounce_s, lambda: loop.create_task(self._send(path))
        )

    async def _send(self, path: str) -> None:
        async with self._sending:
            if self._dirty.pop(path, None) is None or path not in self._open:
                return
            if timer := self._timers.pop(path, None):
                timer.cancel()
            learn = path not in self._own_words and self.files > 0
            self._own_words.discard(path)
            buffer = self._open[path]
            text = await asyncio.to_thread(lambda: self._texts.clean(path, buffer))
            client = self._client
            if client is None:
                return
            try:
                if text is None:
                    client.forget(self._key, path)
                else:
                    client.remember(self._key, path, text, learn=learn)
            except EngineError as error:
                log.info("Memory is behind: %s", error)

    async def _fill(self, client: EngineClient) -> None:
        """Send every file that fits the limits, in batches that let requests pass."""
        sent = size = 0
        try:
            paths = await asyncio.to_thread(lambda: list(self._texts.files()))
            for path in self._remembered.difference(paths, self._open):
                client.forget(self._key, path)
            self._remembered.intersection_update(paths)
            for path in paths:
                if sent >= self._limits.max_files or size >= self._limits.max_bytes:
                    log.info("Memory is full at %d files, %d characters", sent, size)
                    break
                if path in self._open:
                    continue
                text = await asyncio.to_thread(self._texts.read, path)
                if text is None or path in self._open:
                    continue
                client.remember(self._key, path, text)
                self._remembered.add(path)
                sent += 1
                size += len(text)
                self.files = sent
                if sent % BATCH == 0:
                    await client.status(settled=True)
            for path in self._open:
                self._mark(path, set())
            for path in tuple(self._dirty):
                await self._send(path)
            self._on_news()
            # What was answered until the engine has taken all of it in knew less.
            await client.status(settled=True)
            self._on_news()
        except EngineError as error:
            log.info("Memory was not filled: %s", error)
