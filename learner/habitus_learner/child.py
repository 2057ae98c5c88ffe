"""Running a cycle's heavy part in a process of its own.

Promises a ruling or a `TrainingError` that says why there is none; a child that is
killed is started again, and takes up its work where it was; it sees only the GPUs that it
is to use. Knows the command line and the lines of JSON that come back, nothing of training.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

import habitus_learner
import habitus_server
from habitus_learner import workfolder
from habitus_learner.gate import Ruling
from habitus_learner.planner import Plan
from habitus_learner.workfolder import FAILED, Progress
from habitus_server.engine.devices import gpu_index, training_gpus
from habitus_server.errors import TrainingError

MAX_ATTEMPTS = 3
"""A job that dies this often on one plan is given up: it would die again."""


def run_job(folder: Path, tell: Callable[[Progress], None]) -> Ruling:
    """Train and judge as the plan in `folder` says."""
    last = ""
    for _ in range(MAX_ATTEMPTS):
        gpus = gpus_of(workfolder.read_plan(folder), _visible_gpus())
        status, last = _run_child(job_command(folder, gpus), folder, gpus, tell)
        ruling = workfolder.read_ruling(folder)
        if ruling is not None:
            return ruling
        if status == FAILED:
            raise TrainingError(last)
    raise TrainingError(
        f"Training was killed {MAX_ATTEMPTS} times ({last or 'it said nothing'}); free some "
        "memory and learn again."
    )


def _run_child(
    command: Sequence[str],
    folder: Path,
    gpus: Sequence[str],
    tell: Callable[[Progress], None],
) -> tuple[int, str]:
    """The child's exit status and its last line on stderr: libraries warn there before it."""
    decoder = msgspec.json.Decoder(Progress)
    with (
        (folder / workfolder.LOG).open("wb") as log,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=folder,
            env=_environment(gpus),
        ) as child,
    ):
        assert child.stdout is not None
        try:
            for line in child.stdout:
                tell(decoder.decode(line))
        except BaseException:
            child.kill()
            raise
    said = (folder / workfolder.LOG).read_text(encoding="utf-8", errors="replace").strip()
    return child.returncode, said.rpartition("\n")[2]


def job_command(folder: Path, gpus: Sequence[str]) -> list[str]:
    """The command line of a job; several GPUs share it through accelerate."""
    module = ["-m", "habitus_learner.job", str(folder)]
    if len(gpus) < 2:
        return [sys.executable, "-P", *module]
    count = ["--num_processes", str(len(gpus))]
    launch = ["-m", "accelerate.commands.launch", "--multi_gpu", *count]
    return [sys.executable, "-P", *launch, *module]


def gpus_of(plan: Plan | None, visible: Sequence[str]) -> list[str]:
    """Of the `visible` GPUs those to train on: not the one that serves, if there is another.

    A plan for the CPU takes none.
    """
    if plan is None or plan.device == "cpu":
        return []
    devices = [plan.device]
    if plan.busy_markers:
        for marker in Path(plan.busy_markers).glob("*.busy"):
            with contextlib.suppress(OSError):  # its engine has just left
                devices.append(marker.read_text(encoding="utf-8", errors="replace"))
    serving = {index for device in devices if (index := gpu_index(device)) is not None}
    return [visible[index] for index in training_gpus(len(visible), serving)]


def _visible_gpus() -> list[str]:
    """NVIDIA devices as CUDA numbers them, or the names of those that a user leaves to us.

    By the driver's own listing: asking torch would cost its import.
    """
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name for name in named.split(",") if name]
    try:
        return [str(index) for index, _ in enumerate(Path("/proc/driver/nvidia/gpus").iterdir())]
    except OSError:
        return []


def _environment(gpus: Sequence[str]) -> dict[str, str]:
    """Ours, with the very packages that we run from first on the child's path.

    The child sees `gpus` alone, where there are any. Waiting threads sleep instead of
    spinning: the cores are shared with who types.
    """
    roots = [str(Path(str(p.__file__)).parents[1]) for p in (habitus_server, habitus_learner)]
    rest = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([*roots, *([rest] if rest else [])])
    calm = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
    seen = {"CUDA_VISIBLE_DEVICES": ",".join(gpus)} if gpus else {}
    return {**calm, **os.environ, **seen, "PYTHONPATH": path}
