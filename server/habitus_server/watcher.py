"""What changes on disk under one workspace.

Promises one callback per settled burst of changes, on the event loop, with paths as
they are on disk; and that a tree which cannot be watched costs a sentence, not the
server. It judges no path: who may be read is `privacy`'s business.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from habitus_server import adapters
from habitus_server.errors import ModelError
from habitus_server.options import NO_ADAPTER
from habitus_server.records import AdapterRef
from habitus_server.workspaces import Workspace

if TYPE_CHECKING:
    from watchdog.events import FileSystemEvent
    from watchdog.observers.api import BaseObserver

log = logging.getLogger(__name__)

SETTLE_S = 0.2
"""A checkout touches thousands of files at once; they are handed over together."""

CHECKOUT_LOOKS = 3

UNSEEN = (".git", "node_modules", ".venv", "venv", "__pycache__", ".mypy_cache", ".tox")
"""Folders whose events are dropped in the watching thread, before they cost anything."""


class Pulse(msgspec.Struct, frozen=True):
    """What identifies the present contents of a file: inode, size, time of change."""

    inode: int
    size: int
    modified_ns: int


def pulse(path: Path) -> Pulse | None:
    """A file's pulse, or None when it is not there."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return Pulse(stat.st_ino, stat.st_size, stat.st_mtime_ns)


def git_head(root: Path) -> Path | None:
    """The file that names the checked-out branch, worktrees included."""
    marker = root / ".git"
    try:
        if marker.is_dir():
            return marker / "HEAD"
        named = marker.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return (root / named).resolve() / "HEAD" if named else None


class Moved(Enum):
    """What happened to a repository."""

    NOTHING = "nothing"
    BRANCH = "branch"
    COMMIT = "commit"


class GitWatch:
    """Notices commits and checkouts of one working tree; `look` costs two stats."""

    def __init__(self, root: Path) -> None:
        self._head = git_head(root)
        self._before = self._now()
        self._unsettled = 0

    def look(self) -> Moved:
        """What happened since the last look.

        A checkout is reported a few times in a row: editors take a moment to reload.
        """
        before, self._before = self._before, self._now()
        if self._before[0] != before[0]:
            self._unsettled = CHECKOUT_LOOKS
        if self._unsettled > 0:
            self._unsettled -= 1
            return Moved.BRANCH
        return Moved.COMMIT if self._before[1] != before[1] else Moved.NOTHING

    def _now(self) -> tuple[Pulse | None, Pulse | None]:
        if self._head is None:
            return None, None
        return pulse(self._head), pulse(self._head.parent / "logs" / "HEAD")


class TreeWatcher:
    """Watches a folder with all below it; `start` it off the loop, `stop` it anywhere."""

    def __init__(
        self,
        root: Path,
        loop: asyncio.AbstractEventLoop,
        on_changed: Callable[[set[Path]], None],
    ) -> None:
        self._root = root
        self._loop = loop
        self._on_changed = on_changed
        self._pending: set[Path] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._observer: BaseObserver | None = None

    def start(self) -> str:
        """Start watching; return "" or a sentence that says why not."""
        from watchdog.events import FileSystemEventHandler
        from watchdog.observers import Observer

        watcher = self

        class Handler(FileSystemEventHandler):
            def on_any_event(self, event: FileSystemEvent) -> None:
                watcher._saw(event)

        observer = Observer()
        try:
            observer.schedule(Handler(), str(self._root), recursive=True)
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

    def _saw(self, event: FileSystemEvent) -> None:
        if event.is_directory or event.event_type in ("opened", "closed_no_write"):
            return
        for raw in (event.src_path, event.dest_path):
            path = Path(os.fsdecode(raw)) if raw else None
            if path is None or any(part in UNSEEN for part in path.parts):
                continue
            try:
                self._loop.call_soon_threadsafe(self._add, path)
            except RuntimeError:  # The loop has closed: the window is going away.
                return

    def _add(self, path: Path) -> None:
        self._pending.add(path)
        if self._timer is None:
            self._timer = self._loop.call_later(SETTLE_S, self._hand_over)

    def _hand_over(self) -> None:
        self._timer = None
        changed, self._pending = self._pending, set()
        self._on_changed(changed)


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
