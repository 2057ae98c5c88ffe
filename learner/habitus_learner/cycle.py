"""One learning cycle: from what the store holds to a published adapter, or a reason.

Promises that every cycle that began ends with a verdict in the store, that one which
was killed is taken up where it was, and that nothing is published that the gate did not
let through. Training runs in a child process (`job`); no torch here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from habitus_learner import gate, registry, workfolder
from habitus_learner.child import run_job
from habitus_learner.examples import Example
from habitus_learner.gate import Decision, Ruling
from habitus_learner.lessons import collect
from habitus_learner.places import clusters_of, items_of
from habitus_learner.planner import Hyper, Plan
from habitus_learner.split import split
from habitus_learner.workfolder import CANDIDATE, Progress
from habitus_server import adapters
from habitus_server.config import Config, Learning
from habitus_server.errors import HabitusError, ModelError, TrainingError
from habitus_server.records import AdapterRef, Cycle, CycleState
from habitus_server.store import FORGETTINGS, Store
from habitus_server.workspaces import Workspace, locked, runtime_dir

BOOKMARK = "learned_until"
"""Name of the store's fact that says up to when lessons were seen by a cycle."""

JUDGED_SINCE = "judged_since"
"""Name of the figure that says how far back a cycle's judged places go."""

MIN_TRAINING_EXAMPLES = 20
TELL_EVERY_S = 0.5


class Due(msgspec.Struct, frozen=True):
    """A cycle should start, and why."""

    reason: str


class Situation(msgspec.Struct, frozen=True):
    """What the rule looks at: lessons not seen by any cycle, and since when there are some."""

    waiting: int
    waited_s: float
    is_requested: bool
    is_idle: bool


class Settings(msgspec.Struct, frozen=True):
    """How cycles of one workspace are run."""

    state: Path
    config: Config
    yields: bool = True
    minutes: float | None = None
    checkpoint_every_s: float = 20.0


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
    )


def is_interrupted(workspace: Workspace, store: Store) -> bool:
    """Whether a cycle was killed and can be taken up again."""
    return _unfinished(workspace, store) is not None


def run_cycle(
    workspace: Workspace,
    store: Store,
    settings: Settings,
    *,
    now: Callable[[], float] = time.time,
    on_progress: Callable[[Progress], None] = lambda _line: None,
) -> Cycle:
    """Run one cycle to its verdict, or an interrupted one from where it was killed.

    The caller holds the workspace's learn lock and the machine's training lock.
    """
    work: Plan | Ruling | None = _unfinished(workspace, store)
    cycle_id = work.cycle_id if isinstance(work, Plan) else store.begin_cycle(now())
    tell = _Teller(store, cycle_id, on_progress)
    state, adapter = CycleState.FAILED, None
    figures: dict[str, float] = {}
    try:
        if work is None:
            tell(Progress("collecting", 0.0))
            work = _prepare(workspace, store, settings, cycle_id)
        ruling = run_job(Path(work.folder), tell) if isinstance(work, Plan) else work
        verdict, figures = ruling.sentence, ruling.figures
        if isinstance(work, Plan):
            figures = {**figures, JUDGED_SINCE: work.cutoff}
        with locked(workspace.publish_lock):
            tell.refuse_the_forgotten()
            state, adapter = _carry_out(workspace, ruling, settings.config.learning, now)
    except (HabitusError, OSError) as error:
        verdict = str(error)
    store.finish_cycle(cycle_id, state, now(), adapter, verdict, figures)
    workfolder.clear(workfolder.work_folder(workspace))
    return next(cycle for cycle in store.cycles() if cycle.id == cycle_id)


