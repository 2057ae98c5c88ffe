"""The signal store: what goes in comes out, also after a crash."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import msgspec
import pytest

from habitus_server.errors import StoreError
from habitus_server.records import (
    CycleState,
    Evidence,
    Outcome,
    Pattern,
    State,
    Task,
    TaskFile,
    TaskKind,
)
from habitus_server.store import MAX_FIELD_CHARS, Store, suggestions
from habitus_server.store.database import SCHEMA, VERSION
from signals.scene import suggestion

WAIT_S = 30.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "signals.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    opened = Store.open(path)
    yield opened
    opened.close()


def pattern(pattern_id: str, settled_at: float = 50.0) -> Pattern:
    return Pattern(
        pattern_id, "a.py", "python", "pre\n", "\npost", "x = 1", "", "s", 40.0, settled_at
    )


def done(*futures: Future[None]) -> None:
    for future in futures:
        future.result(WAIT_S)


def test_a_suggestion_comes_back_as_it_was_offered(store: Store) -> None:
    one = msgspec.structs.replace(suggestion("foo(1)"), adapter="v3", logprob=-2.5)
    done(store.add_suggestions([one]))
    row = store.suggestion("a")
    assert row is not None
    assert row.suggestion == one
    assert (row.state, row.evidence, row.outcome) == (State.OFFERED, None, None)
    assert store.suggestion("nobody") is None


def test_a_life_is_written_down_step_by_step(store: Store) -> None:
    store.add_suggestions([suggestion("foo(1)", at=10.0)])
    store.set_state("a", State.SHOWN, 11.0, Evidence.REPORTED)
    store.set_state("a", State.ACCEPTED, 12.0, Evidence.REPORTED, "foo(1)", {"accepted_at": 11.9})
    store.add_event("a", "retained", 42.0, {"moment": "30s", "chars": 5})
    done(store.settle("a", Outcome.EDITED, 5, "foo(2)", 43.0))
    row = store.suggestion("a")
    assert row is not None
    assert (row.state, row.evidence, row.accepted_text) == (
        State.ACCEPTED,
        Evidence.REPORTED,
        "foo(1)",
    )
    assert (row.outcome, row.retained_chars) == (Outcome.EDITED, 5)
    assert (row.final_text, row.settled_at) == ("foo(2)", 43.0)
    kinds = [(event.kind, event.at) for event in store.events("a")]
    assert kinds == [("shown", 11.0), ("accepted", 12.0), ("retained", 42.0)]
    assert store.events("a")[1].detail == {"accepted_at": 11.9}


def test_offering_a_known_suggestion_again_changes_nothing(store: Store) -> None:
    store.add_suggestions([suggestion("foo(1)")])
    store.set_state("a", State.ACCEPTED, 12.0)
    done(store.add_suggestions([suggestion("other")]), store.barrier())
    row = store.suggestion("a")
    assert row is not None
    assert (row.suggestion.text, row.state) == ("foo(1)", State.ACCEPTED)


def test_what_changed_since_is_found_by_the_last_change(store: Store) -> None:
    for number in range(4):
        store.add_suggestions([suggestion("x", f"s{number}", request=f"r{number}", at=number)])
    store.set_state("s0", State.ACCEPTED, 20.0)
    done(store.settle("s1", Outcome.KEPT, 1, "x", 30.0))
    assert [row.suggestion.id for row in store.suggestions(since=3.0)] == ["s3", "s0", "s1"]
    assert [row.suggestion.id for row in store.suggestions(settled=True)] == ["s1"]
    assert [row.suggestion.id for row in store.suggestions(settled=False)] == ["s2", "s3", "s0"]


def test_alternatives_share_their_context(store: Store) -> None:
    done(store.add_suggestions([suggestion("foo", "a", rank=0), suggestion("bar", "b", rank=1)]))
    store.barrier().result(WAIT_S)
    assert [row.suggestion.prefix for row in store.suggestions()] == ["p", "p"]


def test_contexts_of_what_passed_by_unused_go_after_an_hour(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suggestions, "PRUNE_EVERY", 1)
    for name in ("used", "unused", "passed over"):
        request = "r-used" if name != "unused" else "r-unused"
        store.add_suggestions([suggestion("x", name, request=request)])
        store.set_state(name, State.SUPERSEDED, 1.0)
    store.set_state("used", State.ACCEPTED, 2.0)
    done(store.add_suggestions([suggestion("y", "later", request="r-later", at=3_700.0)]))
    prefixes = {row.suggestion.id: row.suggestion.prefix for row in store.suggestions()}
    assert prefixes == {"used": "p", "passed over": "p", "unused": "", "later": "p"}


def test_patterns_come_back_once_and_in_order(store: Store) -> None:
    store.add_patterns([pattern("p2", 70.0), pattern("p1", 60.0)])
    done(store.add_patterns([pattern("p1", 60.0)]))
    assert store.patterns() == [pattern("p1", 60.0), pattern("p2", 70.0)]
    assert store.patterns(since=65.0) == [pattern("p2", 70.0)]


def test_counts_name_every_state_and_outcome(store: Store) -> None:
    store.add_suggestions([suggestion("x", f"s{n}") for n in range(3)])
    store.set_state("s0", State.ACCEPTED, 2.0)
    store.settle("s0", Outcome.KEPT, 1, "x", 40.0)
    done(store.add_patterns([pattern("p1")]))
    counts = store.counts()
    assert (counts["suggestions"], counts["accepted"], counts["offered"]) == (3, 1, 2)
    assert (counts["kept"], counts["reverted"], counts["patterns"], counts["cycles"]) == (
        1,
        0,
        1,
        0,
    )


def test_fields_are_cut_to_the_side_that_matters(store: Store) -> None:
    long = "".join(chr(97 + n % 26) for n in range(MAX_FIELD_CHARS + 100))
    done(
        store.add_suggestions([msgspec.structs.replace(suggestion("x"), prefix=long, suffix=long)])
    )
    row = store.suggestion("a")
    assert row is not None
    assert row.suggestion.prefix == long[-MAX_FIELD_CHARS:]
    assert row.suggestion.suffix == long[:MAX_FIELD_CHARS]


def test_texts_that_utf8_cannot_hold_do_not_stop_the_others(store: Store) -> None:
    done(store.add_suggestions([suggestion("half \ud83d"), suggestion("zero \0 and 😀", "b")]))
    assert [row.suggestion.text for row in store.suggestions()] == ["half ?", "zero \0 and 😀"]


def test_an_unknown_suggestion_is_refused_alone(store: Store) -> None:
    good = store.add_suggestions([suggestion("x")])
    bad = store.set_state("nobody", State.SHOWN, 1.0)
    orphan = store.add_event("nobody", "retained", 1.0)
    other = store.set_state("a", State.ACCEPTED, 2.0)
    done(good, other)
    for future in (bad, orphan):
        with pytest.raises(StoreError):
            future.result(WAIT_S)
    assert [event.kind for event in store.events("a")] == ["accepted"]


def test_a_resolved_future_is_visible_to_every_other_connection(store: Store, path: Path) -> None:
    for number in range(4):
        done(store.add_suggestions([suggestion("x", f"s{number}")]))
        with sqlite3.connect(path) as other:
            (count,) = other.execute("SELECT count(*) FROM suggestions").fetchone()
        other.close()
        assert count == number + 1


def test_queued_writes_share_commits(store: Store) -> None:
    before = store.data_version()
    futures = [
        store.add_suggestions([suggestion("x", f"s{n}", request=f"r{n}")]) for n in range(300)
    ]
    done(*futures)
    assert store.counts()["suggestions"] == 300
    assert store.data_version() - before < 30


def test_data_version_moves_with_the_writes_of_others(store: Store, path: Path) -> None:
    before = store.data_version()
    assert store.data_version() == before
    other = Store.open(path)
    done(other.request_cycle(5.0))
    other.close()
    assert store.data_version() != before


def test_a_cycle_is_begun_reported_and_finished(store: Store) -> None:
    cycle = store.begin_cycle(10.0)
    store.update_cycle(cycle, stage="training", progress=0.4)
    (running,) = store.cycles(5)
    assert (running.state, running.stage, running.progress) == (CycleState.RUNNING, "training", 0.4)
    store.finish_cycle(cycle, CycleState.PUBLISHED, 20.0, "v1", "Better.", {"bits": -0.1})
    (finished,) = store.cycles()
    assert (finished.state, finished.adapter, finished.verdict) == (
        CycleState.PUBLISHED,
        "v1",
        "Better.",
    )
    assert finished.figures == {"bits": -0.1}
    assert (finished.started_at, finished.finished_at) == (10.0, 20.0)


def test_a_cycle_that_was_interrupted_has_failed_when_the_next_begins(store: Store) -> None:
    first = store.begin_cycle(10.0)
    second = store.begin_cycle(20.0)
    newest, older = store.cycles()
    assert (newest.id, newest.state) == (second, CycleState.RUNNING)
    assert (older.id, older.state, older.finished_at) == (first, CycleState.FAILED, 20.0)


def take(path: str, start: threading.Event, takes: multiprocessing.Queue[bool]) -> None:
    store = Store.open(Path(path))
    start.wait(WAIT_S)
    takes.put(store.take_cycle_request())
    store.close()


def test_a_requested_cycle_is_taken_by_one_process_only(store: Store, path: Path) -> None:
    assert not store.take_cycle_request()
    done(store.request_cycle(1.0), store.request_cycle(2.0))
    context = multiprocessing.get_context("fork" if sys.platform != "darwin" else "spawn")
    start, takes = context.Event(), context.Queue()
    workers = [context.Process(target=take, args=(str(path), start, takes)) for _ in range(3)]
    for worker in workers:
        worker.start()
    start.set()
    answers = sorted(takes.get(timeout=WAIT_S) for _ in workers)
    for worker in workers:
        worker.join(WAIT_S)
    assert answers == [False, False, True]
    assert not store.take_cycle_request()


def test_meta_holds_the_last_value(store: Store) -> None:
    assert store.get_meta("bookmark") is None
    store.set_meta("bookmark", "1")
    store.set_meta("bookmark", "2")
    assert store.get_meta("bookmark") == "2"


def test_reads_work_from_many_threads_while_others_write(store: Store) -> None:
    problems: list[Exception] = []

    def read() -> None:
        try:
            for _ in range(40):
                rows = store.suggestions()
                assert all(row.suggestion.text == "x" for row in rows)
        except Exception as error:  # noqa: BLE001
            problems.append(error)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for number in range(60):
        store.add_suggestions([suggestion("x", f"s{number}", request=f"r{number}")])
        store.set_state(f"s{number}", State.ACCEPTED, 1.0)
    done(store.barrier())
    for reader in readers:
        reader.join(WAIT_S)
    assert problems == []
    assert store.counts()["accepted"] == 60


def test_a_closed_store_refuses_writes_and_reads_again_when_opened(path: Path) -> None:
    first = Store.open(path)
    lazy = first.add_suggestions([suggestion("x")])
    first.close()
    assert lazy.result(0) is None, "closing writes what is queued"
    with pytest.raises(StoreError):
        first.barrier().result(WAIT_S)
    second = Store.open(path)
    assert second.counts()["suggestions"] == 1
    assert second.problems == []
    second.close()


WRITER = """
import sys
from pathlib import Path
from habitus_server.records import State, Suggestion
from habitus_server.store import Store
store = Store.open(Path(sys.argv[1]))
for number in range(100_000):
    name = f"s{number}"
    store.add_suggestions([Suggestion(
        name, name, 0, "w", "a.py", "python", "m", None, float(number), "p", "s", "x", -1.0, 1)])
    store.set_state(name, State.ACCEPTED, float(number), accepted_text="x").result()
    print(number, flush=True)
