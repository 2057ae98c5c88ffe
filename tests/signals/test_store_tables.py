"""Every table of the store: what goes in comes out, what is known twice is counted once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from habitus_server.errors import StoreError
from habitus_server.records import FileResult, Outcome, Rating, State, SuggestionRow, TaskKind
from habitus_server.records import TaskFile as File
from habitus_server.store import Store
from signals.scene import suggestion
from signals.stored import (
    WAIT_S,
    decision,
    fill,
    fix,
    landing,
    pattern,
    rejection,
    task,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "signals.db")
    opened.add_suggestions([suggestion("foo(1)")]).result(WAIT_S)
    yield opened
    opened.close()


def row(store: Store) -> SuggestionRow:
    found = store.suggestion("a")
    assert found is not None
    return found


def test_the_last_rating_counts_and_every_one_is_an_event(store: Store) -> None:
    store.rate("a", Rating.BAD, "too long", 10.0)
    store.rate("a", Rating.GOOD, None, 11.0).result(WAIT_S)
    assert (row(store).rating, row(store).rating_word, row(store).rated_at) == (
        Rating.GOOD,
        None,
        11.0,
    )
    assert [event.detail for event in store.events("a")] == [
        {"rating": -1, "word": "too long"},
        {"rating": 1, "word": None},
    ]
    assert store.counts()["rated"] == 1


def test_a_note_of_what_is_known_later_leaves_what_was_known_before(store: Store) -> None:
    store.note_parse("a", 2, None, 10.0)
    store.note_parse("a", None, 0, 20.0)
    store.note_diagnostics("a", 1, None, 10.0)
    store.note_diagnostics("a", None, 3, 20.0)
    store.barrier().result(WAIT_S)
    assert (row(store).parse_before, row(store).parse_after) == (2, 0)
    assert (row(store).diagnostics_before, row(store).diagnostics_after) == (1, 3)
    assert store.suggestions(since=20.0) == [row(store)]


def test_a_moved_text_names_its_new_file(store: Store) -> None:
    store.note_move("a", "b/c.py", 10.0).result(WAIT_S)
    assert row(store).moved_to == "b/c.py"
    assert [(event.kind, event.detail) for event in store.events("a")] == [
        ("moved", {"path": "b/c.py"})
    ]


def test_a_note_about_an_unknown_suggestion_is_refused(store: Store) -> None:
    for future in (
        store.rate("nobody", Rating.GOOD, None, 1.0),
        store.note_parse("nobody", 1, 1, 1.0),
        store.note_move("nobody", "b.py", 1.0),
        store.add_landing(landing("nobody")),
        store.undo_landing("a", "c9", "c2", 1.0),
    ):
        with pytest.raises(StoreError):
            future.result(WAIT_S)


def test_a_landing_is_open_until_a_commit_undoes_it(store: Store) -> None:
    store.add_landing(landing())
    store.add_landing(landing(at=999.0)).result(WAIT_S)
    assert store.open_landings() == store.landings() == [landing()]
    store.undo_landing("a", "c1", "c2", 65.0).result(WAIT_S)
    undone = msgspec.structs.replace(landing(), undone_by="c2", undone_at=65.0)
    assert store.open_landings() == []
    assert store.landings(since=62.0) == [undone]
    assert store.landings(since=66.0) == []


def test_a_suggestion_that_landed_is_new_to_the_learner(store: Store) -> None:
    assert store.suggestions(since=60.0) == []
    store.add_landing(landing(at=60.0)).result(WAIT_S)
    assert [one.suggestion.id for one in store.suggestions(since=60.0)] == ["a"]


def test_patterns_say_how_they_came_there(store: Store) -> None:
    pasted = msgspec.structs.replace(pattern("q"), origin="pasted")
    store.add_patterns([pattern("p"), pasted]).result(WAIT_S)
    assert [one.origin for one in store.patterns()] == ["typed", "pasted"]


def test_a_fix_that_comes_back_replaces_what_was_known_of_it(store: Store) -> None:
    again = msgspec.structs.replace(fix(), recurrences=1, effectiveness=0.5, settled_at=99.0)
    store.add_fix(fix())
    store.add_fix(again).result(WAIT_S)
    assert store.fixes() == [again]
    assert store.fixes(since=100.0) == []
    assert store.counts()["fixes"] == 1


def test_a_decision_comes_back_with_its_options_and_later_outcome(store: Store) -> None:
    later = msgspec.structs.replace(decision(), outcome="held", changed_at=200.0)
    store.add_decision(decision())
    store.add_decision(later).result(WAIT_S)
    assert store.decisions() == [later]
    assert store.decisions(since=201.0) == []


def test_tasks_come_back_by_kind_with_their_files(store: Store) -> None:
    command = task(TaskKind.COMMAND, at=80.0)
    first = store.add_task(command).result(WAIT_S)
    second = store.add_task(task(), [File("b.py", 2, 0), File("a.py", 1, 1)]).result(WAIT_S)
    tests = msgspec.structs.replace(task(), id=second)
    assert store.tasks() == [msgspec.structs.replace(command, id=first), tests]
    assert store.tasks(TaskKind.TEST) == store.tasks(since=85.0) == [tests]
    assert store.task_files(second) == [File("a.py", 1, 1), File("b.py", 2, 0)]


def test_only_test_runs_speak_of_a_files_tests(store: Store) -> None:
    store.add_task(task(TaskKind.SAVE), [File("a.py")])
    ran = store.add_task(task(), [File("a.py", 4, 1), File("b.py", 2, 0)]).result(WAIT_S)
    expected = FileResult(msgspec.structs.replace(task(), id=ran), File("a.py", 4, 1))
    assert store.test_results("a.py") == [expected]
    assert store.test_results("a.py", since=91.0) == []


def test_a_rejection_counts_how_often_and_is_removed_by_key_or_altogether(store: Store) -> None:
    store.add_rejection(rejection("k1"))
    store.add_rejection(rejection("k1", at=120.0))
    store.add_rejection(rejection("k2")).result(WAIT_S)
    assert [(one.key, one.times, one.rejected_at) for one in store.rejections()] == [
        ("k2", 1, 95.0),
        ("k1", 2, 120.0),
    ]
    assert store.remove_rejection("k1").result(WAIT_S) == 1
    assert store.remove_rejection("k1").result(WAIT_S) == 0
    assert store.remove_rejection(None).result(WAIT_S) == 1
    assert store.rejections() == []


def test_lessons_of_every_kind_are_counted_once(store: Store) -> None:
    fill(store, name="x")
    store.barrier().result(WAIT_S)
    assert store.count_lessons(0.0) == 4, "a suggestion, a pattern, a fix, a decision"
    assert store.count_lessons(43.5) == 4, "a rating makes an older suggestion new again"
    assert store.count_lessons(75.0) == 1
    assert store.count_lessons(80.0) == 0


def test_counts_follow_every_change(store: Store) -> None:
    fill(store, name="x")
    fill(store, name="y")
    store.begin_cycle(99.0)
    store.set_state("xa", State.TYPED_THROUGH, 50.0)
    store.settle("ya", Outcome.REVERTED, 0, "", 51.0)
    store.remove_rejection("xk").result(WAIT_S)
    counts = store.counts()
    assert {name: number for name, number in counts.items() if number} == {
        "suggestions": 3,
        "offered": 1,
        "typed_through": 1,
        "accepted": 1,
        "kept": 1,
        "reverted": 1,
        "rated": 2,
        "landings": 2,
        "patterns": 2,
        "fixes": 2,
        "decisions": 2,
        "tasks": 2,
        "rejections": 1,
        "cycles": 1,
    }
    for one in (*State, *Outcome):
        assert one.value in counts


def test_the_queries_that_are_asked_often_read_no_whole_table(store: Store) -> None:
    for query in (
        "SELECT count(*) FROM suggestions WHERE settled_at > 5",
        "SELECT count(*) FROM suggestions WHERE rated_at > 5 AND coalesce(settled_at, 5) <= 5",
        "SELECT * FROM suggestions s WHERE s.changed_at >= 5 ORDER BY s.changed_at, s.rowid",
        "SELECT * FROM contexts WHERE offered_at BETWEEN 5 AND 6",
        "SELECT * FROM task_files f JOIN tasks t ON t.id = f.task_id WHERE f.path = 'a'",
    ):
        plan = " ".join(str(step[3]) for step in store._read(f"EXPLAIN QUERY PLAN {query}"))
        assert "SEARCH" in plan
        assert "SCAN" not in plan
        assert "TEMP B-TREE" not in plan
