"""From what a replay observed to its report.

Promises one block of the report for every block of the plan, and the arms over all
blocks beside them. Asks nobody and measures nothing: what came of each phase is given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from habitus_learner.history import Commit
from habitus_learner.replay import figures
from habitus_learner.replay.items import Item, digest
from habitus_learner.replay.learning import Watched
from habitus_learner.replay.observation import Observation
from habitus_learner.replay.plan import Block, Plan
from habitus_learner.replay.report import (
    FORMAT,
    AdapterFacts,
    BlockFacts,
    ItemsFacts,
    LearningFacts,
    Machine,
    Report,
    Source,
)
from habitus_server.repository import find_hunks

Observed = Sequence[Observation]


class Tested(msgspec.Struct, frozen=True):
    """One block: the course of learning before it, what was served, and what every arm did."""

    course: Watched
    adapter: str | None
    arms: dict[str, list[Observation]]


class Run(msgspec.Struct, frozen=True):
    """All that a replay went through; `learned` is what the simulated developer saw."""

    name: str
    head: str
    model: str
    tested: tuple[Tested, ...]
    learned: tuple[Observation, ...]
    adapter: AdapterFacts | None
    machine: Machine
    seconds: dict[str, float]


def sum_up(plan: Plan, run: Run) -> Report:
    """The whole report."""
    seed = plan.seed
    arms = {
        arm: [one for tested in run.tested for one in tested.arms[arm]]
        for arm in run.tested[0].arms
    }
    summaries = {arm: figures.summarise(found, seed=seed) for arm, found in arms.items()}
    latency = {arm: figures.measure_latency(found) for arm, found in arms.items()}
    courses = [tested.course for tested in run.tested]
    swap = next((one.swap for one in reversed(courses) if one.swap), None)
    return Report(
        format=FORMAT,
        finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
        source=Source(name=run.name, head=run.head, past=_title(plan.base)),
        model=run.model,
        seed=seed,
        items=_describe_items(plan),
        blocks=tuple(
            _describe_block(block, tested, seed)
            for block, tested in zip(plan.blocks, run.tested, strict=True)
        ),
        frozen=summaries["frozen"],
        memory=summaries["memory"],
        weights=summaries["weights"],
        all=summaries["all"],
        gains=figures.compare(arms, seed=seed),
        adapter=run.adapter,
        latency_ms=latency["all"],
        latency_by_arm_ms=latency,
        swap_gap_ms=swap.gap_ms if swap else None,
        swap=swap,
        cycles=tuple(one.cycle for one in courses),
        learning=_describe_learning(plan, run.learned),
        machine=run.machine,
        seconds=run.seconds,
    )


def _describe_block(block: Block, tested: Tested, seed: int) -> BlockFacts:
    arms: Mapping[str, Observed] = tested.arms
    cluster = figures.by_file_of_a_commit
    return BlockFacts(
        commits=tuple(_title(step.commit) for step in block.asked),
        lines=_count_lines(block.items),
        course=tested.course.cycle,
        adapter=tested.adapter,
        arms={
            arm: figures.summarise(found, seed=seed, cluster=cluster) for arm, found in arms.items()
        },
        gains=figures.compare(arms, seed=seed, cluster=cluster),
    )


def _describe_items(plan: Plan) -> ItemsFacts:
    asked, learning = plan.evaluation_items, plan.learning_items
    return ItemsFacts(
        evaluation_sha256=digest(asked),
        learning_sha256=digest(learning),
        evaluation_lines=_count_lines(asked),
        evaluation_items=len(asked),
        evaluation_files=len({item.path for item in asked}),
        evaluation_lines_available=plan.evaluation_lines_available,
        learning_lines=_count_lines(learning),
    )


def _describe_learning(plan: Plan, observations: Observed) -> LearningFacts:
    reactions = Counter(o.reaction.value for o in observations if o.reaction is not None)
    steps = [step for block in plan.blocks for step in block.learned]
    return LearningFacts(
        items_asked=len(observations),
        shown=sum(o.is_shown for o in observations),
        exact=sum(o.exact for o in observations),
        reactions=dict(sorted(reactions.items())),
        commits=len(steps),
        lines_written=sum(
            hunk.new_end - hunk.new_start
            for step in steps
            for change in step.changes
            for hunk in find_hunks(change.old, change.new)
        ),
    )


def _count_lines(items: Sequence[Item]) -> int:
    return len({(item.commit, item.path, item.line) for item in items})


def _title(commit: Commit) -> str:
    return f"{commit.id[:10]} {commit.message.partition(chr(10))[0]}".strip()
