"""The store's size: limits are kept, what teaches most stays, room goes back to the disk."""

from __future__ import annotations

import multiprocessing
import sqlite3
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from habitus_server.config import Config, Privacy
from habitus_server.lsp.opening import open_workspace
from habitus_server.options import Options
from habitus_server.records import Evidence, Outcome, State
from habitus_server.store import Store, compaction
from habitus_server.upkeep import EVERY_S, look_after
from signals import stored
from signals.scene import suggestion
from signals.test_store_versions import make_old

DAY_S = 86_400.0
NOW = 1_000 * DAY_S


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "signals.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    opened = Store.open(path)
    yield opened
    opened.close()


def offer(store: Store, number: int, at: float, state: State) -> None:
    """One suggestion with a context of several kilobytes, and what became of it."""
    one = suggestion(f"text {number}", f"{state.value}{number}", request=f"{state}{number}", at=at)
    store.add_suggestions([msgspec.structs.replace(one, prefix="p" * 6_000, suffix="s" * 2_000)])
    store.set_state(one.id, state, at, Evidence.REPORTED, "text")
    if state is State.ACCEPTED:
        store.settle(one.id, Outcome.KEPT, 4, "text", at)


def fill(store: Store, rows: int = 150) -> None:
    """As many unused suggestions as used ones, one of each an hour."""
    for number in range(rows):
        at = NOW - 2 * 3_600.0 - 3_600.0 * number
        offer(store, number, at, State.ACCEPTED)
        offer(store, number, at, State.SUPERSEDED)
    store.barrier().result(stored.WAIT_S)


def test_what_is_too_old_goes_from_every_table(store: Store) -> None:
    stored.fill(store, name="old")
    offer(store, 1, NOW - DAY_S, State.ACCEPTED)
    store.add_patterns([stored.pattern("new", at=NOW - DAY_S)])
    store.barrier().result(stored.WAIT_S)
    store.compact(keep_days=30.0, max_bytes=10**9, now=NOW)
    assert [row.suggestion.id for row in store.suggestions()] == ["accepted1"]
    assert [one.id for one in store.patterns()] == ["new"]
    counts = store.counts()
    assert [counts[name] for name in ("landings", "fixes", "decisions", "tasks")] == [0] * 4
    assert store.rejections() == []
    assert store._read("SELECT count(*) FROM contexts") == [(1,)]
    assert store._read("SELECT count(*) FROM events") == [(1,)]


def test_above_the_limit_the_unneeded_goes_first_and_lessons_stay(store: Store, path: Path) -> None:
    fill(store)
    size = path.stat().st_size + path.with_name("signals.db-wal").stat().st_size
    used = store._used_bytes()
    done = store.compact(keep_days=365.0, max_bytes=round(used * 0.7), now=NOW)
    assert done.bytes_before == used
    assert done.bytes_after <= used * 0.7 * compaction.ROOM
    counts = store.counts()
    assert counts["accepted"] == counts["kept"] == 150
    assert {len(row.suggestion.prefix) for row in store.suggestions(settled=True)} == {6_000}
    smaller = path.stat().st_size + path.with_name("signals.db-wal").stat().st_size
    assert smaller < size * 0.7, "the room is the file system's again"


def test_when_only_lessons_are_left_the_oldest_go(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "BATCH_ROWS", 5)
    fill(store, rows=60)
    limit = round(store._used_bytes() * 0.35)
    store.compact(keep_days=365.0, max_bytes=limit, now=NOW)
    assert store._used_bytes() <= limit
    rows = store.suggestions()
    assert {row.state for row in rows} == {State.ACCEPTED}
    assert 0 < len(rows) < 60
    youngest = {f"accepted{number}" for number in range(len(rows))}
    assert {row.suggestion.id for row in rows} == youngest


def test_what_may_still_be_on_a_screen_stays(store: Store) -> None:
    offer(store, 1, NOW - 10.0, State.SHOWN)
    store.barrier().result(stored.WAIT_S)
    store.compact(keep_days=1.0, max_bytes=1, now=NOW)
    assert store.counts()["shown"] == 1


