"""What a replay will do, fixed before it starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from habitus_learner.replay.items import digest
from habitus_learner.replay.plan import Size, make_plan, size_for
from habitus_server.errors import UserError
from replay.synthetic import evolving_project, make_repository

SIZE = Size(learning_lines=12, evaluation_lines=9, training_minutes=0.5)


def test_what_is_asked_about_is_later_than_what_is_learned_from(tmp_path: Path) -> None:
    plan = make_plan(make_repository(tmp_path, evolving_project(12)), SIZE, seed=0)
    assert plan.base.time < plan.learning[0].commit.time
    assert plan.learning[-1].commit.time == plan.cut.time < plan.evaluation[0].commit.time


def test_every_commit_is_written_once_in_one_of_the_phases(tmp_path: Path) -> None:
    plan = make_plan(make_repository(tmp_path, evolving_project(12)), SIZE, seed=0)
    times = [step.commit.time for step in (*plan.learning, *plan.evaluation)]
    assert times == sorted(set(times))
    assert len(times) == 11


def test_the_sizes_are_kept(tmp_path: Path) -> None:
    plan = make_plan(make_repository(tmp_path, evolving_project(12)), SIZE, seed=0)
    assert len(plan.evaluation_items) == 2 * 9
    assert len(plan.learning_items) == 2 * 12
    assert len({item.path for item in plan.evaluation_items}) == 3


def test_the_items_depend_on_the_repository_and_the_seed_alone(tmp_path: Path) -> None:
    trees = evolving_project(12)
    first = make_plan(make_repository(tmp_path / "a", trees), SIZE, seed=5)
    second = make_plan(make_repository(tmp_path / "b", trees), SIZE, seed=5)
    other = make_plan(make_repository(tmp_path / "c", trees), SIZE, seed=6)
    assert digest(first.evaluation_items) == digest(second.evaluation_items)
    assert digest(first.evaluation_items) != digest(other.evaluation_items)


def test_too_short_a_history_is_refused_with_what_to_do(tmp_path: Path) -> None:
    repository = make_repository(tmp_path, evolving_project(3))
    with pytest.raises(UserError, match="Name a repository with more history"):
        make_plan(repository, SIZE, seed=0)


def test_a_larger_budget_buys_more_of_everything() -> None:
    small, large = size_for(4.0), size_for(12.0)
    assert small.training_minutes < large.training_minutes
    assert small.evaluation_lines < large.evaluation_lines
    assert small.learning_lines < large.learning_lines
