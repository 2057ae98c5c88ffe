"""`habitus learn`: the learner of one workspace, as a sidecar or for one cycle."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from habitus_learner import sidecar, workfolder
from habitus_learner.cycle import Settings, run_cycle
from habitus_server import config as settings_file
from habitus_server.errors import UserError
from habitus_server.records import Cycle, CycleState
from habitus_server.store import Store
from habitus_server.workspaces import Workspace, find_workspace, state_dir, try_lock

HELP = "learn from a workspace: wait until a cycle is due, or run one --now"

FOLLOW_S = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("workspace", nargs="?", type=Path, default=Path(), help="its folder")
    parser.add_argument("--state-dir", type=Path, help="where Habitus keeps its state")
    parser.add_argument("--model", help="`embedded`, a local folder, or a Hub id")
    parser.add_argument("--device", help="auto, cpu or cuda")
    parser.add_argument("--now", action="store_true", help="run one cycle and end")
    parser.add_argument("--minutes", type=float, help="how long a cycle may take")
    parser.add_argument("--json", type=Path, help="with --now: write the cycle here")
    parser.add_argument(
        "--no-yield", action="store_true", help="do not step aside while somebody types"
    )


def run(options: argparse.Namespace) -> int:
    """Learn once, or watch until the editor that started this has gone."""
    state = state_dir(options.state_dir)
    root = options.workspace.resolve()
    workspace = find_workspace(root, state)
    config, problems = settings_file.load(_flags(options))
    config, more = settings_file.narrow(config, root)
    for problem in (*problems, *more):
        print(problem, file=sys.stderr)
    settings = Settings(
        state=state, config=config, yields=not options.no_yield, minutes=options.minutes
    )
    lock = try_lock(workspace.learn_lock)
    if options.now:
        cycle = _learn_now(workspace, settings, has_lock=lock is not None)
        if options.json is not None:
            options.json.write_bytes(msgspec.json.format(msgspec.json.encode(cycle), indent=2))
        return 1 if cycle.state is CycleState.FAILED else 0
    if lock is None:
        # Another window's learner serves this workspace.
        return 0
    _watch(workspace, settings)
    return 0


def _flags(options: argparse.Namespace) -> dict[str, Any]:
    flags: dict[str, Any] = {}
    if options.model is not None:
        flags["model"] = options.model
    if options.device is not None:
        flags["engine"] = {"device": options.device}
    return flags


def _learn_now(workspace: Workspace, settings: Settings, *, has_lock: bool) -> Cycle:
    """Run a cycle here, or have the sidecar that holds the workspace run it."""
    console = Console()
    store = Store.open(workspace.database)
    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    try:
        with Progress(*columns, console=console) as bar:
            task = bar.add_task("collecting", total=1.0)

            def show(line: workfolder.Progress) -> None:
                bar.update(task, description=line.stage, completed=line.progress)

            if has_lock:
                cycle = _run_here(workspace, store, settings, show)
            else:
                cycle = _follow(workspace, store, settings, show)
            bar.update(task, completed=1.0, description=cycle.state.value)
        console.print(cycle.verdict, highlight=False)
        return cycle
    finally:
        store.close()


def _run_here(
    workspace: Workspace,
    store: Store,
    settings: Settings,
    show: Callable[[workfolder.Progress], None],
) -> Cycle:
    training = try_lock(settings.state / workfolder.TRAINING_LOCK)
    if training is None:
        raise UserError("Another workspace is training on this machine; try again when it is done.")
    try:
        return run_cycle(workspace, store, settings, on_progress=show)
    finally:
        os.close(training)


def _follow(
    workspace: Workspace,
    store: Store,
    settings: Settings,
    show: Callable[[workfolder.Progress], None],
) -> Cycle:
    """Ask the sidecar for a cycle and watch it to its end; run it here when the sidecar goes."""
    newest = store.cycles(1)
    last = newest[0].id if newest else 0
    store.request_cycle(time.time()).result()
    while True:
        newest = store.cycles(1)
        cycle = newest[0] if newest else None
        if cycle is not None:
            show(workfolder.Progress(cycle.stage, cycle.progress))
            if cycle.id > last and cycle.state is not CycleState.RUNNING:
                return cycle
        lock = try_lock(workspace.learn_lock)
        if lock is not None:
            try:
                return _run_here(workspace, store, settings, show)
            finally:
                os.close(lock)
        time.sleep(FOLLOW_S)


def _watch(workspace: Workspace, settings: Settings) -> None:
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )
    if _is_channel(sys.stdin.fileno()):
        threading.Thread(target=_end_with_parent, daemon=True).start()
    store = Store.open(workspace.database)
    try:
        sidecar.watch(sidecar.Sidecar(workspace, store, settings), is_wanted=lambda: True)
    finally:
        store.close()


def _end_with_parent() -> None:
    """Wait until the process that holds our stdin's other end has gone, then end.

    Ending is being killed: a cycle in progress is taken up from its checkpoint next
    time, and its child ends when nobody reads it.
    """
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _is_channel(descriptor: int) -> bool:
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