def test_within_the_limits_nothing_goes(store: Store) -> None:
    fill(store, rows=5)
    done = store.compact(keep_days=365.0, max_bytes=10**9, now=NOW)
    assert (done.rows, done.bytes_before) == (0, done.bytes_after)


def test_writers_go_on_while_the_store_is_compacted(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "BATCH_ROWS", 5)
    fill(store, rows=40)
    other = Store.open(path)
    limits = {"keep_days": 365.0, "max_bytes": 1, "now": NOW}
    thread = threading.Thread(target=store.compact, kwargs=limits)
    thread.start()
    for number in range(20):
        offer(other, 1_000 + number, NOW, State.ACCEPTED)
    other.barrier().result(stored.WAIT_S)
    thread.join(stored.WAIT_S)
    assert not thread.is_alive()
    assert store.counts()["suggestions"] == 20
    assert store.problems == other.problems == []
    other.close()


def test_one_window_compacts_and_the_others_wait_an_hour(store: Store, path: Path) -> None:
    other = Store.open(path)
    stored.fill(store)
    store.barrier().result(stored.WAIT_S)
    look_after(store, Privacy(keep_days=30.0), NOW)
    assert store.counts()["suggestions"] == 0
    stored.fill(store)
    store.barrier().result(stored.WAIT_S)
    look_after(other, Privacy(keep_days=30.0), NOW + EVERY_S / 2)
    assert other.counts()["suggestions"] == 1
    look_after(other, Privacy(keep_days=30.0), NOW + 2 * EVERY_S)
    assert other.counts()["suggestions"] == 0
    other.close()


def test_a_database_of_an_earlier_version_gives_its_room_back_too(path: Path) -> None:
    make_old(path, 1, rows=300)
    store = Store.open(path)
    size = path.stat().st_size
    store.compact(keep_days=1.0, max_bytes=10**9, now=NOW)
    assert path.stat().st_size < size / 2
    store.close()
    sql = sqlite3.connect(path)
    assert sql.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    sql.close()


def serve(path: str, name: str, rows: int, start: threading.Event) -> None:
    """What a window does, as fast as it can: offer, react, settle, read."""
    store = Store.open(Path(path))
    start.wait(stored.WAIT_S)
    for number in range(rows):
        one = suggestion("text", f"{name}-{number}", request=f"{name}-{number}", at=float(number))
        store.add_suggestions([one])
        store.set_state(one.id, State.ACCEPTED, float(number), accepted_text="text")
        settled = store.settle(one.id, Outcome.KEPT, 4, "text", number + 40.0)
        store.add_patterns([stored.pattern(f"{name}-{number}")])
        if number % 10 == 0:
            settled.result(stored.WAIT_S)
            assert store.suggestion(one.id) is not None
            assert store.counts()["kept"] >= number // 10
    store.close()
    sys.exit(1 if store.problems else 0)


def test_windows_of_one_workspace_write_at_once_without_loss(path: Path) -> None:
    Store.open(path).close()
    context = multiprocessing.get_context("fork" if sys.platform != "darwin" else "spawn")
    start = context.Event()
    windows = [
        context.Process(target=serve, args=(str(path), f"w{n}", 100, start)) for n in range(4)
    ]
    for window in windows:
        window.start()
    start.set()
    for window in windows:
        window.join(4 * stored.WAIT_S)
    assert [window.exitcode for window in windows] == [0] * 4, "a write was refused"
    store = Store.open(path)
    counts = store.counts()
    assert (counts["suggestions"], counts["kept"], counts["patterns"]) == (400, 400, 400)
    assert store._read("SELECT count(*) FROM events") == [(400,)]
    assert store.problems == []
    store.close()


@pytest.mark.parametrize("is_replay", [True, False])
def test_limits_of_age_hold_for_the_real_clock_only(tmp_path: Path, is_replay: bool) -> None:
    project = tmp_path / "project"
    project.mkdir()
    before = {thread.ident for thread in threading.enumerate()}
    options = Options(replay_clock=is_replay)
    opened = open_workspace(project, tmp_path, Config(), options, is_inside=True)
    new = {thread.name for thread in threading.enumerate() if thread.ident not in before}
    assert opened.store is not None
    opened.store.close()
    assert ("habitus-upkeep" in new) is not is_replay
