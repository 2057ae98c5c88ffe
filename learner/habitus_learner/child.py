"""Running a cycle's heavy part in a process of its own.

Promises a ruling or a `TrainingError` that says why there is none; a child that is
killed is started again, and takes up its work where it was. Knows the command line and
the lines of JSON that come back, nothing of training.
"""

from __future__ import annotations

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
from habitus_learner.workfolder import FAILED, Progress
from habitus_server.errors import TrainingError

MAX_ATTEMPTS = 3
"""A job that dies this often on one plan is given up: it would die again."""


def run_job(folder: Path, tell: Callable[[Progress], None]) -> Ruling:
    """Train and judge as the plan in `folder` says."""
    last = ""
    for _ in range(MAX_ATTEMPTS):
        status, last = _run_child(job_command(folder), folder, tell)
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
    command: Sequence[str], folder: Path, tell: Callable[[Progress], None]
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
            env=_environment(),
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


def job_command(folder: Path) -> list[str]:
    """The command line of a job; several GPUs share it through accelerate."""
    module = ["-m", "habitus_learner.job", str(folder)]
    gpus = _gpu_count()
    if gpus < 2:
        return [sys.executable, "-P", *module]
    launch = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", str(gpus)]
    return [sys.executable, "-P", *launch, *module]


def _gpu_count() -> int:
    """NVIDIA devices by the driver's own listing: asking torch would cost its import."""
    try:
        return len(list(Path("/proc/driver/nvidia/gpus").iterdir()))
    except OSError:
        return 0


def _environment() -> dict[str, str]:
    """Ours, with the very packages that we run from first on the child's path.

    Waiting threads sleep instead of spinning: the cores are shared with who types.
    """
    roots = [str(Path(str(p.__file__)).parents[1]) for p in (habitus_server, habitus_learner)]
    rest = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([*roots, *([rest] if rest else [])])
    calm = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
    return {**calm, **os.environ, "PYTHONPATH": path}
