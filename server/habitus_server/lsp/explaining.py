"""Why the last places of a workspace showed a suggestion or none, for whoever asks.

The newest is also written to a file, at most once a second, so that `habitus why` can tell
without the window. It holds no text of any document, and no path of one that is ignored.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import msgspec

from habitus_server.session import Snapshot
from habitus_server.whys import Place, Stage, Why

log = logging.getLogger(__name__)

NOT_FINAL = (Stage.SUPERSEDED, Stage.DEBOUNCED)


class Explaining:
    """One root's reasons; all calls on the event loop."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last: Place | None = None
        self._file: Path | None = None
        self._is_written = True

    @property
    def last(self) -> Place | None:
        """The newest place that was asked about."""
        return self._last

    def write_to(self, file: Path) -> None:
        """From now on the newest is in a file."""
        self._file = file

    def note(self, snapshot: Snapshot, why: Why) -> None:
        """A request has ended."""
        line = snapshot.document.buffer.line_at(snapshot.start) + 1
        path = "" if why.stage is Stage.IGNORED else snapshot.path
        place = Place(self._clock(), path, line, why)
        if why.stage in NOT_FINAL and self._last is not None and _is_near(self._last, place):
            return  # What came of the key after it says more.
        self._last = place
        self._is_written = False

    async def write(self) -> None:
        """Write the newest, if it is new."""
        if self._is_written or self._file is None or self._last is None:
            return
        self._is_written = True
        try:
            await asyncio.to_thread(_write, self._file, self._last)
        except OSError as error:
            log.info("%s was not written: %s", self._file, error)


def _is_near(last: Place, place: Place) -> bool:
    return last.path == place.path and last.line == place.line


def _write(file: Path, place: Place) -> None:
    draft = file.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_bytes(msgspec.json.encode(place))
    draft.replace(file)
