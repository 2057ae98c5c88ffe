"""A whole replay: block by block, four arms are asked, then the block is learned from.

Promises that every arm starts from the same working copy with a fresh memory, is asked
the same items in the same order, and types the same true text; that no arm learns weights
or records, and that it is lent what was learned before the block and nothing later; and
that all go through a real `habitus serve` in a process of its own. Printing is the
screen's, figures are the summary's.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import msgspec
import pygit2

from habitus_learner.replay.editor import Editor
from habitus_learner.replay.engines import end_engines
from habitus_learner.replay.learning import Watched, run_cycle
from habitus_learner.replay.machine import describe_machine
from habitus_learner.replay.observation import Observation
from habitus_learner.replay.plan import Block, Plan, Size, Step
from habitus_learner.replay.report import AdapterFacts, Report
from habitus_learner.replay.scratch import fresh_folder
from habitus_learner.replay.screen import Screen
from habitus_learner.replay.summary import Run, Tested, sum_up
from habitus_learner.replay.walk import Clock, Walker
from habitus_learner.replay.warmstart import warm_up
from habitus_learner.replay.workcopy import WorkingCopy
from habitus_server.adapters import WEIGHTS, current, read_manifest
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


class Seat:
    """Where somebody works: a working copy, and what time it is there."""

    def __init__(self, copy: WorkingCopy, clock: Clock) -> None:
        self.copy = copy
        self.clock = clock


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
        self._work = fresh_folder(settings.folder / "work")
        self._state = state_dir(self._work / "state")
        self._config_file = self._work / "config.toml"
        self._config_file.write_text(_config_text(settings), encoding="utf-8")

    async def run(self) -> Report:
        """Learn the past, then ask every arm and learn, block by block; and sum up."""
        started = time.monotonic()
        learner = self._take_seat()
        arms = {arm: self._take_seat(arm, learner) for arm in ARMS}
        tested: list[Tested] = []
        learned: list[Observation] = []
        try:
            course = await self._warm_up(learner)
            for number, block in enumerate(self._plan.blocks, 1):
                version = self._lend_adapter(learner, arms)
                tested.append(
                    Tested(
                        course,
                        version,
                        {arm: await self._ask(arm, arms[arm], block, number) for arm in ARMS},
                    )
                )
                if block.learned:
                    seen, course = await self._learn(learner, block, number)
                    learned += seen
        finally:
            await end_engines(self._state)
        self._seconds["all"] = time.monotonic() - started
        return sum_up(
            self._plan,
            Run(
                name=self._settings.name,
                head=str(self._source.head.target),
                model=self._settings.model,
                tested=tuple(tested),
                learned=tuple(learned),
                adapter=self._describe_adapter(learner),
                machine=describe_machine(self._device),
                seconds=self._seconds,
            ),
        )

    def _take_seat(self, name: str = "learning", like: Seat | None = None) -> Seat:
        base = self._plan.base
        folder = self._work / name / "project"
        copy = like.copy.twin(folder) if like else WorkingCopy.at(folder, self._source, base)
        return Seat(copy, Clock(base.time))

    # --- learning -----------------------------------------------------------------

    async def _warm_up(self, learner: Seat) -> Watched:
        with self._timed("warm_up"), self._screen.stage("learning the past") as progress:
            facts = await warm_up(
                learner.copy.folder,
                self._state,
                self._config_file,
                minutes=self._settings.size.warm_up_minutes,
                report=progress,
            )
        return Watched(facts, None)

    async def _learn(
        self, learner: Seat, block: Block, number: int
    ) -> tuple[list[Observation], Watched]:
        async with self._editing(learner.copy) as editor:
            with self._timed(f"block_{number}_learning_edits"):
                seen = await self._walk(
                    editor, learner, block.learned, learns=True, title=f"block {number}: working"
                )
            with self._timed(f"block_{number}_cycle"):
                return seen, await self._run_cycle(editor, learner.copy, block)

    async def _run_cycle(self, editor: Editor, copy: WorkingCopy, block: Block) -> Watched:
        # A file with many lines gives many places to ask at while the cycle runs.
        names = {change.path for step in block.learned for change in step.changes}
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

    # --- asking -------------------------------------------------------------------

    async def _ask(self, arm: str, seat: Seat, block: Block, number: int) -> list[Observation]:
        with self._timed(f"block_{number}_{arm}"):
            async with self._editing(seat.copy, *ARMS[arm]) as editor:
                return await self._walk(
                    editor, seat, block.asked, learns=False, title=f"block {number}: asking {arm}"
                )

    def _lend_adapter(self, learner: Seat, arms: dict[str, Seat]) -> str | None:
        """Give the arms' workspaces what the learning one published, and nothing else of it."""
        learned = self._workspace(learner)
        for seat in arms.values():
            arm = self._workspace(seat)
            if learned.adapters.is_dir():
                shutil.copytree(learned.adapters, arm.adapters, dirs_exist_ok=True)
            if learned.current.is_file():
                shutil.copyfile(learned.current, arm.current)
        adapter = current(learned)
        return adapter.version if adapter else None

    def _describe_adapter(self, learner: Seat) -> AdapterFacts | None:
        adapter = current(self._workspace(learner))
        if adapter is None:
            return None
        manifest = read_manifest(Path(adapter.path))
        return AdapterFacts(manifest.version, manifest.files[WEIGHTS], dict(manifest.examples))

    # --- both ---------------------------------------------------------------------

    def _workspace(self, seat: Seat) -> Workspace:
        return find_workspace(seat.copy.folder, self._state)

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
        self, editor: Editor, seat: Seat, steps: Sequence[Step], *, learns: bool, title: str
    ) -> list[Observation]:
        observations: list[Observation] = []
        total = sum(len(step.items) for step in steps)
        with self._screen.counting(title, total) as count:

            def take(observation: Observation) -> None:
                observations.append(observation)
                count(observation)

            walker = Walker(
                editor,
                seat.copy,
                seat.clock,
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
