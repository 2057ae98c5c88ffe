"""What changes on disk under one workspace.

Promises one callback per settled burst of changes, on the event loop, whose cost does not
grow with the burst: the watching thread gathers, wakes the loop once, and past a bound
says only that there were many. A tree which cannot be watched costs a sentence, not the
server. It judges no path: who may be read is `privacy`'s business.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from habitus_server import adapters
from habitus_server.errors import ModelError
from habitus_server.options import NO_ADAPTER
from habitus_server.pulse import Pulse, pulse
from habitus_server.records import AdapterRef
from habitus_server.workspaces import Workspace

if TYPE_CHECKING:
    from watchdog.events import FileSystemEvent
    from watchdog.observers.api import BaseObserver

log = logging.getLogger(__name__)

SETTLE_S = 0.2
"""A checkout touches thousands of files at once; they are handed over together."""

MOST_PATHS = 1_000
"""A burst of more is not told file by file: whoever cares looks at the tree anew. The
kernel's own queue, which drops what does not fit, is larger."""

LONGEST_BURST_S = 2.0
LONGEST_STORM_S = 30.0
"""A burst is told when it is over, or after this long; past the bound on paths it may
last longer, since the answer is to look at everything."""

UNSEEN = frozenset(
    {".git", "node_modules", ".venv", "venv", "__pycache__", ".mypy_cache", ".tox", ".hypothesis"}
)
"""Folders whose events are dropped in the watching thread, before they cost anything."""


class Burst(msgspec.Struct, frozen=True):
    """Files that changed about the same time, by their paths on disk.

    With `is_many` the paths are not complete. `moved` pairs old and new names.
    """

    paths: frozenset[Path] = frozenset()
    moved: tuple[tuple[Path, Path], ...] = ()
    is_many: bool = False


class TreeWatcher:
    """Watches a folder with all below it; `start` it off the loop, `stop` it anywhere."""

    def __init__(
        self,
        root: Path,
        loop: asyncio.AbstractEventLoop,
        on_changed: Callable[[Burst], None],
        *,
        most_paths: int = MOST_PATHS,
    ) -> None:
        self._root = str(root)
        self._real_root = self._root
        self._most_paths = most_paths
        self._loop = loop
        self._on_changed = on_changed
        self._observer: BaseObserver | None = None
        # What both threads touch.
        self._lock = threading.Lock()
        self._paths: set[str] = set()
        self._moved: list[tuple[str, str]] = []
        self._seen = 0
        self._is_many = False
        self._is_waking = False

    def start(self) -> str:
        """Start watching; return "" or a sentence that says why not."""
        from watchdog import events
        from watchdog.observers import Observer

        watcher = self

        class Handler(events.FileSystemEventHandler):
            def on_any_event(self, event: FileSystemEvent) -> None:
                watcher._saw(event)

        # What is not asked for is dropped by the kernel: opening and reading files is
        # most of what happens in a tree.
        wanted: list[type[FileSystemEvent]] = [
            events.FileCreatedEvent,
            events.FileModifiedEvent,
            events.FileDeletedEvent,
            events.FileMovedEvent,
            events.DirMovedEvent,
        ]
        # A root that is a link is not followed by the kernel; paths are told as the editor
        # knows them.
        self._real_root = os.path.realpath(self._root)
        observer = Observer()
        try:
            observer.schedule(Handler(), self._real_root, recursive=True, event_filter=wanted)
            observer.start()
        except OSError as error:
            return (
                f"{self._root} cannot be watched ({error.strerror}); files that change outside "
                "the editor are seen when they are opened. On Linux, raise "
                "fs.inotify.max_user_watches."
            )
        self._observer = observer
        return ""

    def stop(self) -> None:
        """Stop watching."""
        if self._observer is not None:
            self._observer.stop()
            self._observer = None

    # In the watching thread.

    def _saw(self, event: FileSystemEvent) -> None:
        if event.is_directory:
            return
        old, new = self._named(event.src_path), self._named(event.dest_path)
        seen = [path for path in (old, new) if path and not self._is_unseen(path)]
        if not seen:
            return
        with self._lock:
            self._seen += 1
            if len(self._paths) >= self._most_paths:
                self._is_many = True
            elif not self._is_many:
                self._paths.update(seen)
                if len(seen) == 2:
                    self._moved.append((old, new))
            if self._is_waking:
                return
            self._is_waking = True
        try:
            self._loop.call_soon_threadsafe(self._wait, self._seen, 0.0)
        except RuntimeError:  # The loop has closed: the window is going away.
            return

    def _named(self, path: bytes | str) -> str:
        """A path of the kernel's below the root as it was given; "" for none."""
        found = os.fsdecode(path)
        return self._root + found[len(self._real_root) :] if found else ""

    def _is_unseen(self, path: str) -> bool:
        return any(part in UNSEEN for part in Path(path[len(self._root) :]).parts)

    # On the loop.

    def _wait(self, seen: int, waited_s: float) -> None:
        self._loop.call_later(SETTLE_S, self._hand_over, seen, waited_s + SETTLE_S)

    def _hand_over(self, seen: int, waited_s: float) -> None:
        with self._lock:
            longest_s = LONGEST_STORM_S if self._is_many else LONGEST_BURST_S
            is_over = self._seen == seen or waited_s >= longest_s
            if is_over:
                paths, self._paths = self._paths, set()
                moved, self._moved = self._moved, []
                is_many, self._is_many = self._is_many, False
                self._is_waking = False
            else:
                seen = self._seen
        if not is_over:
            self._wait(seen, waited_s)
            return
        self._on_changed(
            Burst(
                frozenset(map(Path, paths)),
                tuple((Path(old), Path(new)) for old, new in moved),
                is_many,
            )
        )


class AdapterPointer:
    """The workspace's `current` file, or the version that a flag pins."""

    def __init__(self, workspace: Workspace, pinned: str | None) -> None:
        self._workspace = workspace
        self._pinned = pinned
        self._seen: Pulse | str | None = "never"

    def has_moved(self) -> bool:
        """Whether `read` may now say something new; one stat."""
        now = None if self._pinned else pulse(self._workspace.current)
        moved = now != self._seen
        self._seen = now
        return moved

    def read(self) -> tuple[AdapterRef | None, str]:
        """The adapter to name in requests, and what is wrong with it."""
        try:
            if self._pinned == NO_ADAPTER:
                return None, ""
            if self._pinned is not None:
                return self._find(self._pinned), ""
            return adapters.current(self._workspace), ""
        except ModelError as error:
            return None, str(error)

    def _find(self, version: str) -> AdapterRef:
        if not adapters.is_version(version):
            raise ModelError(f"`{version}` is no adapter version; see `habitus status`.")
        folder = self._workspace.adapters / version
        adapters.read_manifest(folder)
        return AdapterRef(version, str(folder))
