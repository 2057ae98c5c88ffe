"""What a replay will do, fixed before it starts."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from habitus_learner.history import list_commits
from habitus_learner.replay.items import digest
from habitus_learner.replay.plan import Size, make_plan, size_for
from habitus_server.errors import UserError
from replay.synthetic import evolving_project, make_repository

SIZE = Size(
    blocks=2, learning_lines=12, evaluation_lines=9, warm_up_minutes=0.5, training_minutes=0.5
)


def sized(blocks: int) -> Size:
    return msgspec.structs.replace(SIZE, blocks=blocks)


def test_the_blocks_follow_each_other_and_the_past_lies_before_them(tmp_path: Path) -> None:
    repository = make_repository(tmp_path, evolving_project(12))
    commits = list_commits(repository)
    plan = make_plan(repository, SIZE, seed=0)
    written = [step.commit for block in plan.blocks for step in block.asked]
    assert written == commits[-len(written) :]
    assert [block.start for block in plan.blocks] == [
        commits[commits.index(block.asked[0].commit) - 1] for block in plan.blocks
    ]
    assert plan.base == plan.blocks[0].start
    assert len(commits) - len(written) >= len(written)


def test_a_block_is_learned_from_whole_once_it_was_asked_about(tmp_path: Path) -> None:
    plan = make_plan(make_repository(tmp_path, evolving_project(12)), SIZE, seed=0)
    first, last = plan.blocks
    assert [s.commit for s in first.learned] == [s.commit for s in first.asked]
    assert [s.changes for s in first.learned] == [s.changes for s in first.asked]
    assert last.learned == ()


def test_the_sizes_are_those_of_each_block(tmp_path: Path) -> None:
    plan = make_plan(make_repository(tmp_path, evolving_project(12)), SIZE, seed=0)
    assert [len(block.items) for block in plan.blocks] == [2 * 9, 2 * 9]
    assert len(plan.learning_items) == 2 * 12
    assert len({item.path for item in plan.evaluation_items}) == 3


@pytest.mark.parametrize("blocks", [1, 2, 3, 5])
def test_blocks_hold_about_as_many_lines_each(tmp_path: Path, blocks: int) -> None:
    size = msgspec.structs.replace(sized(blocks), evaluation_lines=10_000)
    plan = make_plan(make_repository(tmp_path, evolving_project(24)), size, seed=0)
    lines = [len(block.items) for block in plan.blocks]
    assert len(lines) == blocks
    assert max(lines) - min(lines) <= max(
        len(step.items) for block in plan.blocks for step in block.asked
    )


def test_one_large_commit_leaves_the_other_blocks_theirs(tmp_path: Path) -> None:
    trees = evolving_project(12)
    large = "".join(f"value_{n} = store.fetch({n})\n" for n in range(400))
    trees = [*trees[:-1], {**trees[-1], "pkg/large.py": large}]
    plan = make_plan(make_repository(tmp_path, trees), sized(2), seed=0)
    assert [len(block.asked) for block in plan.blocks] == [len(plan.blocks[0].asked), 1]
    assert all(block.items for block in plan.blocks)


def test_more_blocks_than_commits_are_refused_with_what_to_do(tmp_path: Path) -> None:
    repository = make_repository(tmp_path, evolving_project(8))
    with pytest.raises(UserError, match="Choose fewer with --blocks"):
        make_plan(repository, sized(9), seed=0)


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
    small, large = size_for(4.0, 2), size_for(12.0, 2)
    assert small.warm_up_minutes < large.warm_up_minutes
    assert small.training_minutes < large.training_minutes
    assert small.evaluation_lines < large.evaluation_lines
    assert small.learning_lines < large.learning_lines


def test_more_blocks_share_the_same_budget() -> None:
    few, many = size_for(24.0, 2), size_for(24.0, 6)
    assert many.evaluation_lines * 6 == few.evaluation_lines * 2
    assert many.training_minutes * 5 == pytest.approx(few.training_minutes)
