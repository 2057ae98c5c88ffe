"""When a cycle is due, and what it learns from: the store's signals, beside the past.

Promises that lessons are counted cheaply, and that a cycle trains on nothing that was
known only after the places that judge it. How a cycle is run to its verdict is told in
`course`; no torch here.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from habitus_learner import course, gate, heritage
from habitus_learner.course import BOOKMARK, JUDGED_SINCE, Material, Settings, Tell
from habitus_learner.examples import Example
from habitus_learner.lessons import collect
from habitus_learner.split import split
from habitus_server.config import Learning
from habitus_server.records import Cycle, CycleState, TaskKind
from habitus_server.store import Store
from habitus_server.workspaces import Workspace


class Due(msgspec.Struct, frozen=True):
    """A cycle should start, and why."""

    reason: str


class Situation(msgspec.Struct, frozen=True):
    """What the rule looks at: lessons not seen by any cycle, and since when there are some."""

    waiting: int
    waited_s: float
    is_requested: bool
    is_idle: bool


def is_due(situation: Situation, learning: Learning) -> Due | None:
    """Whether a cycle should start now. A request overrides everything."""
    if situation.is_requested:
        return Due("asked for")
    if not learning.enabled or not situation.is_idle or not situation.waiting:
        return None
    if situation.waiting >= learning.min_examples:
        return Due(f"{situation.waiting} new examples")
    if situation.waited_s >= learning.max_wait_hours * 3600.0:
        return Due(f"{situation.waiting} new examples since {situation.waited_s / 3600.0:.0f} h")
    return None


def new_examples(store: Store) -> list[Example]:
    """Lessons that no cycle has seen yet, or that were judged anew since.

    Only rows that changed are read, so that asking stays cheap in a large store: copies
    of text that was accepted earlier are counted here and left out by the cycle.
    """
    since = float(store.get_meta(BOOKMARK) or 0.0)
    rows = store.suggestions(since=since)
    touched = {row.suggestion.id for row in rows}
    found = collect(
        rows,
        store.patterns(since=since),
        landings=[one for one in store.landings(since=since) if one.suggestion_id in touched],
        fixes=store.fixes(since=since),
        decisions=store.decisions(since=since),
    )
    return [example for example in found if example.changed_at > since]


def all_examples(store: Store) -> list[Example]:
    """Every lesson of a workspace, with all that is known of its quality."""
    rows, patterns = store.suggestions(), store.patterns()
    fixes = store.fixes()
    paths = {row.moved_to or row.suggestion.path for row in rows}
    paths |= {one.path for one in patterns} | {one.path for one in fixes}
    return collect(
        rows,
        patterns,
        landings=store.landings(),
        fixes=fixes,
        decisions=store.decisions(),
        tests=[result for path in sorted(paths) for result in store.test_results(path)],
        commits=[task.started_at for task in store.tasks(TaskKind.COMMIT)],
    )


def run_cycle(
    workspace: Workspace,
    store: Store,
    settings: Settings,
    *,
    now: Callable[[], float] = time.time,
    on_progress: Tell = lambda _line: None,
) -> Cycle:
    """Run one cycle to its verdict, or whatever was interrupted from where it was killed.

    The caller holds the workspace's learn lock and the machine's training lock.
    """

    def prepare(cycle_id: int, tell: Tell) -> Material:
        found = all_examples(store)
        if found:
            store.set_meta(BOOKMARK, repr(max(example.changed_at for example in found)))
        incumbent, seen_until = course.find_incumbent(workspace)
        parts = split(found, not_before=seen_until, back_to=_doubted_since(store))
        learning = settings.config.learning
        if learning.warm_up and len({e.episode for e in parts.gate}) >= gate.MIN_CLUSTERS:
            seed = learning.seed + cycle_id
            parts = heritage.joined(parts, workspace, store, settings, found, seed=seed, tell=tell)
        return Material(parts, incumbent)

    return course.run_course(workspace, store, settings, prepare, now=now, on_progress=on_progress)


def _doubted_since(store: Store) -> float:
    """How far back the places go at which the newest verdict was in doubt; infinite for none."""
    verdicts = (c for c in store.cycles(2) if c.state is not CycleState.RUNNING)
    newest = next(verdicts, None)
    if newest is None or newest.state is not CycleState.WAITING:
        return float("inf")
    return newest.figures.get(JUDGED_SINCE, float("inf"))
