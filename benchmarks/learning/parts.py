"""One history with one seed: warmed up, worked in, asked before each block is learned.

Promises that a block is asked under what was learned from commits before it, by the product's
own warm-up and cycles, with a stated number of steps; that a part which was killed goes on
behind the last stage that it finished. Two workspaces learn: one whose developer works in a
real editor session and leaves signals, and one that knows the same commits by git alone.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import torch
from benchmarks.figures import OUTPUT
from benchmarks.learning import figures
from benchmarks.learning.arms import Arm, read_outcomes, score
from benchmarks.learning.figures import Learned
from benchmarks.learning.histories import Block, History, blocks_of, open_history

from habitus_learner import warmup
from habitus_learner.course import Settings
from habitus_learner.cycle import run_cycle
from habitus_learner.replay.editor import Editor
from habitus_learner.replay.engines import end_engines
from habitus_learner.replay.walk import Clock, Walker
from habitus_learner.replay.workcopy import WorkingCopy
from habitus_server import adapters
from habitus_server.config import Config, Learning
from habitus_server.config import Engine as EngineSettings
from habitus_server.engine.model import load_model
from habitus_server.errors import UserError
from habitus_server.records import AdapterRef, Cycle
from habitus_server.store import Store
from habitus_server.workspaces import Workspace, find_workspace, state_dir

WARM_UP_STEPS = 1_000
CYCLE_STEPS = 500
"""Steps of about 1,024 tokens, some six tenths of a second each on one core."""

JUDGING_MINUTES = 5.0
"""A fifth of it is what judging may take."""

WORKED, BY_GIT = "worked", "git"
DONE = "done"

SETTINGS = """\
[completion]
timeout_ms = 15000
eagerness = 1.0
[learning]
enabled = false
warm_up = false
"""


Run = Callable[[Workspace, Store, Settings], Cycle]


class Part:
    """The stages of one part, each done once."""

    def __init__(self, history: History, seed: int, *, small: bool = False) -> None:
        self._history = history
        self._seed = seed
        self._small = small
        self.folder = OUTPUT / "learning" / f"{history.name}-{seed}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._source = open_history(history)
        self._state = state_dir(self.folder / "state")
        self._blocks = blocks_of(self._source, history, seed=seed)

    def run(self) -> None:
        """Every stage that is missing."""
        self._once("0", WORKED, self._warm_up)
        for number in range(len(self._blocks)):
            self._ask(number)
            if number + 1 < len(self._blocks):
                self._once(str(number + 1), WORKED, partial(self._work, number))
                self._once(str(number + 1), BY_GIT, partial(self._read, number))
        (self.folder / DONE).touch()

    @property
    def is_done(self) -> bool:
        """Whether every stage has been done."""
        return (self.folder / DONE).exists()

    def asked(self) -> list[figures.Asked]:
        """The outcomes of the blocks that have been asked."""
        return [
            figures.Asked(self._history.name, self._seed, number, one)
            for number in range(len(self._blocks))
            for one in read_outcomes(self._outcomes(number)).values()
        ]

    def served(self, number: int, name: str = WORKED) -> AdapterRef | None:
        """What serves in a workspace after so many cycles; raises `UserError` before."""
        path = self.folder / f"{name}-{number}.json"
        if not path.exists():
            raise UserError(f"{path} is missing: this part has not come so far.")
        _, ref = msgspec.json.decode(path.read_bytes(), type=tuple[Learned, AdapterRef | None])
        return ref

    def learned(self) -> list[Learned]:
        """What every warm-up and cycle came to."""
        found = []
        for path in sorted(self.folder.glob("*-[0-9].json")):
            run, _ = msgspec.json.decode(path.read_bytes(), type=tuple[Learned, Any])
            found.append(run)
        return found

    # --- stages -------------------------------------------------------------------------

    def _warm_up(self) -> Learned:
        """Learn the past in one workspace; the other gets a copy of what came of it."""
        for name in (WORKED, BY_GIT):
            self._copy(name)
        learned = self._learn(WORKED, WARM_UP_STEPS, warmup.run_warm_up)
        ours, theirs = self._workspace(WORKED), self._workspace(BY_GIT)
        if ours.current.is_file():
            shutil.copytree(ours.adapters, theirs.adapters, dirs_exist_ok=True)
            shutil.copyfile(ours.current, theirs.current)
        return learned

    def _work(self, number: int) -> Learned:
        """Write a block in an editor, then learn from what was seen."""
        block = self._blocks[number]
        if not (self.folder / f"{number}.written").exists():
            asyncio.run(self._write(self._copy(WORKED), block))
            (self.folder / f"{number}.written").touch()
        return self._learn(WORKED, CYCLE_STEPS, run_cycle)

    def _read(self, number: int) -> Learned:
        """Take a block's commits from git, and learn from them."""
        copy = self._copy(BY_GIT)
        for step in self._blocks[number].steps:
            copy.advance(step.commit)
        return self._learn(BY_GIT, CYCLE_STEPS, warmup.run_warm_up)

    def _ask(self, number: int) -> None:
        """Every arm at a block's questions, under what was learned before it."""
        torch.set_num_threads(1)
        worked = self.served(number)
        arms = [
            Arm(figures.FROZEN, None, recalls=False),
            Arm(figures.MEMORY, None, recalls=True),
            Arm(figures.WEIGHTS, worked, recalls=False),
            Arm(figures.ALL, worked, recalls=True),
        ]
        if number:
            arms.append(Arm(figures.GIT, self.served(number, BY_GIT), recalls=False))
        score(
            load_model("embedded", "cpu"), self._source, self._blocks[number], arms,
            self._outcomes(number), seed=self._seed,
        )  # fmt: skip

    async def _write(self, copy: WorkingCopy, block: Block) -> None:
        config = self.folder / "config.toml"
        config.write_text(SETTINGS, encoding="utf-8")
        editor = await Editor.open(
            copy.folder, "--replay-clock", "--no-learn", state=self._state, config_file=config
        )
        try:
            await editor.wait_until_ready()
            walker = Walker(
                editor, copy, Clock(block.before.time), seed=self._seed, learns=True,
                report=lambda _observation: None,
            )  # fmt: skip
            for step in block.steps:
                await walker.write_commit(step.commit, step.changes, step.items)
        finally:
            await editor.close()
            await end_engines(self._state)

    def _learn(self, name: str, steps: int, run: Run) -> Learned:
        workspace = self._workspace(name)
        learning = Learning(max_steps=steps // 20 if self._small else steps, seed=self._seed)
        config = Config(learning=learning, engine=EngineSettings(threads=1))
        store = Store.open(workspace.database)
        began = time.monotonic()
        try:
            settings = Settings(self._state, config, yields=False, minutes=JUDGING_MINUTES)
            cycle = run(workspace, store, settings)
        finally:
            store.close()
        seconds = time.monotonic() - began
        print(f"{self.folder.name} {name}: {cycle.state.value}. {cycle.verdict}", flush=True)
        return Learned(cycle.state.value, cycle.verdict, cycle.adapter, cycle.figures, seconds)

    # --- what stages leave ----------------------------------------------------------------

    def _once(self, number: str, name: str, stage: Callable[[], Learned]) -> None:
        path = self.folder / f"{name}-{number}.json"
        if path.exists():
            return
        learned = stage()
        ref = adapters.current(self._workspace(name))
        path.write_bytes(msgspec.json.encode((learned, ref)))

    def _outcomes(self, number: int) -> Path:
        return self.folder / f"block-{number}.jsonl"

    def _copy(self, name: str) -> WorkingCopy:
        folder = self.folder / name / "project"
        if folder.exists():
            return WorkingCopy.open(folder, self._source)
        return WorkingCopy.at(folder, self._source, self._blocks[0].before)

    def _workspace(self, name: str) -> Workspace:
        return find_workspace(self.folder / name / "project", self._state)
