"""Databases of earlier versions: opened, damaged, and brought up to date without loss."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from habitus_server.records import Evidence, Outcome, State
from habitus_server.store import Store
from habitus_server.store.database import MIGRATIONS, VERSION
from signals.stored import WAIT_S, fill

OLD_SCHEMAS = {version: Path(__file__).with_name(f"schema_v{version}.sql") for version in (1, 2, 3)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "signals.db"


def make_old(path: Path, version: int, rows: int = 3) -> None:
    """A database as that version left it, with rows in every table that it had."""
    sql = sqlite3.connect(path)
    sql.executescript(OLD_SCHEMAS[version].read_text(encoding="utf-8"))
    sql.execute(f"PRAGMA user_version = {version}")
    for n in range(rows):
        sql.execute("INSERT INTO contexts VALUES (?, 'pre', 'post', ?)", (f"r{n}", n))
        sql.execute(
            "INSERT INTO suggestions (id, request_id, rank, window, path, language, model, adapter,"
            " offered_at, text, logprob, token_count, state, evidence, accepted_text, outcome,"
            " final_text, retained_chars, settled_at, changed_at)"
            " VALUES (?, ?, 0, 'w', 'a.py', 'python', 'm', NULL, ?, ?,"
            " -1.0, 3, 'accepted', 'reported', 'text', 'kept', 'text', 4, ?, ?)",
            (f"s{n}", f"r{n}", n, "text " * 200, n + 40, n + 40),
        )
        sql.execute("INSERT INTO events VALUES (NULL, ?, 'accepted', ?, '{}')", (f"s{n}", n))
        sql.execute(
            "INSERT INTO patterns (id, path, language, prefix, suffix, text, replaced,"
            " session, written_at, settled_at)"
            " VALUES (?, 'a.py', 'python', 'p', 's', 'x', '', 'e', 1.0, 2.0)",
            (f"p{n}",),
        )
    sql.execute("INSERT INTO cycles VALUES (1, 1.0, 2.0, 'published', 'x', 1.0, 'v1', 'ok', '{}')")
    sql.execute("INSERT INTO meta VALUES ('learned_until', '7.0')")
    sql.commit()
    sql.close()


def shape(path: Path) -> dict[str, object]:
    """Columns, indexes and triggers, spelled alike."""
    sql = sqlite3.connect(path)
    made = sql.execute("SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
    found: dict[str, object] = {}
    for kind, name, text in made.fetchall():
        found[f"{kind} {name}"] = (
            sql.execute(f"PRAGMA table_info({name})").fetchall()
            if kind == "table"
            else re.sub(r"\s+", " ", text)
        )
    sql.close()
    return found


def test_every_earlier_version_is_kept_as_test_data_and_has_a_way_up() -> None:
    assert set(MIGRATIONS) == set(OLD_SCHEMAS) == set(range(1, VERSION))


@pytest.mark.parametrize("version", sorted(OLD_SCHEMAS))
def test_a_migrated_database_has_the_shape_of_a_new_one(
    path: Path, tmp_path: Path, version: int
) -> None:
    make_old(path, version)
    Store.open(path).close()
    fresh = tmp_path / "fresh.db"
    Store.open(fresh).close()
    assert shape(path) == shape(fresh)


@pytest.mark.parametrize("version", sorted(OLD_SCHEMAS))
def test_migrating_loses_no_row(path: Path, version: int) -> None:
    make_old(path, version)
    store = Store.open(path)
    assert store.problems == []
    rows = store.suggestions()
    assert [row.suggestion.id for row in rows] == ["s0", "s1", "s2"]
    for row in rows:
        assert (row.state, row.evidence) == (State.ACCEPTED, Evidence.REPORTED)
        assert (row.outcome, row.retained_chars) == (Outcome.KEPT, 4)
        assert (row.rating, row.moved_to, row.suggestion.prefix) == (None, None, "pre")
        assert [event.kind for event in store.events(row.suggestion.id)] == ["accepted"]
    assert [one.origin for one in store.patterns()] == ["typed"] * 3
    assert [one.verdict for one in store.cycles()] == ["ok"]
    assert store.get_meta("learned_until") == "7.0"
    counts = store.counts()
    assert {name: number for name, number in counts.items() if number} == {
        "suggestions": 3,
        "accepted": 3,
        "kept": 3,
        "patterns": 3,
        "cycles": 1,
    }
    fill(store, name="new")
    assert store.barrier().result(WAIT_S) is None
    assert store.counts()["suggestions"] == 4
    store.close()


@pytest.mark.parametrize("version", sorted(OLD_SCHEMAS))
def test_a_damaged_database_of_an_earlier_version_yields_its_rows(path: Path, version: int) -> None:
    make_old(path, version, rows=400)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\xa5" * 8192)
    store = Store.open(path)
    assert any("damaged" in problem for problem in store.problems)
    rows = store.suggestions()
    assert 50 <= len(rows) < 400
    assert store.counts()["kept"] == len(rows)
    store.close()