def _prepare(
    workspace: Workspace, store: Store, settings: Settings, cycle_id: int
) -> Plan | Ruling:
    """Lay out the work, or rule to wait where it could not be judged."""
    with locked(workspace.publish_lock):
        registry.sweep(workspace)
    found = all_examples(store)
    if found:
        store.set_meta(BOOKMARK, repr(max(example.changed_at for example in found)))
    incumbent, seen_until = _incumbent(workspace)
    parts = split(found, not_before=seen_until, back_to=_doubted_since(store))
    learning = settings.config.learning
    seed = learning.seed + cycle_id
    items = items_of(parts.gate, seed=seed, limit=workfolder.MAX_GATE_ITEMS)
    waiting = gate.enough(clusters_of(items), len(items))
    if waiting is not None:
        return waiting
    if len(parts.train) < MIN_TRAINING_EXAMPLES:
        return Ruling(
            Decision.WAIT,
            f"Waiting for more code: {len(parts.train)} examples are older than those kept for "
            f"judging, and training needs {MIN_TRAINING_EXAMPLES}.",
            {"train_examples": float(len(parts.train))},
        )
    engine = settings.config.engine
    plan = Plan(
        cycle_id=cycle_id,
        folder=str(workfolder.work_folder(workspace)),
        model=settings.config.model,
        device=engine.device,
        threads=engine.threads,
        loads_hub_models=engine.loads_hub_models,
        seed=seed,
        minutes=learning.minutes if settings.minutes is None else settings.minutes,
        max_steps=learning.max_steps,
        cutoff=parts.cutoff,
        incumbent=incumbent,
        busy_markers=str(runtime_dir(settings.state)) if settings.yields else "",
        idle_seconds=learning.idle_seconds,
        checkpoint_every_s=settings.checkpoint_every_s,
        hyper=Hyper(),
    )
    workfolder.lay_out(plan, parts)
    return plan


def _doubted_since(store: Store) -> float:
    """How far back the places go at which the newest verdict was in doubt; infinite for none."""
    verdicts = (c for c in store.cycles(2) if c.state is not CycleState.RUNNING)
    newest = next(verdicts, None)
    if newest is None or newest.state is not CycleState.WAITING:
        return float("inf")
    return newest.figures.get(JUDGED_SINCE, float("inf"))


def _incumbent(workspace: Workspace) -> tuple[AdapterRef | None, float]:
    """The adapter in service, and the time up to which it has seen lessons."""
    try:
        ref = adapters.current(workspace)
        if ref is None:
            return None, 0.0
        manifest = adapters.verify(Path(ref.path))
    except ModelError:
        # What cannot be served is no incumbent: base weights answer in its place.
        return None, 0.0
    return ref, float(manifest.hyper_parameters.get("cutoff", 0.0))


def _carry_out(
    workspace: Workspace, ruling: Ruling, learning: Learning, now: Callable[[], float]
) -> tuple[CycleState, str | None]:
    if ruling.decision is Decision.WAIT:
        return CycleState.WAITING, None
    if ruling.decision is Decision.REJECT:
        return CycleState.REJECTED, None
    candidate = workfolder.work_folder(workspace) / CANDIDATE
    manifest = msgspec.structs.replace(
        adapters.verify(candidate),
        created_at=now(),
        figures=ruling.figures,
        verdict=ruling.sentence,
    )
    published = registry.publish(workspace, candidate, manifest)
    registry.prune(workspace, keep=learning.keep_adapters, max_bytes=learning.max_adapter_bytes)
    return CycleState.PUBLISHED, published.version


def _unfinished(workspace: Workspace, store: Store) -> Plan | None:
    """The plan of the newest cycle, when that was killed after its plan was laid out."""
    try:
        plan = workfolder.read_plan(workfolder.work_folder(workspace))
    except msgspec.MsgspecError:
        return None
    newest = store.cycles(1)
    if plan is None or not newest or newest[0].state is not CycleState.RUNNING:
        return None
    return plan if newest[0].id == plan.cycle_id else None


class _Teller:
    """Passes progress on, to the store no more often than a status line needs."""

    def __init__(
        self, store: Store, cycle_id: int, on_progress: Callable[[Progress], None]
    ) -> None:
        self._store = store
        self._cycle_id = cycle_id
        self._on_progress = on_progress
        self._forgettings = store.get_meta(FORGETTINGS)
        self._stage = ""
        self._told_at = 0.0

    def __call__(self, line: Progress) -> None:
        self._on_progress(line)
        if line.stage == self._stage and time.monotonic() - self._told_at < TELL_EVERY_S:
            return
        self._stage, self._told_at = line.stage, time.monotonic()
        self.refuse_the_forgotten()
        self._store.update_cycle(self._cycle_id, stage=line.stage, progress=line.progress)

    def refuse_the_forgotten(self) -> None:
        """Stop a cycle that learned from what has been forgotten since it began."""
        if self._store.get_meta(FORGETTINGS) != self._forgettings:
            self._store.set_meta(BOOKMARK, "0.0")
            raise TrainingError(
                "Something was forgotten while this cycle learned; it is not published, and "
                "the next one begins anew."
            )
