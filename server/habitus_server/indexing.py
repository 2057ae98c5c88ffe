"""Keeping a workspace's index equal to its files, seen from one window.

Promises that of several windows one writes and all read, that the next one takes over when
that one ends, that a change is known soon after it is on disk, and that nothing of it happens
on the event loop. Where there is no index to be had, completions see fewer other files.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from typing import TYPE_CHECKING

import msgspec

from habitus_server.config import Config
from habitus_server.errors import StoreError
from habitus_server.ignoring import IGNORE_FILES
from habitus_server.workspaces import Workspace, try_lock

if TYPE_CHECKING:
    from pathlib import Path

    from habitus_server.library import Library
    from habitus_server.watcher import Burst

log = logging.getLogger(__name__)

START_S = 2.0
"""An editor that starts has other things to do."""

RETRY_S = 60.0
"""A disk that is full, or a folder that cannot be written, may be put right."""


class Indexing:
    """One root's index; all calls on one event loop, but `leave`."""

    def __init__(
        self, workspace: Workspace, folder: Path, library: Library, config: Config
    ) -> None:
        """`folder` is the root as the editor names it; `config`, the root's own, decides what
        may be kept, and how much."""
        self._folder = folder
        self._workspace = workspace
        self._library = library
        self._config = config
        self._not_before = asyncio.get_running_loop().time() + START_S
        self._lock: int | None = None
        self._waiting: set[str] = set()
        self._is_stale = True
        """Whether the whole tree has to be looked at."""
        self._work: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None

    def look(self) -> None:
        """Once a second: write, if it is this window's to write and there is something to."""
        if asyncio.get_running_loop().time() >= self._not_before:
            self._begin()

    def _begin(self) -> None:
        if self._work is not None and not self._work.done():
            return
        if (self._is_stale or self._waiting) and self._leads():
            self._work = asyncio.create_task(self._write())

    def changed_on_disk(self, burst: Burst) -> None:
        """Files changed: look at each, or at the whole tree where it is not said which, or
        where other rules say what may be kept."""
        if burst.is_many or any(path.name in IGNORE_FILES for path in burst.paths):
            self._is_stale = True
        inside = (path for path in burst.paths if path.is_relative_to(self._folder))
        self._waiting.update(path.relative_to(self._folder).as_posix() for path in inside)
        self.look()

    async def settle(self) -> None:
        """Return when the index holds what is on disk, as far as this window writes it and
        nothing failed."""
        self._begin()
        if self._work is not None:
            await asyncio.wait([self._work])

    async def close(self) -> None:
        """Write no more; another window takes over where this one stopped."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait([self._work])
        self.leave()

    def leave(self) -> None:
        """Let go of everything, without waiting."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _leads(self) -> bool:
        if self._lock is None:
            self._lock = try_lock(self._workspace.index_lock)
        return self._lock is not None

    async def _write(self) -> None:
        self._not_before = 0.0
        try:
            while self._is_stale or self._waiting:
                if self._is_stale:
                    self._is_stale = False
                    await self._read_everything()
                paths, self._waiting = sorted(self._waiting), set()
                if paths and not await asyncio.to_thread(self._update, paths):
                    self._is_stale = True
        except (StoreError, OSError) as error:
            log.warning("%s", error)
            self._is_stale = True
            self._not_before = asyncio.get_running_loop().time() + RETRY_S

    def _update(self, paths: list[str]) -> bool:
        """Look at some files; False where there is no index that they could be a part of."""
        from habitus_server.index import Shelf
        from habitus_server.indexer import Indexer

        shelf = Shelf(self._workspace.index)
        try:
            if shelf.is_empty():
                return False
            limits = self._config.context
            Indexer(self._workspace.root, shelf, self._library, limits).update(paths)
            return True
        finally:
            shelf.close()

    async def _read_everything(self) -> None:
        order = {
            "root": str(self._workspace.root),
            "index": str(self._workspace.index),
            "config": self._config,
        }
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "habitus_server.indexer"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            cwd=self._workspace.folder,
        )
        try:
            _, said = await self._process.communicate(msgspec.json.encode(order))
        finally:
            if self._process.returncode is None:
                self._process.kill()
        if self._process.returncode:
            raise StoreError(said.decode(errors="replace").strip()[-400:] or "No index was made.")
