"""What one replay will do, decided before it starts.

Promises that the commits, the items and their fingerprints depend on the repository,
the seed and the budget alone, never on what was suggested or how fast: the newest
commits are asked about, and the ones before them are learned from.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pygit2

from habitus_learner.history import Commit, FileChange, list_commits, read_changes
from habitus_learner.replay.items import Item, list_items, sample_lines
from habitus_server.errors import UserError

EVALUATED_LINES = 1_200
"""Evaluation reaches back over commits until this many lines could be asked for."""

LEARNED_LINES = 3_000
EVALUATED_SHARE = 0.3
MIN_LINES = 60

MAX_COMMIT_LINES = 2_500
"""A commit with more lines is a reformatting or a vendored copy; nobody typed it."""


class Size(msgspec.Struct, frozen=True):
    """How much a replay does: lines asked in each phase, and minutes of one training."""

    learning_lines: int
    evaluation_lines: int
    training_minutes: float


class Step(msgspec.Struct, frozen=True):
    """One commit to write, with everything that it changed and what is asked on the way."""

    commit: Commit
    changes: tuple[FileChange, ...]
    items: tuple[Item, ...]


class Plan(msgspec.Struct, frozen=True):
    """Write `learning` from `base` on and learn; then, from `cut` on, ask at `evaluation`."""

    seed: int
    base: Commit
    learning: tuple[Step, ...]
    cut: Commit
    evaluation: tuple[Step, ...]
    evaluation_lines_available: int

    @property
    def learning_items(self) -> list[Item]:
        """What is asked while learning, in order."""
        return [item for step in self.learning for item in step.items]

    @property
    def evaluation_items(self) -> list[Item]:
        """What every arm is asked, in order."""
        return [item for step in self.evaluation for item in step.items]


def size_for(budget_minutes: float) -> Size:
    """Split a budget for a whole replay, by what its phases cost on two cores.

    A third goes to training; a line costs about half a second while learning, and two
    in the four arms together; the typing around the asked lines is nearly constant.
    """
    return Size(
        learning_lines=max(40, round(15 * budget_minutes)),
        evaluation_lines=max(20, round(15 * budget_minutes)),
        training_minutes=max(0.5, budget_minutes / 3.0),
    )


def make_plan(repository: pygit2.Repository, size: Size, *, seed: int) -> Plan:
    """Choose commits and items; raises `UserError` when the history is too short."""
    commits = list_commits(repository)
    steps = _newest_steps(repository, commits, seed)
    available = sum(_line_count(step) for step in steps)
    if available < MIN_LINES or len(steps) < 4:
        raise UserError(
            f"The history holds {available} changed lines of Python in {len(steps)} commits; a "
            f"replay needs at least {MIN_LINES} in 4. Name a repository with more history."
        )
    wanted = min(EVALUATED_LINES, round(EVALUATED_SHARE * available))
    evaluation = _newest_until(steps, wanted)
    learning = steps[: len(steps) - len(evaluation)]
    if not learning:
        raise UserError("One commit holds nearly all of the history; there is nothing before it.")
    base_index = commits.index(learning[0].commit) - 1
    cut_index = commits.index(evaluation[0].commit) - 1
    return Plan(
        seed=seed,
        base=commits[base_index],
        learning=_sampled(learning, size.learning_lines, seed),
        cut=commits[cut_index],
        evaluation=_sampled(evaluation, size.evaluation_lines, seed),
        evaluation_lines_available=sum(_line_count(step) for step in evaluation),
    )


def _newest_steps(
    repository: pygit2.Repository, commits: Sequence[Commit], seed: int
) -> list[Step]:
    """The newest commits worth replaying, oldest first; never the root commit."""
    steps: list[Step] = []
    lines = 0
    for commit in reversed(commits[1:]):
        changes = tuple(read_changes(repository, commit.id))
        if not changes:
            continue
        items = tuple(list_items(commit, changes, seed=seed))
        step = Step(commit, changes, items)
        if _line_count(step) > MAX_COMMIT_LINES:
            step = Step(commit, changes, ())
        steps.append(step)
        lines += _line_count(step)
        if lines >= EVALUATED_LINES + LEARNED_LINES:
            break
    return steps[::-1]


def _newest_until(steps: Sequence[Step], lines: int) -> list[Step]:
    taken = 0
    for index in range(len(steps) - 1, -1, -1):
        taken += _line_count(steps[index])
        if taken >= lines:
            return list(steps[index:])
    return list(steps)


def _sampled(steps: Sequence[Step], lines: int, seed: int) -> tuple[Step, ...]:
    every = [item for step in steps for item in step.items]
    chosen = set(sample_lines(every, lines, seed=seed))
    return tuple(
        Step(step.commit, step.changes, tuple(i for i in step.items if i in chosen))
        for step in steps
    )


def _line_count(step: Step) -> int:
    return len({(item.path, item.line) for item in step.items})