"""


@pytest.mark.parametrize("lines", [1, 7, 40])
def test_a_killed_process_loses_nothing_that_was_acknowledged(path: Path, lines: int) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert child.stdout is not None
    acknowledged = -1
    for _ in range(lines):
        acknowledged = int(child.stdout.readline())
    child.send_signal(signal.SIGKILL)
    rest = child.stdout.read().split()
    child.wait(WAIT_S)
    child.stdout.close()
    acknowledged = max([acknowledged, *(int(number) for number in rest)])
    store = Store.open(path)
    for number in range(acknowledged + 1):
        row = store.suggestion(f"s{number}")
        assert row is not None
        assert (row.state, row.accepted_text) == (State.ACCEPTED, "x")
    assert store.problems == []
    store.close()


def test_the_schema_is_commented_and_versioned(store: Store, path: Path) -> None:
    schema = SCHEMA.read_text(encoding="utf-8")
    with sqlite3.connect(path) as other:
        tables = other.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        (version,) = other.execute("PRAGMA user_version").fetchone()
        (journal,) = other.execute("PRAGMA journal_mode").fetchone()
    other.close()
    assert (version, journal) == (VERSION, "wal")
    for (table,) in tables:
        above = schema[: schema.index(f"CREATE TABLE {table} (")].rstrip().splitlines()
        assert above[-1].startswith("--"), f"{table} has no comment"


def test_files_are_private(store: Store, path: Path) -> None:
    done(store.barrier(), store.request_cycle(1.0))
    for file in path.parent.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file.name


def test_offering_is_cheap(store: Store) -> None:
    one = msgspec.structs.replace(suggestion("x"), prefix="p" * 6_000, suffix="s" * 2_000)
    begun = time.perf_counter()
    for number in range(1_000):
        name = f"s{number}"
        store.add_suggestions([msgspec.structs.replace(one, id=name, request_id=name)])
    queued_s = time.perf_counter() - begun
    done(store.barrier())
    assert queued_s < 1.0
    assert store.counts()["suggestions"] == 1_000


def test_events_hold_any_json(store: Store) -> None:
    detail = {"why": "typed over", "seen_s": 0.8, "nested": [1, {"é": None}]}
    store.add_suggestions([suggestion("x")])
    done(store.add_event("a", "note", 1.0, detail))
    (event,) = store.events("a")
    assert json.loads(json.dumps(event.detail)) == detail


def test_a_write_that_utf8_cannot_hold_fails_alone(store: Store) -> None:
    save = Task(TaskKind.SAVE, "save", "", "", None, True, 10.0, 0.0, "w")
    before = store.add_task(save, [TaskFile("before.py")])
    wrong = store.add_task(save, [TaskFile(os.fsdecode(b"caf\xe9.py"))])
    after = store.add_task(save, [TaskFile("after.py")])
    with pytest.raises(StoreError, match="was refused"):
        wrong.result(WAIT_S)
    found = [store.task_files(one.result(WAIT_S))[0].path for one in (before, after)]
    assert found == ["before.py", "after.py"]
    assert len(store.tasks()) == 2, "nothing is left of the one that was refused"
