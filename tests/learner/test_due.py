from __future__ import annotations

import pytest

from habitus_learner.cycle import BOOKMARK, Situation, is_due, new_examples
from habitus_server.config import Learning
from habitus_server.store import Store
from learner.made_rows import pattern

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
