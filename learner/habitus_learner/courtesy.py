"""Training steps aside for whoever uses the machine.

Promises to hold a run between two batches while an engine on this machine has answered
a moment ago, never to hold it for good, and to leave the processor to others when they
want it. Knows engines only by the marker files whose modification time says when they
last served.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

LONGEST_WAIT_S = 30.0
"""A batch waits no longer than this, so that a day of typing cannot starve a cycle."""

_POLL_S = 0.2
_NICENESS = 10
_SESSION_NICENESS = 5
"""A third of what an ordinary session gets, when both want the processor."""


def stand_back() -> None:
    """Let every other process go first; for a process that does nothing but train.

    Where Linux groups processes by session, niceness counts within a session only: the
    process gets a session of its own, and that group is made nice as a whole.
    """
    os.nice(_NICENESS)
    with contextlib.suppress(OSError):
        os.setsid()
        Path("/proc/self/autogroup").write_text(str(_SESSION_NICENESS), encoding="ascii")


class Courtesy:
    """Waits while any `*.busy` marker in a folder is younger than `idle_seconds`."""

    def __init__(
        self,
        markers: Path | None,
        idle_seconds: float,
        *,
        now: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._markers = markers
        self._idle_seconds = idle_seconds
        self._now = now
        self._sleep = sleep

    def wait(self) -> float:
        """Return once nobody types; the seconds that were waited."""
        waited = 0.0
        while waited < LONGEST_WAIT_S and self.is_busy():
            self._sleep(_POLL_S)
            waited += _POLL_S
        return waited

    def is_busy(self) -> bool:
        """Whether an engine served within the last `idle_seconds`."""
        if self._markers is None:
            return False
        limit = self._now() - self._idle_seconds
        return any(_modified_at(path) > limit for path in self._markers.glob("*.busy"))


def _modified_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
