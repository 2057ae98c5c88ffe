"""Making a workspace's index equal to its files.

Promises that only what the library hands out is put into the index, that what it no longer
allows leaves no byte there, that unchanged files are not read again, and that the newest
files are kept where not all fit. A whole workspace is read in a process of its own (`python
-m habitus_server.indexer`), at the lowest priority: cutting up thousands of files would hold
the interpreter that answers an editor.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from habitus_server.config import Config, Context
from habitus_server.errors import HabitusError
from habitus_server.index import Shelf, Stamp
from habitus_server.library import Library

BATCH_FILES = 32
"""Files of one transaction; between two, others may write and the process may end."""

NEW_SHARE = 0.25
"""With more of the files new, the index is put in order at the end."""

_LANGUAGES = {".py": "python", ".pyi": "python", ".pyw": "python"}


class Order(msgspec.Struct, frozen=True):
    """What the process is asked to do, as JSON on its standard input."""

    root: str
    index: str
    config: Config


class Indexer:
    """One workspace's files and its index; used by one thread at a time."""

    def __init__(self, root: Path, shelf: Shelf, library: Library, limits: Context) -> None:
        self._root = root
        self._shelf = shelf
        self._library = library
        self._limits = limits

    def bring_up_to_date(self, goes_on: Callable[[], bool] = lambda: True) -> int:
        """Look at every file, and return how many were read; raises `StoreError`.

        `goes_on` is asked between batches; what was read until it says no is kept.
        """
        kept = self._shelf.stamps()
        allowed = dict(self._allowed())
        self._remove([path for path in kept if path not in allowed])
        changed = [path for path, stamp in allowed.items() if kept.get(path) != stamp]
        read = 0
        for first in range(0, len(changed), BATCH_FILES):
            if not goes_on():
                break
            with self._shelf.batch():
                batch = changed[first : first + BATCH_FILES]
                read += sum(self._take(path, allowed[path]) for path in batch)
        if read > NEW_SHARE * len(allowed):
            self._shelf.tidy()
        return read

    def update(self, paths: Sequence[str]) -> None:
        """Look at some files that may have changed; raises `StoreError`."""
        with self._shelf.batch():
            for path in paths:
                stamp = self._stamp(path)
                if stamp is None or self._library.why_silent(path):
                    self._remove([path])
                elif stamp != self._shelf.stamp(path):
                    self._take(path, stamp)

    def _allowed(self) -> Iterator[tuple[str, Stamp]]:
        """The files to keep, newest first, within the limits."""
        count = size = 0
        for path in self._library.files():
            stamp = self._stamp(path)
            if stamp is None:
                continue
            count += 1
            size += stamp.size
            if count > self._limits.max_files or size > self._limits.max_bytes:
                return
            yield path, stamp

    def _take(self, path: str, stamp: Stamp) -> bool:
        if self._shelf.refuses(path, stamp):
            return False
        text = self._library.read(path)
        if text is None:
            self._remove([path])
            return False
        self._shelf.put(path, stamp, text, _LANGUAGES.get(Path(path).suffix, ""))
        return True

    def _remove(self, paths: Sequence[str]) -> None:
        """Take files out; without a trace where they exist, and so are not allowed any more."""
        kept = [path for path in paths if self._shelf.stamp(path) is not None]
        if any(self._stamp(path) is not None for path in kept):
            self._shelf.forget(kept)
        elif kept:
            self._shelf.drop(kept)

    def _stamp(self, path: str) -> Stamp | None:
        try:
            stat = (self._root / path).stat()
        except OSError:
            return None
        return Stamp(stat.st_mtime_ns, stat.st_size)


def main() -> int:
    """Read one order and carry it out, while whoever gave it lives."""
    os.nice(19)
    parent = os.getppid()
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    root = Path(order.root)
    try:
        shelf = Shelf(Path(order.index))
        try:
            library = Library(root, order.config, is_inside=True)
            indexer = Indexer(root, shelf, library, order.config.context)
            indexer.bring_up_to_date(lambda: os.getppid() == parent)
        finally:
            shelf.close()
    except HabitusError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
