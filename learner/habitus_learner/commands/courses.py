"""What the commands that learn share: their settings, and a course watched to its end."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from habitus_learner import workfolder
from habitus_learner.course import Settings, Tell
from habitus_server import config as settings_file
from habitus_server.errors import UserError
from habitus_server.records import Cycle, CycleState
from habitus_server.store import Store
from habitus_server.workspaces import Workspace, find_workspace, state_dir, try_lock

FOLLOW_S = 0.5

Learn = Callable[[Store, Tell], Cycle]


def add_shared_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags that every learning command has."""
    parser.add_argument("--state-dir", type=Path, help="where Habitus keeps its state")
    parser.add_argument("--model", help="`embedded`, a local folder, or a Hub id")
    parser.add_argument("--device", help="auto, cpu or cuda")
    parser.add_argument(
        "--no-yield", action="store_true", help="do not step aside while somebody types"
    )


def begin(options: argparse.Namespace, *, minutes: float | None) -> tuple[Workspace, Settings]:
    """The workspace that is named, and how it is learned from; problems go to stderr."""
    state = state_dir(options.state_dir)
    root = options.workspace.resolve()
    workspace = find_workspace(root, state)
    flags: dict[str, Any] = {}
    if options.model is not None:
        flags["model"] = options.model
    if options.device is not None:
        flags["engine"] = {"device": options.device}
    config, problems = settings_file.load(flags)
    config, more = settings_file.narrow(config, root)
    for problem in (*problems, *more):
        print(problem, file=sys.stderr)
    return workspace, Settings(
        state=state, config=config, yields=not options.no_yield, minutes=minutes
    )


def watch_course(
    workspace: Workspace, settings: Settings, *, learn: Learn, ask: Callable[[Store], None]
) -> Cycle:
    """Have a course run, with a bar, and print its verdict: here, or by the sidecar that
    holds the workspace, which `ask` asks for it."""
    lock = try_lock(workspace.learn_lock)
    console = Console()
    store = Store.open(workspace.database)
    columns = (
        TextColumn("{task.description:<16}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    try:
        with Progress(*columns, console=console) as bar:
            task = bar.add_task("collecting", total=1.0)

            def show(line: workfolder.Progress) -> None:
                bar.update(task, description=line.stage, completed=line.progress)

            if lock is not None:
                cycle = _run_here(store, settings, learn, show)
            else:
                cycle = _follow(workspace, store, settings, learn, ask, show)
            bar.update(task, completed=1.0, description=cycle.state.value)
        console.print(cycle.verdict, highlight=False)
        return cycle
    finally:
        store.close()
        if lock is not None:
            os.close(lock)


def _run_here(store: Store, settings: Settings, learn: Learn, show: Tell) -> Cycle:
    training = try_lock(settings.state / workfolder.TRAINING_LOCK)
    if training is None:
        raise UserError("Another workspace is training on this machine; try again when it is done.")
    try:
        return learn(store, show)
    finally:
        os.close(training)


def _follow(
    workspace: Workspace,
    store: Store,
    settings: Settings,
    learn: Learn,
    ask: Callable[[Store], None],
    show: Tell,
) -> Cycle:
    """Ask the sidecar and watch it to its end; run the course here when the sidecar goes."""
    newest = store.cycles(1)
    last = newest[0].id if newest else 0
    ask(store)
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
                return _run_here(store, settings, learn, show)
            finally:
                os.close(lock)
        time.sleep(FOLLOW_S)
