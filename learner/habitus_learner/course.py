"""A course of learning, from its examples to its verdict, whatever they come from.

Promises that every course that began ends with a verdict in the store, that one which was
killed is taken up where it was, and that nothing is published that the gate did not let
through. What is learned is the caller's (`cycle`, `warmup`); training runs in a child
process (`job`); no torch here.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from habitus_learner import gate, registry, workfolder
from habitus_learner.child import run_job
from habitus_learner.gate import Decision, Ruling
from habitus_learner.places import clusters_of, items_of
from habitus_learner.planner import Plan
from habitus_learner.split import Split
from habitus_learner.workfolder import CANDIDATE, Progress
from habitus_server import adapters
from habitus_server.config import Config, Learning
from habitus_server.errors import HabitusError, ModelError, TrainingError
from habitus_server.records import AdapterRef, Cycle, CycleState
from habitus_server.store import FORGETTINGS, Store
from habitus_server.workspaces import Workspace, locked, runtime_dir

log = logging.getLogger(__name__)

JUDGED_SINCE = "judged_since"
"""Name of the figure that says how far back a cycle's judged places go."""

BOOKMARK = "learned_until"
"""Name of the store's fact that says up to when lessons were seen by a cycle."""

MIN_TRAINING_EXAMPLES = 20
TELL_EVERY_S = 0.5


class Settings(msgspec.Struct, frozen=True):
    """How courses of one workspace are run."""

    state: Path
    config: Config
    yields: bool = True
    minutes: float | None = None
    checkpoint_every_s: float = 20.0


class Material(msgspec.Struct, frozen=True):
    """What a course learns from and is judged by; the incumbent is what it must beat.

    `subject` is what the status calls it, "" for the usual; `facts` are told with the
    ruling's figures.
    """

    parts: Split
    incumbent: AdapterRef | None
    subject: str = ""
    facts: dict[str, float] = {}


Tell = Callable[[Progress], None]
Prepare = Callable[[int, Tell], Material]


def find_interrupted(workspace: Workspace, store: Store) -> Plan | None:
    """The plan of the newest course, when that was killed after its plan was laid out."""
    try:
        plan = workfolder.read_plan(workfolder.work_folder(workspace))
    except msgspec.MsgspecError:
        return None
    newest = store.cycles(1)
    if plan is None or not newest or newest[0].state is not CycleState.RUNNING:
        return None
    return plan if newest[0].id == plan.cycle_id else None


def find_incumbent(workspace: Workspace) -> tuple[AdapterRef | None, float]:
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


def run_course(
    workspace: Workspace,
    store: Store,
    settings: Settings,
    prepare: Prepare,
    *,
    now: Callable[[], float] = time.time,
    on_progress: Tell = lambda _line: None,
) -> Cycle:
    """Run one course to its verdict, or an interrupted one from where it was killed.

    `prepare` is asked for its material once it has begun. The caller holds the workspace's
    learn lock and the machine's training lock.
    """
    work: Plan | Ruling | None = find_interrupted(workspace, store)
    if work is None:
        store.take_stop_request()  # one that came too late for the course before
    cycle_id = work.cycle_id if isinstance(work, Plan) else store.begin_cycle(now())
    tell = _Teller(store, cycle_id, on_progress)
    state, adapter = CycleState.FAILED, None
    figures: dict[str, float] = {}
    try:
        if work is None:
            tell(Progress("collecting", 0.0))
            with locked(workspace.publish_lock):
                registry.sweep(workspace)
            work = _lay_out(workspace, settings, prepare(cycle_id, tell), cycle_id)
        if isinstance(work, Plan):
            tell.subject = work.subject
            ruling = run_job(Path(work.folder), tell)
            # What judges a warm-up is older than all signals, and holds nothing out for them.
            facts = work.facts if work.subject else {JUDGED_SINCE: work.cutoff}
        else:
            ruling, facts = work, {}
        verdict, figures = ruling.sentence, {**ruling.figures, **facts}
        with locked(workspace.publish_lock):
            tell.refuse_the_forgotten()
            state, adapter = _carry_out(workspace, ruling, settings.config.learning, now)
    except (HabitusError, OSError) as error:
        verdict = str(error)
    except Exception as error:
        log.exception("A course of learning broke off")
        verdict = (
            f"Broke off ({type(error).__name__}: {error}); what was in service stays in service. "
            "This is a mistake of Habitus: please report it."
        )
    store.finish_cycle(cycle_id, state, now(), adapter, verdict, figures)
    workfolder.clear(workfolder.work_folder(workspace))
    return next(cycle for cycle in store.cycles() if cycle.id == cycle_id)


def plan_of(workspace: Workspace, settings: Settings, cycle_id: int) -> Plan:
    """How a job of this workspace runs, whatever it learns and whomever it must beat."""
    learning, engine = settings.config.learning, settings.config.engine
    return Plan(
        cycle_id=cycle_id,
        folder=str(workfolder.work_folder(workspace)),
        model=settings.config.model,
        device=engine.device,
        threads=engine.threads,
        loads_hub_models=engine.loads_hub_models,
        seed=learning.seed + cycle_id,
        minutes=learning.minutes if settings.minutes is None else settings.minutes,
        max_steps=0,
        cutoff=0.0,
        incumbent=None,
        busy_markers=str(runtime_dir(settings.state)) if settings.yields else "",
        idle_seconds=learning.idle_seconds,
        checkpoint_every_s=settings.checkpoint_every_s,
    )


def _lay_out(
    workspace: Workspace, settings: Settings, material: Material, cycle_id: int
) -> Plan | Ruling:
    """Lay out the work, or rule to wait where it could not be judged."""
    parts = material.parts
    seed = settings.config.learning.seed + cycle_id
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
    plan = msgspec.structs.replace(
        plan_of(workspace, settings, cycle_id),
        max_steps=settings.config.learning.max_steps,
        cutoff=parts.cutoff,
        incumbent=material.incumbent,
        subject=material.subject,
        facts=material.facts,
    )
    workfolder.lay_out(plan, parts)
    return plan


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


class _Teller:
    """Passes progress on, to the store no more often than a status line needs; it hears
    from there that the course is to stop."""

    def __init__(self, store: Store, cycle_id: int, on_progress: Tell) -> None:
        self.subject = ""
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
        if self._store.take_stop_request():
            raise TrainingError("Stopped on request; what was in service stays in service.")
        stage = f"{self.subject}, {line.stage}" if self.subject else line.stage
        self._store.update_cycle(self._cycle_id, stage=stage, progress=line.progress)

    def refuse_the_forgotten(self) -> None:
        """Stop a course that learned from what has been forgotten since it began."""
        if self._store.get_meta(FORGETTINGS) != self._forgettings:
            self._store.set_meta(BOOKMARK, "0.0")
            raise TrainingError(
                "Something was forgotten while this cycle learned; it is not published, and "
                "the next one begins anew."
            )
