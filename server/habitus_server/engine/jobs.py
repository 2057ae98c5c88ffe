"""One request that waits for the model, and which others it makes useless."""

from __future__ import annotations

from typing import Protocol

from habitus_server.engine import wire


class Peer(Protocol):
    """One client; replies may come from any thread."""

    def reply(self, message: wire.Message) -> None:
        """Send a message, or drop it when the client has gone."""


class Job:
    """A request of a peer; `arrived_s` is on the monotonic clock."""

    def __init__(self, peer: Peer, request: wire.Complete | wire.Score, arrived_s: float) -> None:
        self.peer = peer
        self.request = request
        self.arrived_s = arrived_s
        self.cancelled = False

    @property
    def is_guess(self) -> bool:
        """Whether nobody waits for the answer."""
        return isinstance(self.request, wire.Complete) and self.request.is_guess

    def replaces(self, older: Job) -> bool:
        """Whether an older request is of no use now that this one has come."""
        if not (_is_completion(self) and _is_completion(older)):
            return False
        if older.is_guess and not self.is_guess:
            return True
        return self.lane == older.lane and self.is_guess <= older.is_guess

    @property
    def lane(self) -> tuple[int, str]:
        """Requests of one lane come from one window, or measure for one peer."""
        window = self.request.window if isinstance(self.request, wire.Complete) else ""
        return id(self.peer), window


def _is_completion(job: Job) -> bool:
    return isinstance(job.request, wire.Complete)
