"""A process that has imported the learner once, and forks a victim per line of its stdin.

    {"victim": "cycle" | "publish", ...}   →   {"pid": N}, then lines that the victim writes

Killing a process that first has to import torch costs seconds; a fork costs nothing, and
runs the very code that `habitus learn` runs.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from chaos.scripted import manifest, write_adapter
from habitus_learner import child, course, cycle, job, registry, workfolder
from habitus_learner.planner import Plan
from habitus_server.config import Config, Engine, Learning
from habitus_server.store import Store
from habitus_server.workspaces import Workspace, find_workspace


def tell(line: dict[str, Any]) -> None:
    """One line to the test, in one write: a killed writer leaves no half of it."""
    os.write(1, (json.dumps(line) + "\n").encode())


def substitute(room: ModuleType, name: str, value: object) -> None:
    """Put something in place of what a room has; this process is a fork and ends soon."""
    getattr(room, name)
    setattr(room, name, value)


def run_cycle(order: dict[str, Any]) -> None:
    """One learning cycle with its job in this very process, so that one kill ends both."""
    state = Path(order["state"])
    workspace = find_workspace(Path(order["root"]), state)
    told = ""

    def report(line: workfolder.Progress) -> None:
        nonlocal told
        if line.stage != told:
            told = line.stage
            tell({"stage": line.stage})

    def run_job(
        _command: object, folder: Path, _gpus: object, on_line: Callable[..., None]
    ) -> tuple[int, str]:
        substitute(job, "tell", on_line)
        return job.main([str(folder)]), ""

    lay_out = workfolder.lay_out

    def lay_out_with_checkpoints(plan: Plan, split: Any) -> Path:
        return lay_out(msgspec.structs.replace(plan, checkpoint_every_s=0.05), split)

    # Standing behind everything else would make the test as slow as the machine is busy.
    substitute(os, "nice", lambda _steps: 0)
    substitute(child, "_run_child", run_job)
    substitute(workfolder, "lay_out", lay_out_with_checkpoints)
    config = Config(
        model=order["model"],
        engine=Engine(device="cpu", threads=1),
        learning=Learning(max_steps=order["steps"], minutes=5.0),
    )
    store = Store.open(workspace.database)
    done = cycle.run_cycle(
        workspace, store, course.Settings(state, config, yields=False), on_progress=report
    )
    store.close()
    tell({"done": done.state.value, "verdict": done.verdict})


def publish(order: dict[str, Any]) -> None:
    """Publish new adapters without end."""
    workspace = find_workspace(Path(order["root"]), Path(order["state"]))
    draw = random.Random(order["seed"])
    tell({"stage": "publishing"})
    while True:
        publish_one(workspace, draw)


def publish_one(workspace: Workspace, draw: random.Random) -> None:
    """An adapter of a size at which its files are written in several calls."""
    source = write_adapter(workspace.folder / f"source-{os.getpid()}", draw.randbytes(300_000))
    registry.publish(workspace, source, manifest(created_at=draw.uniform(1.0, 2.0)))


VICTIMS = {"cycle": run_cycle, "publish": publish}


def main() -> None:
    """Fork until stdin ends."""
    import accelerate
    import peft
    import transformers

    del accelerate, peft, transformers
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        order = json.loads(line)
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            tell({"pid": os.getpid()})
            VICTIMS[order["victim"]](order)
            os._exit(0)


if __name__ == "__main__":
    main()
