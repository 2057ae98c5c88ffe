"""One database as its tables use it: a writer's queue and a reader's connection.

Promises that a write's future resolves once its row is on disk, that reads see every
resolved write, and that a reader which meets damage has it repaired. Knows no table.
"""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Self

from habitus_server.errors import StoreError
from habitus_server.store.database import connect_reader, is_damage
from habitus_server.store.writer import Writer

REPAIR_S = 60.0


class Access:
    """An open database; each table's class adds what may be asked of it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = Writer(path)
        self._reader: sqlite3.Connection | None = None
        self._reader_generation = -1
        self._reading = threading.Lock()
        self.closed = threading.Event()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open or make the database; raise `StoreError` where that is impossible."""
        return cls(path)

    @property
    def problems(self) -> list[str]:
        """What the user should know: recoveries, refused writes, slow file systems."""
        return self._writer.problems

    def close(self) -> None:
        """Write what is queued and close."""
        self.closed.set()
        self._writer.close()
        with self._reading:
            if self._reader is not None:
                self._reader.close()
                self._reader = None

    def barrier(self) -> Future[None]:
        """Resolves when every write submitted before it is on disk."""
        return self._writer.submit(lambda _sql: None)

    def data_version(self) -> int:
        """A number that changes whenever anyone has committed, another process included."""
        return int(self._read("PRAGMA data_version")[0][0])

    def _read(self, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
        with self._reading:
            try:
                try:
                    return self._reading_connection().execute(query, values).fetchall()
                except sqlite3.DatabaseError as error:
                    if not is_damage(error):
                        raise
                    self._writer.repair().result(REPAIR_S)
                    return self._reading_connection().execute(query, values).fetchall()
            except (sqlite3.Error, TimeoutError) as error:
                raise StoreError(
                    f"The signal store {self._path} cannot be read ({error}); "
                    "it is checked and repaired when it is opened next."
                ) from error

    def _reading_connection(self) -> sqlite3.Connection:
        if self._reader is None or self._reader_generation != self._writer.generation:
            if self._reader is not None:
                self._reader.close()
            self._reader_generation = self._writer.generation
            self._reader = connect_reader(self._path)
        return self._reader
