"""Adapters made ready beside those that serve.

Promises that weights are loaded in a thread of their own, that prompts are read only
while nobody waits for the worker, and that whoever asked hears when it is done or why it
cannot be. Knows no model; the scheduler says when the worker is idle.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from habitus_server.engine import wire
from habitus_server.engine.jobs import Peer
from habitus_server.engine.work import Interrupted, Workshop

_log = logging.getLogger(__name__)


class _Order:
    def __init__(self, peer: Peer, request: wire.Warm) -> None:
        self.peer = peer
        self.request = request
        self.is_loaded = False


class Warming:
    """The adapters that are wanted but not ready, the one asked for first worked on first."""

    def __init__(self, workshop: Workshop, on_loaded: Callable[[], None]) -> None:
        self._workshop = workshop
        self._on_loaded = on_loaded
        self._lock = threading.Lock()
        self._orders: list[_Order] = []

    def add(self, peer: Peer, request: wire.Warm) -> None:
        """Begin with loading."""
        order = _Order(peer, request)
        with self._lock:
            self._orders.append(order)
        threading.Thread(target=self._prepare, args=(order,), name="adapter", daemon=True).start()

    def cancel(self, peer: Peer, request_id: int) -> None:
        """Give one up; the peer that asked for it does not wait any more."""
        for order in self._of(peer):
            if order.request.id == request_id:
                self._end(order, wire.Cancelled(request_id))

    def drop(self, peer: Peer) -> None:
        """Give up all that a departed client asked for."""
        for order in self._of(peer):
            self._end(order, wire.Cancelled(order.request.id))

    @property
    def has_loaded(self) -> bool:
        """Whether there is something to do for an idle worker."""
        return self._next() is not None

    def go_on(self, check: Callable[[], None]) -> None:
        """Work until something is ready or `check` raises `Interrupted`; the worker's thread."""
        order = self._next()
        if order is None:
            return

        def still() -> None:
            check()
            if order not in self._orders:
                raise Interrupted

        try:
            self._workshop.warm(order.request, still)
        except Interrupted:
            return
        except Exception as error:  # noqa: BLE001
            self._fail(order, error)
        else:
            self._end(order, wire.Warmed(order.request.id))

    def _prepare(self, order: _Order) -> None:
        try:
            self._workshop.prepare(order.request.adapter)
        except Exception as error:  # noqa: BLE001
            # The thread's outer door: whoever asked must hear of it.
            self._fail(order, error)
        else:
            order.is_loaded = True
            self._on_loaded()

    def _next(self) -> _Order | None:
        with self._lock:
            return next((order for order in self._orders if order.is_loaded), None)

    def _of(self, peer: Peer) -> list[_Order]:
        with self._lock:
            return [order for order in self._orders if order.peer is peer]

    def _fail(self, order: _Order, error: Exception) -> None:
        _log.warning("%s is not made ready: %s", order.request.adapter.version, error)
        self._end(order, wire.Failed(order.request.id, str(error)))

    def _end(self, order: _Order, answer: wire.Message) -> None:
        with self._lock:
            if order not in self._orders:
                return
            self._orders.remove(order)
        order.peer.reply(answer)
