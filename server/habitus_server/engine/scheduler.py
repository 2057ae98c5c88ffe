"""Whose request the model works on next.

Promises that the newest request of a window replaces its older ones, that windows
take turns, that a guess gives way to any other request, that a cancelled request
stops between two tokens, that adapters are made ready only while nothing is asked,
and that the model is loaded when wanted and freed when idle. One worker thread owns
the model; the methods here are called from the event loop's thread. Does not know
sockets: a `Peer` is whatever takes replies.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable

from habitus_server.engine import wire
from habitus_server.engine.jobs import Job, Peer
from habitus_server.engine.warming import Warming
from habitus_server.engine.wire import EngineStatus
from habitus_server.engine.work import Interrupted, Workshop
from habitus_server.errors import HabitusError

RETRY_LOAD_S = 20.0
_log = logging.getLogger(__name__)


class Scheduler:
    """A queue of requests and the thread that works them off."""

    def __init__(
        self,
        workshop: Workshop,
        *,
        model: str,
        unload_after_s: float,
        on_work: Callable[[], None] = lambda: None,
        on_crash: Callable[[], None] = lambda: None,
    ) -> None:
        self._workshop = workshop
        self._model = model
        self._unload_after_s = unload_after_s
        self._on_work = on_work
        self._on_crash = on_crash
        self._changed = threading.Condition()
        self._warming = Warming(workshop, self._wake)
        self._queue: list[Job] = []
        self._running: Job | None = None
        self._turns: dict[tuple[int, str], int] = {}
        self._turn = 0
        self._stopping = False
        self._wants_study = False
        self._studying = False
        self._after_study: list[Callable[[], None]] = []
        self._state = "loading"
        self._detail = "starting"
        self._progress = 0.0
        self._failed_at_s = 0.0
        self._thread = threading.Thread(target=self._work, name="model", daemon=True)

    def start(self) -> None:
        """Start the worker; it loads the model first."""
        self._thread.start()

    def submit(self, peer: Peer, request: wire.Complete | wire.Score) -> None:
        """Queue a request in place of its window's older ones."""
        job = Job(peer, request, time.monotonic())
        with self._changed:
            for older in self._jobs():
                if job.replaces(older):
                    self._cancel(older)
            self._queue.append(job)
            self._changed.notify()

    def warm(self, peer: Peer, request: wire.Warm) -> None:
        """Make an adapter ready while nothing else is to be done."""
        self._warming.add(peer, request)

    def cancel(self, peer: Peer, request_id: int) -> None:
        """Stop one request; a request that has ended already is no error."""
        self._warming.cancel(peer, request_id)
        with self._changed:
            for job in self._jobs():
                if job.peer is peer and job.request.id == request_id:
                    self._cancel(job)

    def drop(self, peer: Peer) -> None:
        """Stop everything that a departed client asked for."""
        self._warming.drop(peer)
        with self._changed:
            for job in self._jobs():
                if job.peer is peer:
                    self._cancel(job)
            for lane in [lane for lane in self._turns if lane[0] == id(peer)]:
                del self._turns[lane]

    def want_study(self) -> None:
        """Say that idle work has come in."""
        with self._changed:
            self._wants_study = True
            self._changed.notify()

    def after_study(self, call: Callable[[], None]) -> None:
        """Call when all idle work that came in so far is done; at once where none will be."""
        with self._changed:
            if self._may_study() or self._studying:
                self._after_study.append(call)
                return
        call()

    def stop(self) -> None:
        """End after the request in flight; whatever else waits is cancelled."""
        with self._changed:
            self._stopping = True
            for job in list(self._queue):
                self._cancel(job)
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(timeout=10.0)

    def status(self, request_id: int) -> EngineStatus:
        """How things stand."""
        vitals = self._workshop.vitals()
        with self._changed:
            return EngineStatus(
                id=request_id,
                state=self._state,
                detail=self._detail,
                model=self._model,
                device=vitals.device,
                adapters=vitals.adapters,
                busy=self._running is not None or bool(self._queue),
                progress=self._progress,
                resident_bytes=vitals.resident_bytes,
                memory_tokens=vitals.memory_tokens,
            )

    def _jobs(self) -> list[Job]:
        return [*self._queue, *([self._running] if self._running else [])]

    def _cancel(self, job: Job) -> None:
        job.cancelled = True
        if job in self._queue:
            self._queue.remove(job)
            job.peer.reply(wire.Cancelled(job.request.id))

    def _work(self) -> None:
        try:
            self._load()
            while self._work_once():
                pass
        except BaseException:
            # A worker that died silently would leave an engine that never answers.
            _log.critical("The engine's worker crashed.", exc_info=True)
            self._on_crash()
            raise

    def _work_once(self) -> bool:
        job = self._next()
        if self._stopping:
            return False
        if job is not None:
            self._serve(job)
        elif self._may_warm():
            self._warming.go_on(self._check_idle)
        elif self._may_study():
            self._study()
        elif self._state == "ready":
            self._workshop.unload()
            self._set("unloaded", "idle; loads again on demand", 0.0)
        return True

    def _next(self) -> Job | None:
        """The job of the lane served longest ago; None when only idle work, or nothing, waits."""
        with self._changed:
            patience = self._unload_after_s if self._state == "ready" else None
            self._changed.wait_for(self._has_news, patience)
            if self._stopping or not self._queue:
                return None
            job = min(
                self._queue, key=lambda j: (j.is_guess, self._turns.get(j.lane, 0), j.arrived_s)
            )
            self._queue.remove(job)
            self._turn += 1
            self._turns[job.lane] = self._turn
            self._running = job
            return job

    def _has_news(self) -> bool:
        return self._stopping or bool(self._queue) or self._may_warm() or self._may_study()

    def _may_warm(self) -> bool:
        return self._state != "loading" and self._warming.has_loaded

    def _may_study(self) -> bool:
        return self._wants_study and self._state == "ready"

    def _serve(self, job: Job) -> None:
        self._on_work()
        try:
            answer = self._answer(job)
        except Interrupted:
            answer = wire.Cancelled(job.request.id)
        except Exception as error:  # noqa: BLE001
            # The worker's outer door: one request fails, the engine goes on.
            _log.exception("A request failed.")
            answer = wire.Failed(
                job.request.id, f"The engine failed on this request: {error} (see its log)."
            )
        with self._changed:
            self._running = None
        job.peer.reply(answer)
        self._on_work()

    def _answer(self, job: Job) -> wire.Message:
        request = job.request

        def check() -> None:
            if job.cancelled:
                raise Interrupted

        def tell(text: str) -> None:
            job.peer.reply(wire.Delta(request.id, text))

        if self._state != "ready":
            recent = time.monotonic() - self._failed_at_s < RETRY_LOAD_S
            if self._state == "unloaded" or not recent:
                self._load()
        if self._state != "ready":
            return wire.Failed(request.id, self._detail)
        check()
        streams = isinstance(request, wire.Complete) and request.stream
        waited_ms = (time.monotonic() - job.arrived_s) * 1e3
        return self._workshop.answer(
            request, check=check, on_text=tell if streams else None, queue_ms=waited_ms
        )

    def _check_idle(self) -> None:
        if self._queue or self._stopping:
            raise Interrupted

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify()

    def _study(self) -> None:
        with self._changed:
            # Unset before looking, so that what comes in meanwhile is not overlooked.
            self._wants_study, self._studying = False, True
        more = True
        try:
            with contextlib.suppress(Interrupted):
                more = self._workshop.study(self._check_idle)
        finally:
            with self._changed:
                self._wants_study = self._wants_study or more
                self._studying = False
                done = [] if self._wants_study else self._after_study
                self._after_study = self._after_study if self._wants_study else []
        for call in done:
            call()

    def _load(self) -> None:
        self._set("loading", "loading the model", 0.0)
        try:
            self._workshop.load(lambda share, what: self._set("loading", what, share))
        except HabitusError as error:
            self._failed_at_s = time.monotonic()
            self._set("failed", str(error), 0.0)
            _log.error("%s", error)
        else:
            self._set("ready", "ready", 1.0)

    def _set(self, state: str, detail: str, progress: float) -> None:
        with self._changed:
            self._state, self._detail, self._progress = state, detail, progress
