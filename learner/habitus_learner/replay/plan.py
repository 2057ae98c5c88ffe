"""What one replay will do, decided before it starts.

Promises that the commits, the items and their fingerprints depend on the repository,
the seed and the size alone, never on what was suggested or how fast: the newest commits
are parted into blocks, each asked about before it is learned from, and all that lies
before the first of them is the past.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pygit2

from habitus_learner.history import Commit, FileChange, list_commits, read_changes
from habitus_learner.replay.items import Item, list_items, sample_lines
from habitus_server.errors import UserError

BLOCK_LINES = 1_000
"""A block reaches over as many commits as it takes for this many lines to ask for: a cycle
that learned from fewer would have too little to be judged by."""

PAST_SHARE = 0.5
"""This share of the lines that were read is left to the past, as far as commits allow."""

MIN_LINES = 60
MIN_COMMITS = 4

MAX_COMMIT_LINES = 2_500
"""A commit with more lines is a reformatting or a vendored copy; nobody typed it."""


class Size(msgspec.Struct, frozen=True):
    """How much a replay does: blocks, lines asked in each of them (by every arm, and while
    it is learned from), and the minutes that each training may take."""

    blocks: int
    learning_lines: int
    evaluation_lines: int
    warm_up_minutes: float
    training_minutes: float


class Step(msgspec.Struct, frozen=True):
    """One commit to write, with everything that it changed and what is asked on the way."""

    commit: Commit
    changes: tuple[FileChange, ...]
    items: tuple[Item, ...]


class Block(msgspec.Struct, frozen=True):
    """Commits from `start` on, with what every arm is `asked` at them and, the same commits
    again, what is asked while they are `learned` from; the last block teaches nobody."""

    start: Commit
    asked: tuple[Step, ...]
    learned: tuple[Step, ...]

    @property
    def items(self) -> list[Item]:
        """What every arm is asked, in order."""
        return [item for step in self.asked for item in step.items]


class Plan(msgspec.Struct, frozen=True):
    """Learn the past up to where the first block starts; then block by block ask, and learn."""

    seed: int
    blocks: tuple[Block, ...]
    evaluation_lines_available: int

    @property
    def base(self) -> Commit:
        """The newest commit of the past."""
        return self.blocks[0].start

    @property
    def learning_items(self) -> list[Item]:
        """What is asked while learning, in order."""
        return [item for block in self.blocks for step in block.learned for item in step.items]

    @property
    def evaluation_items(self) -> list[Item]:
        """What every arm is asked, in order."""
        return [item for block in self.blocks for item in block.items]


def size_for(budget_minutes: float, blocks: int) -> Size:
    """Split a budget for a whole replay, by what its phases cost on two cores.

    Two fifths go to training on the past and an eighth to the cycles; reading, judging and
    loading take about a third as long again. A line costs two seconds in the four arms together and
    half of one while learning; the typing around the asked lines is nearly constant.
    """
    cycles = max(1, blocks - 1)
    return Size(
        blocks=blocks,
        learning_lines=max(40, round(8 * budget_minutes / cycles)),
        evaluation_lines=max(20, round(10 * budget_minutes / blocks)),
        warm_up_minutes=max(0.5, budget_minutes * 0.4),
        training_minutes=max(0.5, budget_minutes * 0.125 / cycles),
    )


def make_plan(repository: pygit2.Repository, size: Size, *, seed: int) -> Plan:
    """Choose commits and items; raises `UserError` when the history is too short."""
    commits = list_commits(repository)
    wanted = size.blocks * BLOCK_LINES
    steps = _newest_steps(repository, commits, seed, lines=round(wanted / PAST_SHARE))
    available = sum(_line_count(step) for step in steps)
    if available < MIN_LINES or len(steps) < MIN_COMMITS:
        raise UserError(
            f"The history holds {available} changed lines of Python in {len(steps)} commits; a "
            f"replay needs at least {MIN_LINES} in {MIN_COMMITS}. Name a repository with more "
            "history."
        )
    most = min(wanted, round((1.0 - PAST_SHARE) * available))
    later = _newest_until(steps, most, commits=size.blocks)
    parts = _parted(later, size.blocks)
    if not all(any(step.items for step in part) for part in parts):
        raise UserError(
            f"The {len(later)} newest commits cannot be parted into {size.blocks} blocks with "
            "lines to ask at. Choose fewer with --blocks."
        )
    places = {commit.id: place for place, commit in enumerate(commits)}
    return Plan(
        seed=seed,
        blocks=tuple(
            Block(
                start=commits[places[part[0].commit.id] - 1],
                asked=_sampled(part, size.evaluation_lines, seed),
                learned=() if part is parts[-1] else _sampled(part, size.learning_lines, seed),
            )
            for part in parts
        ),
        evaluation_lines_available=sum(_line_count(step) for step in later),
    )


def _newest_steps(
    repository: pygit2.Repository, commits: Sequence[Commit], seed: int, *, lines: int
) -> list[Step]:
    """The newest commits worth replaying, oldest first; never the root commit."""
    steps: list[Step] = []
    found = 0
    for commit in reversed(commits[1:]):
        changes = tuple(read_changes(repository, commit.id))
        if not changes:
            continue
        items = tuple(list_items(commit, changes, seed=seed))
        step = Step(commit, changes, items)
        if _line_count(step) > MAX_COMMIT_LINES:
            step = Step(commit, changes, ())
        steps.append(step)
        found += _line_count(step)
        if found >= lines:
            break
    return steps[::-1]


def _newest_until(steps: Sequence[Step], lines: int, *, commits: int) -> list[Step]:
    """The newest steps with that many lines to ask for, in that many commits."""
    taken = asked = 0
    for index in range(len(steps) - 1, -1, -1):
        taken += _line_count(steps[index])
        asked += bool(steps[index].items)
        if taken >= lines and asked >= commits:
            return list(steps[index:])
    return list(steps)


def _parted(steps: Sequence[Step], count: int) -> list[list[Step]]:
    """The steps in `count` runs of about as many lines each, as long as there are steps."""
    parts: list[list[Step]] = []
    rest = list(steps)
    for left in range(count, 1, -1):
        share = sum(_line_count(step) for step in rest) / left
        stop, taken = 0, 0
        # Neither may a large commit leave a block empty, nor the blocks run out of commits.
        while stop < len(rest) - (left - 1):
            lines = _line_count(rest[stop])
            if stop and taken + lines / 2 > share:
                break
            taken += lines
            stop += 1
        parts.append(rest[:stop])
        rest = rest[stop:]
    return [*parts, rest]


def _sampled(steps: Sequence[Step], lines: int, seed: int) -> tuple[Step, ...]:
    every = [item for step in steps for item in step.items]
    chosen = set(sample_lines(every, lines, seed=seed))
    return tuple(
        Step(step.commit, step.changes, tuple(i for i in step.items if i in chosen))
        for step in steps
    )


def _line_count(step: Step) -> int:
    return len({(item.path, item.line) for item in step.items})
