"""Training steps aside while its user types.

Promises to hold a run between two batches while an engine on this machine has answered
a moment ago, and never to hold it for good. Knows engines only by the marker files
whose modification time says when they last served.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

LONGEST_WAIT_S = 30.0
"""A batch waits no longer than this, so that a day of typing cannot starve a cycle."""

_POLL_S = 0.2


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
