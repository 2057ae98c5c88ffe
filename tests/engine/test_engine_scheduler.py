"""Whose turn it is: newest wins, windows alternate, cancels stop, idle models go."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from habitus_server.engine import wire
from habitus_server.engine.scheduler import Scheduler
from habitus_server.engine.wire import Complete, Place, Score
from habitus_server.engine.work import Vitals
from habitus_server.errors import ModelError
from habitus_server.records import AdapterRef

PLACE = Place("w", "a.py", "python", "", "")
CHUNKS = 40
"""What warming an adapter takes at the desk."""


class Desk:
    """A workshop whose work lasts until the test lets it go on."""

    def __init__(self) -> None:
        self.done: list[int] = []
        self.loads = 0
        self.unloads = 0
        self.studies = 0
        self.prepared: list[str] = []
        self.prepare_error: ModelError | None = None
        self.chunks = 0
        self.load_error: ModelError | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Event()

    def load(self, progress: Callable[[float, str], None]) -> None:
        self.loads += 1
        if self.load_error:
            raise self.load_error

    def unload(self) -> None:
        self.unloads += 1

    def answer(
        self,
        request: Complete | Score,
        *,
        check: Callable[[], None],
        on_text: Callable[[str], None] | None,
        queue_ms: float,
    ) -> wire.Message:
        self.begun.set()
        while not self.gate.wait(0.002):
            check()
        check()
        if isinstance(request, Score) and request.middle == "broken":
            raise ZeroDivisionError("division by zero")
        self.done.append(request.id)
        return wire.Scored(request.id, 0.0, 0, 0)

    def prepare(self, adapter: AdapterRef) -> None:
        if self.prepare_error:
            raise self.prepare_error
        self.prepared.append(adapter.version)

    def warm(self, request: wire.Warm, check: Callable[[], None]) -> None:
        while self.chunks < CHUNKS:
            check()
            self.chunks += 1
            time.sleep(0.002)

    def study(self, check: Callable[[], None]) -> bool:
        check()
        self.studies += 1
        return self.studies < 3

    def vitals(self) -> Vitals:
        return Vitals()


class Client:
    def __init__(self) -> None:
        self.replies: list[wire.Message] = []

    def reply(self, message: wire.Message) -> None:
        self.replies.append(message)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def scheduler(desk: Desk) -> Iterator[Scheduler]:
    made = Scheduler(desk, model="m", unload_after_s=30.0)
    made.start()
    yield made
    desk.gate.set()
    made.stop()


def ask(number: int, window: str = "w", *, is_guess: bool = False) -> Complete:
    return Complete(number, window, PLACE, is_guess=is_guess)


def until(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5.0
    while not claim():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.002)


def held(desk: Desk, scheduler: Scheduler, client: Client) -> None:
    """Keep the worker busy with request 0 of another window."""
    desk.gate.clear()
    scheduler.submit(client, ask(0, "holder"))
    assert desk.begun.wait(5.0)


def test_the_newest_request_of_a_window_replaces_the_waiting_and_the_running_one(
    desk: Desk, scheduler: Scheduler
) -> None:
    client = Client()
    desk.gate.clear()
    scheduler.submit(client, ask(1))
    assert desk.begun.wait(5.0)
    for number in (2, 3, 4):
        scheduler.submit(client, ask(number))
    desk.gate.set()
    until(lambda: len(client.replies) == 4)
    assert desk.done == [4]
    cancelled = {reply.id for reply in client.replies if isinstance(reply, wire.Cancelled)}
    assert cancelled == {1, 2, 3}


def test_a_guess_gives_way_to_any_request_that_somebody_waits_for(
    desk: Desk, scheduler: Scheduler
) -> None:
    client, other = Client(), Client()
    desk.gate.clear()
    scheduler.submit(client, ask(1, is_guess=True))
    assert desk.begun.wait(5.0)
    scheduler.submit(other, ask(2))
    desk.gate.set()
    until(lambda: bool(client.replies and other.replies))
    assert client.replies == [wire.Cancelled(1)]
    assert desk.done == [2]


def test_a_guess_replaces_no_request_and_waits_for_those_of_all_windows(
    desk: Desk, scheduler: Scheduler
) -> None:
    client = Client()
    held(desk, scheduler, client)
    scheduler.submit(client, ask(1, "one"))
    scheduler.submit(client, ask(2, "one", is_guess=True))
    scheduler.submit(client, Score(3, PLACE, "x"))
    desk.gate.set()
    until(lambda: len(desk.done) == 4)
    assert desk.done == [0, 1, 3, 2]


def test_other_windows_and_scores_are_not_replaced(desk: Desk, scheduler: Scheduler) -> None:
    client = Client()
    held(desk, scheduler, client)
    scheduler.submit(client, ask(1, "one"))
    scheduler.submit(client, ask(2, "two"))
    scheduler.submit(client, Score(3, PLACE, "x"))
    scheduler.submit(client, Score(4, PLACE, "x"))
    desk.gate.set()
    until(lambda: len(desk.done) == 5)
    assert sorted(desk.done) == [0, 1, 2, 3, 4]


def test_windows_of_the_same_name_in_two_clients_are_two_windows(
    desk: Desk, scheduler: Scheduler
) -> None:
    first, second = Client(), Client()
    held(desk, scheduler, first)
    scheduler.submit(first, ask(1))
    scheduler.submit(second, ask(1))
    desk.gate.set()
    until(lambda: len(desk.done) == 3)
    assert len(second.replies) == 1


def test_a_window_that_asks_much_does_not_keep_another_waiting(
    desk: Desk, scheduler: Scheduler
) -> None:
    client = Client()
    held(desk, scheduler, client)
    for number in range(1, 6):
        scheduler.submit(client, Score(number, PLACE, "x"))
    scheduler.submit(client, ask(6, "patient"))
    desk.gate.set()
    until(lambda: len(desk.done) == 7)
    assert desk.done.index(6) <= 2


def test_a_cancelled_request_stops_and_says_so(desk: Desk, scheduler: Scheduler) -> None:
    client = Client()
    held(desk, scheduler, client)
    scheduler.submit(client, ask(1))
    scheduler.cancel(client, 1)
    assert client.replies == [wire.Cancelled(1)]
    scheduler.cancel(client, 0)
    until(lambda: client.replies[1:] == [wire.Cancelled(0)])
    scheduler.cancel(client, 77)
    assert desk.done == []


def test_a_departed_client_leaves_no_work_behind(desk: Desk, scheduler: Scheduler) -> None:
    leaver, stayer = Client(), Client()
    held(desk, scheduler, leaver)
    scheduler.submit(leaver, ask(1))
    scheduler.submit(stayer, ask(2))
    scheduler.drop(leaver)
    desk.gate.set()
    until(lambda: len(stayer.replies) == 1)
    assert desk.done == [2]
    assert not any(isinstance(reply, wire.Scored) for reply in leaver.replies)


def test_a_failing_request_costs_only_itself(desk: Desk, scheduler: Scheduler) -> None:
    client = Client()
    scheduler.submit(client, Score(1, PLACE, "broken"))
    scheduler.submit(client, Score(2, PLACE, "fine"))
    until(lambda: len(client.replies) == 2)
    failed = client.replies[0]
    assert isinstance(failed, wire.Failed)
    assert "division by zero" in failed.message
    assert desk.done == [2]


def test_a_model_that_cannot_be_loaded_fails_requests_with_the_reason(desk: Desk) -> None:
    desk.load_error = ModelError("The model m is missing. Choose another.")
    scheduler = Scheduler(desk, model="m", unload_after_s=30.0)
    scheduler.start()
    client = Client()
    scheduler.submit(client, ask(1))
    until(lambda: bool(client.replies))
    assert client.replies == [wire.Failed(1, "The model m is missing. Choose another.")]
    assert scheduler.status(2).state == "failed"
    scheduler.stop()


def test_an_idle_model_is_freed_and_comes_back_on_demand(desk: Desk) -> None:
    scheduler = Scheduler(desk, model="m", unload_after_s=0.05)
    scheduler.start()
    client = Client()
    until(lambda: scheduler.status(1).state == "unloaded")
    scheduler.submit(client, ask(1))
    until(lambda: desk.done == [1])
    assert desk.loads == 2
    until(lambda: desk.unloads == 2)
    scheduler.stop()


def test_idle_work_is_done_when_nobody_asks_and_announced_when_done(
    desk: Desk, scheduler: Scheduler
) -> None:
    client = Client()
    until(lambda: scheduler.status(1).state == "ready")
    held(desk, scheduler, client)
    scheduler.want_study()
    announced = threading.Event()
    scheduler.after_study(announced.set)
    assert not announced.wait(0.05)
    desk.gate.set()
    assert announced.wait(5.0)
    assert desk.studies == 3
    again = threading.Event()
    scheduler.after_study(again.set)
    assert again.is_set()


def warm(number: int) -> wire.Warm:
    return wire.Warm(number, "w", AdapterRef("v2", "/v2"))


def test_making_an_adapter_ready_gives_way_to_requests_and_goes_on_after_them(
    desk: Desk, scheduler: Scheduler
) -> None:
    typist, learner = Client(), Client()
    until(lambda: scheduler.status(1).state == "ready")
    scheduler.warm(learner, warm(1))
    until(lambda: desk.chunks > 0)
    for asked in range(1, 6):
        before = desk.chunks
        scheduler.submit(typist, ask(asked))
        until(lambda count=asked: len(desk.done) == count)  # type: ignore[misc]
        assert desk.chunks <= before + 2, "the request waited for more than a chunk"
        assert learner.replies == []
    until(lambda: bool(learner.replies))
    assert learner.replies == [wire.Warmed(1)]
    assert desk.chunks == CHUNKS, "what was done was not done again"
    assert desk.prepared == ["v2"]


def test_an_adapter_that_cannot_be_loaded_is_said_to_be_so(
    desk: Desk, scheduler: Scheduler
) -> None:
    client = Client()
    until(lambda: scheduler.status(1).state == "ready")
    desk.prepare_error = ModelError("The adapter v2 is refused.")
    scheduler.warm(client, warm(1))
    until(lambda: bool(client.replies))
    assert client.replies == [wire.Failed(1, "The adapter v2 is refused.")]


def test_an_adapter_that_nobody_waits_for_any_more_is_left(
    desk: Desk, scheduler: Scheduler
) -> None:
    client, gone = Client(), Client()
    until(lambda: scheduler.status(1).state == "ready")
    held(desk, scheduler, client)
    scheduler.warm(client, warm(7))
    scheduler.warm(gone, warm(8))
    scheduler.cancel(client, 7)
    scheduler.drop(gone)
    desk.gate.set()
    until(lambda: desk.done == [0])
    assert client.replies[0] == wire.Cancelled(7)
    scheduler.submit(client, ask(1))
    until(lambda: desk.done == [0, 1])
    assert desk.chunks == 0


def test_a_crash_of_the_worker_is_reported(desk: Desk) -> None:
    def explode(progress: Callable[[float, str], None]) -> None:
        raise MemoryError

    desk.load = explode  # type: ignore[method-assign]
    crashed = threading.Event()
    scheduler = Scheduler(desk, model="m", unload_after_s=1.0, on_crash=crashed.set)
    threading.excepthook, kept = lambda _: None, threading.excepthook
    try:
        scheduler.start()
        assert crashed.wait(5.0)
    finally:
        scheduler.stop()
        threading.excepthook = kept
