"""Small facts by name: a requested cycle, the learner's bookmarks."""

from __future__ import annotations

import sqlite3
from concurrent.futures import Future

from habitus_server.store.access import Access
from habitus_server.store.fields import storable

_REQUESTED = "cycle_requested_at"
_WARM_UP = "warm_up_requested"
_STOP = "stop_requested_at"
_STEP = "step_at"


class Facts(Access):
    """The table `meta`."""

    def request_cycle(self, at: float) -> Future[None]:
        """Ask the learner for a cycle soon; asking twice is asking once."""
        return self._writer.submit(lambda sql: _set(sql, _REQUESTED, repr(at)))

    def take_cycle_request(self) -> bool:
        """Whether a cycle was asked for; only one taker gets the yes."""
        return self._take(_REQUESTED) is not None

    def request_warm_up(self, until: str) -> Future[None]:
        """Ask the learner to learn the repository's past, up to a commit."""
        return self._writer.submit(lambda sql: _set(sql, _WARM_UP, until))

    def take_warm_up_request(self) -> str | None:
        """Up to which commit a warm-up was asked for; only one taker gets it."""
        return self._take(_WARM_UP)

    def request_stop(self, at: float) -> Future[None]:
        """Ask the learner to give up what it is at."""
        return self._writer.submit(lambda sql: _set(sql, _STOP, repr(at)))

    def take_stop_request(self) -> bool:
        """Whether the learner was asked to stop; only one taker gets the yes."""
        return self._take(_STOP) is not None

    def note_step(self, at: float) -> Future[None]:
        """Tell the learner that a step of the work (a save, a test run, a commit) was done."""
        return self._writer.submit(lambda sql: _set(sql, _STEP, repr(at)))

    def last_step(self) -> str:
        """What changes with every step of the work."""
        return self.get_meta(_STEP) or ""

    def set_meta(self, key: str, value: str) -> None:
        """Remember a small fact by name; returns when it is on disk."""
        self._writer.submit(lambda sql: _set(sql, key, value)).result()

    def get_meta(self, key: str) -> str | None:
        """A small fact, or None."""
        rows = self._read("SELECT value FROM meta WHERE key = ?", (key,))
        return str(rows[0][0]) if rows else None

    def _take(self, key: str) -> str | None:
        value = self.get_meta(key)
        if value is None:
            return None
        is_ours = self._writer.submit(
            lambda sql: sql.execute("DELETE FROM meta WHERE key = ?", (key,)).rowcount == 1
        ).result()
        return value if is_ours else None


def _set(sql: sqlite3.Connection, key: str, value: str) -> None:
    sql.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, storable(value)))
