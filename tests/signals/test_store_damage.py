"""The store on bad days: damaged files, full disks, folders that cannot be written."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from habitus_server.errors import StoreError
from habitus_server.records import Evidence, Outcome, State
from habitus_server.store import Store, database, writer
from habitus_server.store.tallies import TABLES
from signals import stored
from signals.scene import suggestion

WAIT_S = 30.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "signals.db"


def fill(path: Path, rows: int) -> None:
    """A database of settled suggestions with fields large enough to need many pages."""
    store = Store.open(path)
    for number in range(rows):
        store.add_suggestions([suggestion("text " * 100, f"s{number}", request=f"r{number}")])
        store.set_state(f"s{number}", State.ACCEPTED, 1.0, Evidence.REPORTED, "text " * 100)
        store.settle(f"s{number}", Outcome.KEPT, 500, "text " * 100, 40.0)
    store.barrier().result(WAIT_S)
    store.close()


def scramble_middle(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2 // 4096 * 4096)
        file.write(b"\xa5" * 8192)


def scramble_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"this is no database!" * 10)


def cut_off(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 3 // 4096 * 4096 + 100)


@pytest.mark.parametrize(
    ("damage", "least"), [(scramble_middle, 50), (cut_off, 10), (scramble_header, 0)]
)
def test_a_damaged_database_is_set_aside_and_rebuilt_from_what_can_be_read(
    path: Path, damage: Callable[[Path], None], least: int
) -> None:
    fill(path, 400)
    damage(path)
    store = Store.open(path)
    (problem,) = store.problems
    assert "damaged" in problem
    assert "signals.db.corrupt-1" in problem
    assert path.with_name("signals.db.corrupt-1").exists()
    rows = store.suggestions()
    assert least <= len(rows) < 400
    for row in rows:
        assert row.suggestion.text == "text " * 100
        assert (row.state, row.outcome) == (State.ACCEPTED, Outcome.KEPT)
    store.add_suggestions([suggestion("new", "new")])
    store.set_state("new", State.ACCEPTED, 2.0).result(WAIT_S)
    store.close()
    again = Store.open(path)
    assert again.problems == []
    assert again.suggestion("new") is not None
    again.close()


def test_what_can_be_read_of_every_table_is_recovered(path: Path) -> None:
    store = Store.open(path)
    for number in range(300):
        stored.fill(store, name=f"n{number:03}-")
    store.begin_cycle(1.0)
    whole = store.counts()
    store.close()
    scramble_middle(path)
    store = Store.open(path)
    counts = store.counts()
    for table in TABLES:
        assert 0 < counts[table] <= whole[table], table
        (rows,) = store._read(f"SELECT count(*) FROM {table}")[0]
        assert counts[table] == rows, table
    assert store._read("PRAGMA foreign_key_check") == []
    assert sum(counts[table] for table in TABLES) > sum(whole[table] for table in TABLES) // 2
    store.close()


def test_every_damaged_database_is_kept(path: Path) -> None:
    for number in (1, 2, 3):
        fill(path, 5)
        scramble_header(path)
        Store.open(path).close()
        assert path.with_name(f"signals.db.corrupt-{number}").exists()


def test_a_reader_that_meets_damage_has_it_repaired(path: Path) -> None:
    fill(path, 400)
    store = Store.open(path)
    scramble_middle(path)
    rows = store.suggestions()
    assert 50 <= len(rows) < 400
    assert any("damaged" in problem for problem in store.problems)
    store.close()


def test_a_writer_that_meets_damage_repairs_it_and_writes(path: Path) -> None:
    fill(path, 400)
    store = Store.open(path)
    scramble_middle(path)
    for number in range(0, 400, 7):
        late = store.settle(f"s{number}", Outcome.EDITED, 1, "later", 50.0)
        store.add_suggestions([suggestion("new", f"n{number}", request=f"n{number}")])
        with contextlib.suppress(StoreError):
            late.result(WAIT_S)  # the row itself may be what was lost
    store.barrier().result(WAIT_S)
    rows = {row.suggestion.id: row for row in store.suggestions()}
    assert all(f"n{number}" in rows for number in range(0, 400, 7))
    assert any("damaged" in problem for problem in store.problems)
    store.close()


def test_a_database_that_another_process_replaced_is_opened_anew(path: Path) -> None:
    store = Store.open(path)
    store.add_suggestions([suggestion("x")]).result(WAIT_S)
    for file in path.parent.glob("signals.db*"):
        file.unlink()
    store.add_suggestions([suggestion("y", "b")]).result(WAIT_S)
    assert [row.suggestion.id for row in store.suggestions()] == ["b"]
    assert path.exists()
    store.close()


@pytest.mark.parametrize("is_moved_away", [True, False])
def test_a_rebuild_that_was_interrupted_is_finished_or_begun_again(
    path: Path, is_moved_away: bool
) -> None:
    fill(path, 3)
    shutil.copy(path, path.with_name("signals.db.rebuilding"))
    if is_moved_away:
        path.rename(path.with_name("signals.db.corrupt-1"))
    else:
        path.with_name("signals.db.rebuilding").write_bytes(b"half")
    store = Store.open(path)
    assert store.counts()["suggestions"] == 3
    assert not path.with_name("signals.db.rebuilding").exists()
    store.close()


def test_a_full_disk_is_told_and_tried_again_without_loss(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "FIRST_RETRY_S", 0.05)
    monkeypatch.setattr(writer, "LAST_RETRY_S", 0.05)
    store = Store.open(path)
    store.add_suggestions([suggestion("before", "before")]).result(WAIT_S)
    limit_pages(store, 30)
    failures = 0
    for number in range(60):
        store.add_suggestions([suggestion("text " * 1000, f"s{number}", request=f"r{number}")])
        try:
            store.set_state(f"s{number}", State.ACCEPTED, 1.0).result(WAIT_S)
        except StoreError as error:
            failures += 1
            assert "kept in memory" in str(error)
    assert 0 < failures < 60
    assert any("full" in problem for problem in store.problems)
    assert store.suggestion("before") is not None
    limit_pages(store, 1_000_000)
    store.barrier().result(WAIT_S)
    counts = store.counts()
    assert (counts["suggestions"], counts["accepted"]) == (61, 60)
    store.close()
    assert not any("lost" in problem for problem in store.problems)


def test_writes_recover_by_themselves_when_there_is_room_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "FIRST_RETRY_S", 0.05)
    store = Store.open(path)
    limit_pages(store, 1)
    with pytest.raises(StoreError):
        store.set_meta("key", "x" * 20_000)
    limit_pages(store, 1_000_000)
    deadline = time.monotonic() + WAIT_S
    while store.get_meta("key") is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert store.get_meta("key") is not None
    store.close()


def test_what_a_full_disk_refuses_to_the_end_is_reported_lost(path: Path) -> None:
    store = Store.open(path)
    limit_pages(store, 1)
    with pytest.raises(StoreError):
        store.set_meta("key", "x" * 20_000)
    store.close()
    assert any("1 writes" in problem and "lost" in problem for problem in store.problems)


def test_memory_for_refused_writes_is_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MAX_WAITING", 10)
    store = Store.open(path)
    limit_pages(store, 1)
    futures = [store.add_suggestions([suggestion("t" * 9_000, f"s{n}")]) for n in range(50)]
    for future in futures:
        with pytest.raises(StoreError):
            future.result(WAIT_S)
    store.close()
    assert any("lost" in problem for problem in store.problems)


def test_a_database_locked_for_long_does_not_lose_writes(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 50)
    monkeypatch.setattr(writer, "FIRST_RETRY_S", 0.05)
    store = Store.open(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError):
        store.set_meta("key", "value")
    other.execute("COMMIT")
    other.close()
    store.barrier().result(WAIT_S)
    assert store.get_meta("key") == "value"
    store.close()


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    with pytest.raises(StoreError, match=r"cannot be opened.*nothing is recorded"):
        Store.open(tmp_path / "file" / "signals.db")
    with pytest.raises(StoreError, match="missing"):
        Store.open(tmp_path / "missing" / "signals.db")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_read_only_folder_is_a_clear_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StoreError):
            Store.open(tmp_path / "signals.db")
    finally:
        tmp_path.chmod(0o700)


def test_a_read_only_database_is_a_clear_error(path: Path) -> None:
    path.mkdir()
    with pytest.raises(StoreError, match="cannot be opened"):
        Store.open(path)


def test_a_database_of_a_newer_version_is_left_alone(path: Path) -> None:
    fill(path, 1)
    with sqlite3.connect(path) as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="newer Habitus"):
        Store.open(path)
    assert path.read_bytes() == before


def test_migrations_run_one_by_one_and_all_or_nothing(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(path, 2)
    now = database.VERSION
    first, second = tmp_path / "first.sql", tmp_path / "second.sql"
    first.write_text("ALTER TABLE meta ADD COLUMN one TEXT;", encoding="utf-8")
    second.write_text("ALTER TABLE nowhere ADD COLUMN x;", encoding="utf-8")
    monkeypatch.setattr(database, "VERSION", now + 2)
    monkeypatch.setattr(database, "MIGRATIONS", {now: first, now + 1: second})
    with pytest.raises(StoreError):
        Store.open(path)
    assert version_and_columns(path) == (now + 1, ["key", "value", "one"])
    second.write_text("ALTER TABLE meta ADD COLUMN two TEXT;", encoding="utf-8")
    store = Store.open(path)
    assert store.counts()["suggestions"] == 2
    store.close()
    assert version_and_columns(path) == (now + 2, ["key", "value", "one", "two"])


@pytest.mark.parametrize(
    ("kind", "is_network"), [("ext4", False), ("nfs4", True), ("fuse.sshfs", True)]
)
def test_network_file_systems_are_recognised_by_their_mount(
    tmp_path: Path, kind: str, is_network: bool
) -> None:
    mounts = tmp_path / "mounts"
    spelled = str(tmp_path).replace(" ", "\\040")
    mounts.write_text(f"dev / ext4 rw 0 0\nhost:/x {spelled} {kind} rw 0 0\n", encoding="utf-8")
    assert database._is_on_network(tmp_path / "signals.db", mounts) is is_network


def limit_pages(store: Store, pages: int) -> None:
    """Make the disk full, or roomy, as far as SQLite is concerned."""
    connection = store._writer._connection
    (used,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {used + pages}")


def version_and_columns(path: Path) -> tuple[int, list[str]]:
    connection = sqlite3.connect(path)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    columns = [row[1] for row in connection.execute("PRAGMA table_info(meta)")]
    connection.close()
    return version, columns
