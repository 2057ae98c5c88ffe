"""What training costs whoever types meanwhile: a real `serve`, its engine, a training child.

    python -c "from benchmarks.learning import Options, yielding as y; print(y.figures(Options()))"

Somebody types a burst of keys at a fast typist's pace, asks for a suggestion after each, and
then reads for longer than training waits, so that each burst begins while a step is at work.
Every other burst the child is stopped: the same window and engine, without training.
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
from benchmarks.figures import SEED, figure, ratio_interval
from benchmarks.learning import Options, cost
from benchmarks.processes import processes_with

from habitus_learner import workfolder
from habitus_learner.child import job_command
from habitus_learner.planner import Hyper, Plan
from habitus_learner.workfolder import Progress
from habitus_server.engine.model import EMBEDDED
from habitus_server.workspaces import runtime_dir

# The fake editor of the tests measures too, so that both mean the same thing.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

SOURCE = cost.SOURCES / "outcomes.py"
KEYS = 12
PAUSE_S = 0.15
"""Between two keys of a burst."""
READS_S = 3.0
"""Between two bursts: longer than `learning.idle_seconds`, after which training goes on."""
TARGET = 1.3


def figures(options: Options) -> list[dict[str, Any]]:
    """The figures of this module."""
    with tempfile.TemporaryDirectory(prefix="habitus-bench-") as name:
        idle, training = asyncio.run(_measure(Path(name), 3 if options.small else 12))
    ratio = statistics.median(training) / statistics.median(idle)
    first = statistics.median(training[::KEYS]) / statistics.median(idle[::KEYS])
    return [
        figure("served p50 when idle (ms)", statistics.median(idle) * 1e3, n=len(idle)),
        figure("served p50 while training (ms)", statistics.median(training) * 1e3,
               n=len(training)),
        figure("first answer of a burst, p50 while training ÷ when idle", first,
               n=len(training) // KEYS),
        figure("served p95 while training ÷ when idle", _p95(training) / _p95(idle),
               n=len(training)),
        figure("served p50 while training ÷ when idle", ratio, n=len(training),
               interval=ratio_interval(training, idle), target=f"<= {TARGET:g}",
               holds=ratio <= TARGET),
    ]  # fmt: skip


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[18]


async def _measure(folder: Path, bursts: int) -> tuple[list[float], list[float]]:
    """Seconds of each answer: (without training, with)."""
    from fake_editor import FakeEditor

    state, project = folder / "state", folder / "project"
    for place in (state, project):
        place.mkdir()
    # A user's own settings do not count here, and every answer is wanted.
    os.environ["HABITUS_CONFIG"] = str(folder / "config.toml")
    (folder / "config.toml").write_text("[completion]\neagerness = 1.0\n", encoding="utf-8")
    editor = await FakeEditor.start("--no-learn", "--device", "cpu", state=state)
    idle: list[float] = []
    training: list[float] = []
    try:
        await editor.initialize(project)
        await editor.ready()
        typist = _Typist(editor, project / "main.py")
        await typist.burst()
        with _Child(folder / "work", state) as child:
            await asyncio.to_thread(child.wait_for_training)
            for _ in range(bursts):
                await asyncio.sleep(READS_S)
                training += await typist.burst()
                child.send(signal.SIGSTOP)
                await asyncio.sleep(READS_S)
                idle += await typist.burst()
                child.send(signal.SIGCONT)
        return idle, training
    finally:
        await editor.kill()
        for pid in processes_with("habitus_server.engine", str(state)):
            os.kill(pid, signal.SIGTERM)


class _Typist:
    """Somebody who types a file, at a pace that no answer changes."""

    def __init__(self, editor: Any, path: Path) -> None:
        self._editor = editor
        self._text = SOURCE.read_text(encoding="utf-8")
        self._at = len(self._text) // 3
        self._uri = editor.open(path, self._text[: self._at] + "\n")

    async def burst(self) -> list[float]:
        """Seconds that each key's answer took."""
        return [await self._press() for _ in range(KEYS)]

    async def _press(self) -> float:
        self._editor.edit(self._uri, self._at, self._at, self._text[self._at])
        self._at += 1
        asked = self._editor.inline_params(self._uri, self._at, invoked=True)
        began = time.perf_counter()
        await self._editor.request("textDocument/inlineCompletion", asked, 30.0)
        took = time.perf_counter() - began
        await asyncio.sleep(max(0.0, PAUSE_S - took))
        return took


class _Child:
    """The job of a cycle, in the process and with the manners of a real one."""

    def __init__(self, folder: Path, state: Path) -> None:
        plan = Plan(
            cycle_id=1,
            folder=str(folder),
            model=EMBEDDED,
            device="cpu",
            threads=0,
            loads_hub_models=False,
            seed=SEED,
            minutes=60.0,
            max_steps=0,
            cutoff=0.0,
            incumbent=None,
            busy_markers=str(runtime_dir(state)),
            idle_seconds=2.0,
            hyper=Hyper(max_passes=1_000),
        )
        folder.mkdir(exist_ok=True)
        workfolder.write_examples(folder / workfolder.TRAIN, cost.examples())
        workfolder.write(folder / workfolder.PLAN, plan)
        self._folder = folder

    def __enter__(self) -> _Child:
        calm = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
        self._process = subprocess.Popen(
            job_command(self._folder, ()),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **calm},
        )
        return self

    def wait_for_training(self) -> None:
        """Return once a batch has been learned from."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if msgspec.json.decode(line, type=Progress).step:
                return
        raise RuntimeError("The child ended before it trained.")

    def send(self, number: signal.Signals) -> None:
        """Stop the child, or let it go on."""
        self._process.send_signal(number)

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
