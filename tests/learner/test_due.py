from __future__ import annotations

import pytest

from habitus_learner.course import BOOKMARK
from habitus_learner.cycle import Situation, all_examples, is_due, new_examples
from habitus_server.config import Learning
from habitus_server.records import Outcome, Rating, State, Task, TaskKind
from habitus_server.store import Store
from learner.made_rows import decision, fix, landing, pattern, suggestion

DAY_S = 86_400.0


@pytest.mark.parametrize(
    ("situation", "expected"),
    [
        # waiting, waited for, requested, idle → due
        ((0, 0.0, False, True), False),
        ((99, 0.0, False, True), False),
        ((100, 0.0, False, True), True),
        ((100, 0.0, False, False), False),
        ((1, DAY_S - 1.0, False, True), False),
        ((1, DAY_S, False, True), True),
        ((1, DAY_S, False, False), False),
        ((0, DAY_S, False, True), False),
        ((0, 0.0, True, True), True),
        ((0, 0.0, True, False), True),
    ],
)
def test_a_cycle_is_due(situation: tuple[int, float, bool, bool], expected: bool) -> None:
    assert (is_due(Situation(*situation), Learning()) is not None) is expected


def test_learning_that_is_switched_off_is_due_only_when_asked_for() -> None:
    off = Learning(enabled=False)
    assert is_due(Situation(500, DAY_S, False, True), off) is None
    assert is_due(Situation(0, 0.0, True, True), off) is not None


def test_the_reason_says_what_made_it_due() -> None:
    many = is_due(Situation(120, 0.0, False, True), Learning())
    old = is_due(Situation(3, 25 * 3600.0, False, True), Learning())
    assert many is not None and many.reason == "120 new examples"
    assert old is not None and old.reason == "3 new examples since 25 h"


def test_only_lessons_that_no_cycle_has_seen_are_new(store: Store) -> None:
    store.add_patterns([pattern(1), pattern(2, text="b = 2\n")]).result()
    assert len(new_examples(store)) == 2
    store.set_meta(BOOKMARK, repr(pattern(1).settled_at))
    assert [e.id for e in new_examples(store)] == ["pattern:p2"]


def bookmarked(store: Store) -> None:
    """One kept suggestion, which a cycle has seen."""
    store.add_suggestions([suggestion()])
    store.set_state("s1", State.ACCEPTED, 101.0, accepted_text="read(path)")
    store.settle("s1", Outcome.KEPT, 10, "read(path)", 700.0).result()
    assert [e.id for e in all_examples(store)] == ["success:s1"]
    store.set_meta(BOOKMARK, repr(max(e.changed_at for e in all_examples(store))))
    assert new_examples(store) == []


def test_a_rating_makes_an_old_lesson_new(store: Store) -> None:
    bookmarked(store)
    store.rate("s1", Rating.BAD, "wrong", 5_000.0).result()
    assert [e.id for e in new_examples(store)] == ["failure:s1"]


def test_text_that_a_commit_took_out_again_is_a_new_lesson(store: Store) -> None:
    bookmarked(store)
    store.add_landing(landing()).result()
    assert new_examples(store) == []
    store.undo_landing("s1", "c1", "c2", 6_000.0).result()
    assert [e.id for e in new_examples(store)] == ["failure:s1"]


def test_fixes_and_decisions_are_new_until_a_cycle_has_seen_them(store: Store) -> None:
    store.add_fix(fix(1)).result()
    store.add_decision(decision(1)).result()
    assert {e.kind.value for e in new_examples(store)} == {"bug fix", "decision"}
    store.set_meta(BOOKMARK, repr(max(e.changed_at for e in all_examples(store))))
    assert new_examples(store) == []
    store.add_decision(decision(1, outcome="It held.", changed_at=7_000.0)).result()
    assert [e.id for e in new_examples(store)] == ["decision:d1"]


def test_what_is_written_after_a_commit_is_another_episode(store: Store) -> None:
    at = {"one": 100.0, "two": 200.0, "three": 400.0}
    store.add_patterns(
        [pattern(id=name, text=f"{name} = 1\n", written_at=when) for name, when in at.items()]
    )
    store.add_task(Task(TaskKind.COMMIT, "commit", "", "c1", None, True, 300.0, 0.0, "w1")).result()
    one, two, three = all_examples(store)
    assert one.episode == two.episode != three.episode
