"""Documents on their way into memory, on threads of their own.

Promises that they are taken in the order in which they were sent, and that a request
need not wait for them, nor they for merges that take seconds. Knows memory as `Keeper`
and no model.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from habitus_server.engine import wire

_log = logging.getLogger(__name__)

MERGE_AFTER_S = 0.5
"""Merging begins when nothing has been taken in for this long."""

Item = wire.Remember | wire.Forget | Callable[[], None]


class Keeper(Protocol):
    """What the thread feeds."""

    def remember(self, workspace: str, path: str, text: str, *, learn: bool) -> None:
        """Put a document into memory."""

    def forget(self, workspace: str, path: str) -> None:
        """Drop a document, or all when `path` is ""."""

    def tidy(self) -> bool:
        """Do a little housekeeping; False when none is left."""

    def merge(self) -> bool:
        """Do what takes long, beside the taking in; False when none is left."""


class Intake:
    """A queue in front of memory; nothing moves before `open` says where to."""

    def __init__(self) -> None:
        self._keeper: Keeper | None = None
        self._items: deque[Item] = deque()
        self._changed = threading.Condition()
        self._working = False
        self._has_given_up = False
        self._taken = threading.Event()
        self._thread = threading.Thread(target=self._work, name="intake", daemon=True)
        self._merger = threading.Thread(target=self._merge, name="merger", daemon=True)

    def open(self, keeper: Keeper) -> None:
        """Begin to take in."""
        with self._changed:
            first = self._keeper is None
            self._keeper = keeper
            self._has_given_up = False
            self._changed.notify_all()
        if first:
            self._thread.start()
            self._merger.start()

    def put(self, item: Item) -> None:
        """Queue a document, or a call to make when all before it is taken in."""
        with self._changed:
            if not (self._has_given_up and callable(item)):
                self._items.append(item)
                self._changed.notify_all()
                return
        item()

    def give_up(self) -> None:
        """There will be no memory for now: documents wait, and nobody waits for them."""
        with self._changed:
            if self._keeper is not None:
                return
            self._has_given_up = True
            calls = [item for item in self._items if callable(item)]
            self._items = deque(item for item in self._items if not callable(item))
        for call in calls:
            call()

    def wait(self, timeout_s: float, *, backlog: int) -> None:
        """Wait until all is taken in, unless more than `backlog` items wait, or too long."""
        with self._changed:
            if len(self._items) <= backlog:
                self._changed.wait_for(lambda: not self._items and not self._working, timeout_s)

    def _work(self) -> None:
        tidies = False
        while True:
            with self._changed:
                self._working = False
                self._changed.notify_all()
                if not tidies:
                    self._changed.wait_for(lambda: bool(self._items))
                item = self._items.popleft() if self._items else None
                self._working = item is not None
                keeper = self._keeper
            assert keeper is not None
            try:
                tidies = self._take(keeper, item)
            except Exception:  # noqa: BLE001
                # The thread's outer door: a document that cannot be read is left out.
                _log.exception("A document could not be taken into memory.")
                tidies = False

    def _merge(self) -> None:
        while True:
            self._taken.wait()
            # While documents stream in, what is merged now would be merged again.
            while self._taken.is_set():
                self._taken.clear()
                time.sleep(MERGE_AFTER_S)
            keeper = self._keeper
            assert keeper is not None
            try:
                while not self._taken.is_set() and keeper.merge():
                    pass
            except Exception:  # noqa: BLE001
                # The thread's outer door: memory is searched in more pieces than it need be.
                _log.exception("Memory's segments could not be merged.")

    def _take(self, keeper: Keeper, item: Item | None) -> bool:
        if item is None:
            return keeper.tidy()
        self._taken.set()
        if isinstance(item, wire.Remember):
            keeper.remember(item.workspace, item.path, item.text, learn=item.learn)
        elif isinstance(item, wire.Forget):
            keeper.forget(item.workspace, item.path)
        else:
            item()
        return True
