"""A whole replay: learn from some commits, then measure four arms on later ones.

Promises that every arm starts from the same working copy with a fresh memory, is asked
the same items in the same order, and types the same true text; that none of them
learns weights or records; and that all go through a real `habitus serve` in a process
of its own. Printing is the screen's, figures are the report's.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pygit2

from habitus_learner.history import Commit
from habitus_learner.replay import report as figures
from habitus_learner.replay.editor import Editor
from habitus_learner.replay.engines import end_engines
from habitus_learner.replay.items import digest
from habitus_learner.replay.learning import Watched, run_cycle
from habitus_learner.replay.machine import describe_machine
from habitus_learner.replay.plan import Plan, Size
from habitus_learner.replay.screen import Screen
from habitus_learner.replay.walk import Clock, Observation, Walker
from habitus_learner.replay.workcopy import WorkingCopy
from habitus_server.adapters import WEIGHTS, current, read_manifest
from habitus_server.repository import find_hunks
from habitus_server.workspaces import Workspace, find_workspace, state_dir

ARMS: dict[str, tuple[str, ...]] = {
    "frozen": ("--frozen",),
    "memory": ("--adapter", "none", "--no-record", "--no-learn"),
    "weights": ("--no-memory", "--no-record", "--no-learn"),
    "all": ("--no-record", "--no-learn"),
}
"""What each arm's `habitus serve` is started with, beside the virtual clock."""

COMPLETION_TIMEOUT_MS = 15_000
"""Longer than an editor would wait, so that a busy machine costs latency and no items."""

CYCLE_PATIENCE = 5.0
"""How many times its training minutes a cycle may take on a busy machine."""


class Settings(msgspec.Struct, frozen=True):
    """What a replay is run with; `folder` is where its state and copies go."""

    name: str
    folder: Path
    size: Size
    seed: int
    model: str = "embedded"
    device: str = "auto"
    cycles: int = 1


class Replay:
    """One run. `run` does everything and returns the report."""

    def __init__(
        self, source: pygit2.Repository, plan: Plan, settings: Settings, screen: Screen
    ) -> None:
        self._source = source
        self._plan = plan
        self._settings = settings
        self._screen = screen
        self._seconds: dict[str, float] = {}
        self._device = settings.device
        shutil.rmtree(settings.folder / "work", ignore_errors=True)
        self._work = settings.folder / "work"
        self._state = state_dir(self._work / "state")
        self._config_file = self._work / "config.toml"
        self._config_file.write_text(_config_text(settings), encoding="utf-8")

    async def run(self) -> figures.Report:
        """Learn, evaluate every arm, and sum up."""
        started = time.monotonic()
        arms: dict[str, list[Observation]] = {}
        try:
            learned, watched = await self._learn()
            for arm in ARMS:
                arms[arm] = await self._evaluate(arm)
        finally:
            await end_engines(self._state)
        self._seconds["all"] = time.monotonic() - started
        return self._sum_up(learned, watched, arms)

    # --- learning -----------------------------------------------------------------

    @property
    def _learning_folder(self) -> Path:
        return self._work / "learning" / "project"

    async def _learn(self) -> tuple[list[Observation], list[Watched]]:
        plan = self._plan
        copy = WorkingCopy.at(self._learning_folder, self._source, plan.base)
        observations: list[Observation] = []
        async with self._editing(copy) as editor:
            with self._timed("learning_edits"):
                observations = await self._walk(
                    editor, copy, plan.base, learns=True, title="working and being watched"
                )
            watched = []
            for number in range(self._settings.cycles):
                with self._timed(f"cycle_{number + 1}"):
                    watched.append(await self._run_cycle(editor, copy))
                if watched[-1].cycle.state == "published":
                    break
        return observations, watched

    async def _run_cycle(self, editor: Editor, copy: WorkingCopy) -> Watched:
        # A file with many lines gives many places to ask at while the cycle runs.
        names = {change.path for step in self._plan.learning for change in step.changes}
        paths = [name for name in names if copy.path(name).is_file()]
        name = max(paths, key=lambda n: (copy.path(n).stat().st_size, n))
        await editor.open_document(name, copy.path(name).read_bytes().decode())
        with self._screen.stage("learning") as progress:
            watched = await run_cycle(
                editor,
                name,
                self._state,
                limit_minutes=5.0 + CYCLE_PATIENCE * self._settings.size.training_minutes,
                report=progress,
            )
        await editor.close_document(name)
        return watched

    # --- evaluation ---------------------------------------------------------------

    async def _evaluate(self, arm: str) -> list[Observation]:
        copy = WorkingCopy.at(self._work / arm / "project", self._source, self._plan.cut)
        self._lend_adapter(copy)
        with self._timed(f"arm_{arm}"):
            async with self._editing(copy, *ARMS[arm]) as editor:
                return await self._walk(
                    editor, copy, self._plan.cut, learns=False, title=f"asking {arm}"
                )

    def _lend_adapter(self, copy: WorkingCopy) -> None:
        """Give the arm's workspace what the learning one published, and nothing else of it."""
        learned = self._workspace(self._learning_folder)
        arm = self._workspace(copy.folder)
        if learned.adapters.is_dir():
            shutil.copytree(learned.adapters, arm.adapters, dirs_exist_ok=True)
        if learned.current.is_file():
            shutil.copyfile(learned.current, arm.current)

    def _workspace(self, folder: Path) -> Workspace:
        return find_workspace(folder, self._state)

    # --- both ---------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _editing(self, copy: WorkingCopy, *flags: str) -> AsyncIterator[Editor]:
        """An editor on a working copy, whose server is ready to answer."""
        editor = await Editor.open(
            copy.folder,
            "--replay-clock",
            *flags,
            state=self._state,
            config_file=self._config_file,
        )
        try:
            self._device = await editor.wait_until_ready()
            yield editor
        finally:
            await editor.close()

    async def _walk(
        self, editor: Editor, copy: WorkingCopy, start: Commit, *, learns: bool, title: str
    ) -> list[Observation]:
        steps = self._plan.learning if learns else self._plan.evaluation
        observations: list[Observation] = []
        total = sum(len(step.items) for step in steps)
        with self._screen.counting(title, total) as count:

            def take(observation: Observation) -> None:
                observations.append(observation)
                count(observation)

            walker = Walker(
                editor,
                copy,
                Clock(start.time),
                seed=self._plan.seed,
                learns=learns,
                report=take,
            )
            for step in steps:
                await walker.write_commit(step.commit, step.changes, step.items)
        return observations

    @contextlib.contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self._seconds[name] = time.monotonic() - started

    # --- figures ------------------------------------------------------------------

    def _sum_up(
        self,
        learned: list[Observation],
        watched: list[Watched],
        arms: dict[str, list[Observation]],
    ) -> figures.Report:
        plan, seed = self._plan, self._plan.seed
        swap = next((w.swap for w in reversed(watched) if w.swap), None)
        latency = {arm: figures.measure_latency(found) for arm, found in arms.items()}
        summaries = {arm: figures.summarise(found, seed=seed) for arm, found in arms.items()}
        return figures.Report(
            format=figures.FORMAT,
            finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
            source=figures.Source(
                name=self._settings.name,
                head=str(self._source.head.target),
                learned_from=tuple(_title(step.commit) for step in plan.learning),
                evaluated_on=tuple(_title(step.commit) for step in plan.evaluation),
            ),
            model=self._settings.model,
            seed=seed,
            items=_describe_items(plan),
            frozen=summaries["frozen"],
            memory=summaries["memory"],
            weights=summaries["weights"],
            all=summaries["all"],
            gains=figures.compare(arms, seed=seed),
            adapter=self._describe_adapter(),
            latency_ms=latency["all"],
            latency_by_arm_ms=latency,
            swap_gap_ms=swap.gap_ms if swap else None,
            swap=swap,
            cycles=tuple(w.cycle for w in watched),
            learning=_describe_learning(plan, learned),
            machine=describe_machine(self._device),
            seconds=self._seconds,
        )

    def _describe_adapter(self) -> figures.AdapterFacts | None:
        adapter = current(self._workspace(self._learning_folder))
        if adapter is None:
            return None
        manifest = read_manifest(Path(adapter.path))
        return figures.AdapterFacts(
            manifest.version, manifest.files[WEIGHTS], dict(manifest.examples)
        )


