"""The one thread that writes to the signal database.

Promises that a write's future resolves only after its commit is on disk, that queued
writes share commits, and that what could not be written (a full disk, a lock held too
long) is kept in memory, within a bound, and tried again. Knows no SQL but transactions.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from habitus_server.errors import StoreError
from habitus_server.store.database import is_damage, open_database

log = logging.getLogger(__name__)

LAZY_S = 0.5
"""How long a write that nobody waits for may stay in memory to share a commit."""
FIRST_RETRY_S = 1.0
LAST_RETRY_S = 30.0
MAX_WAITING = 20_000
"""Writes kept in memory while the disk refuses them; past this the oldest are dropped."""

_Result = TypeVar("_Result")


class _Write:
    __slots__ = ("due", "future", "run")

    def __init__(self, run: Callable[[sqlite3.Connection], Any], due: float) -> None:
        self.run = run
        self.due = due
        self.future: Future[Any] = Future()


class Writer:
    """A queue of writes and the thread that commits them in order."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection, self.problems = open_database(path)
        self._inode = path.stat().st_ino
        self._queue: deque[_Write] = deque()
        self._wake = threading.Condition()
        self._is_closing = False
        self._retry_s = 0.0
        self._retry_at = 0.0
        self._is_suspect = False
        self.dropped = 0
        self.generation = 0
        """Counts reopenings: readers holding a connection of an older one must reconnect."""
        self._thread = threading.Thread(target=self._work, name="habitus-store", daemon=True)
        self._thread.start()

    def submit(
        self, run: Callable[[sqlite3.Connection], _Result], *, lazily: bool = False
    ) -> Future[_Result]:
        """Queue a write. Its future resolves after the commit, or with `StoreError`.

        After an error that may pass the write stays queued and is tried again, although
        its future has already said that it is not on disk yet.
        """
        write = _Write(run, time.monotonic() + (LAZY_S if lazily else 0.0))
        with self._wake:
            if self._is_closing:
                write.future.set_exception(StoreError(f"The signal store {self._path} is closed."))
                return write.future
            self._queue.append(write)
            while len(self._queue) > MAX_WAITING:
                self._drop(self._queue.popleft())
            self._wake.notify()
        return write.future

    def repair(self) -> Future[None]:
        """Check the file and rebuild it if it is damaged; for readers that met damage."""
        self._is_suspect = True
        return self.submit(lambda _connection: None)

    def close(self) -> None:
        """Write what is queued, then close; what the disk still refuses is a problem."""
        with self._wake:
            if self._is_closing:
                return
            self._is_closing = True
            self._wake.notify()
        self._thread.join()
        if self._queue:
            self.problems.append(
                f"{len(self._queue)} writes to {self._path} were lost: the disk refused them."
            )
        self._connection.close()

    def _work(self) -> None:
        while True:
            with self._wake:
                while not self._is_closing and (delay := self._delay()) != 0.0:
                    self._wake.wait(delay)
                batch = list(self._queue)
                self._queue.clear()
                closing = self._is_closing
            if batch:
                self._commit(batch)
            if closing:
                return

    def _delay(self) -> float | None:
        """Seconds until something must be written; None while there is nothing."""
        if not self._queue:
            return None
        fresh = [write.due for write in self._queue if not write.future.done()]
        return max(0.0, min(fresh, default=self._retry_at) - time.monotonic())

    def _commit(self, batch: list[_Write]) -> None:
        try:
            if self._is_suspect or self._is_replaced():
                self._is_suspect = False
                self._reopen()
            try:
                settled = self._transact(batch)
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
                self._reopen()
                settled = self._transact(batch)
        except (OSError, sqlite3.Error, StoreError) as error:
            self._keep(batch, error)
            return
        self._retry_s = 0.0
        for write, result in settled:
            if write.future.done():
                continue
            if isinstance(result, Exception):
                write.future.set_exception(result)
            else:
                write.future.set_result(result)

    def _transact(self, batch: list[_Write]) -> list[tuple[_Write, Any]]:
        """Run a batch in one transaction; a write that is itself wrong fails alone."""
        connection = self._connection
        settled: list[tuple[_Write, Any]] = []
        try:
            connection.execute("BEGIN IMMEDIATE")
            for write in batch:
                connection.execute("SAVEPOINT one")
                try:
                    settled.append((write, write.run(connection)))
                except Exception as error:
                    if not _is_of_the_write(error):
                        raise
                    connection.execute("ROLLBACK TO one")
                    settled.append((write, _as_store_error(error, self._path)))
                connection.execute("RELEASE one")
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
        return settled

    def _keep(self, batch: list[_Write], error: Exception) -> None:
        """Tell the waiting that they are not on disk, and queue everything again."""
        self._retry_s = min(max(self._retry_s * 2, FIRST_RETRY_S), LAST_RETRY_S)
        self._retry_at = time.monotonic() + self._retry_s
        problem = (
            f"The signal store {self._path} cannot be written now ({error}); make room or "
            "access, what waits is kept in memory and tried again."
        )
        if problem not in self.problems:
            self.problems.append(problem)
        with self._wake:
            self._queue.extendleft(reversed(batch))
        for write in batch:
            if not write.future.done():
                write.future.set_exception(StoreError(problem))

    def _drop(self, write: _Write) -> None:
        self.dropped += 1
        if not write.future.done():
            write.future.set_exception(
                StoreError(f"{self._path} has been refusing writes for too long; one was dropped.")
            )

    def _is_replaced(self) -> bool:
        """Whether the path no longer names our file: set aside as damaged, or deleted."""
        try:
            return self._path.stat().st_ino != self._inode
        except FileNotFoundError:
            return True

    def _reopen(self) -> None:
        self._connection.close()
        self._inode = -1  # a failure below must not leave the closed connection in use
        self._connection, problems = open_database(self._path)
        self._inode = self._path.stat().st_ino
        self.problems += problems
        self.generation += 1


def _is_of_the_write(error: Exception) -> bool:
    """Whether a write is itself wrong, rather than the disk or the file that it goes to."""
    if isinstance(error, sqlite3.Error):
        return isinstance(error, (sqlite3.IntegrityError, sqlite3.ProgrammingError))
    return not isinstance(error, OSError)


def _as_store_error(error: Exception, path: Path) -> StoreError:
    if isinstance(error, StoreError):
        return error
    if not isinstance(error, sqlite3.Error):
        log.error("A write to %s was refused", path, exc_info=error)  # and perhaps nobody waits
    return StoreError(f"A write to {path} was refused: {error}.")