def _config_text(settings: Settings) -> str:
    """The servers' settings: a cycle runs when it is asked for, and never by itself.

    What the model writes is measured, not what would be held back of it.
    """
    lines = [
        f"model = {_quote(settings.model)}",
        "[completion]",
        f"timeout_ms = {COMPLETION_TIMEOUT_MS}",
        "eagerness = 1.0",
        "[engine]",
        f"device = {_quote(settings.device)}",
        "[learning]",
        f"minutes = {settings.size.training_minutes}",
        "min_examples = 1000000000",
        "max_wait_hours = 1e9",
        "idle_seconds = 0.0",
        f"seed = {settings.seed}",
    ]
    return "\n".join(lines) + "\n"


def _quote(text: str) -> str:
    # A JSON string is a TOML basic string.
    return msgspec.json.encode(text).decode()


def _title(commit: Commit) -> str:
    return f"{commit.id[:10]} {commit.message.partition(chr(10))[0]}".strip()


def _describe_items(plan: Plan) -> figures.ItemsFacts:
    asked, learning = plan.evaluation_items, plan.learning_items
    return figures.ItemsFacts(
        evaluation_sha256=digest(asked),
        learning_sha256=digest(learning),
        evaluation_lines=len({(i.commit, i.path, i.line) for i in asked}),
        evaluation_items=len(asked),
        evaluation_files=len({i.path for i in asked}),
        evaluation_lines_available=plan.evaluation_lines_available,
        learning_lines=len({(i.commit, i.path, i.line) for i in learning}),
    )


def _describe_learning(plan: Plan, observations: list[Observation]) -> figures.LearningFacts:
    reactions = Counter(o.reaction.value for o in observations if o.reaction is not None)
    return figures.LearningFacts(
        items_asked=len(observations),
        shown=sum(o.is_shown for o in observations),
        exact=sum(o.exact for o in observations),
        reactions=dict(sorted(reactions.items())),
        commits=len(plan.learning),
        lines_written=sum(
            hunk.new_end - hunk.new_start
            for step in plan.learning
            for change in step.changes
            for hunk in find_hunks(change.old, change.new)
        ),
    )
