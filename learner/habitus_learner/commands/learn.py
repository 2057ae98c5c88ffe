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
from pathlib import Path

import msgspec

from habitus_learner import sidecar
from habitus_learner.commands.courses import add_shared_arguments, begin, watch_course
from habitus_learner.course import Settings
from habitus_learner.cycle import run_cycle
from habitus_server.commands.flags import minutes, output_file, write_output
from habitus_server.records import CycleState
from habitus_server.store import Store
from habitus_server.workspaces import Workspace, try_lock

HELP = "learn from a workspace: wait until a cycle is due, or run one --now"

NICENESS = 10
"""Reading signals and a history takes seconds now and then: whoever types goes first."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("workspace", nargs="?", type=Path, default=Path(), help="its folder")
    add_shared_arguments(parser)
    parser.add_argument("--now", action="store_true", help="run one cycle and end")
    parser.add_argument(
        "--stop", action="store_true", help="give up the cycle or warm-up that is in progress"
    )
    parser.add_argument("--minutes", type=minutes, help="how long a cycle may take")
    parser.add_argument("--json", type=output_file, help="with --now: write the cycle here")


def run(options: argparse.Namespace) -> int:
    """Learn once, or watch until the editor that started this has gone."""
    workspace, settings = begin(options, minutes=options.minutes)
    if options.stop:
        return _stop(workspace)
    if options.now:
        cycle = watch_course(
            workspace,
            settings,
            learn=lambda store, show: run_cycle(workspace, store, settings, on_progress=show),
            ask=lambda store: store.request_cycle(time.time()).result(),
        )
        if options.json is not None:
            write_output(options.json, msgspec.json.format(msgspec.json.encode(cycle), indent=2))
        return 1 if cycle.state is CycleState.FAILED else 0
    if try_lock(workspace.learn_lock) is None:
        # Another window's learner serves this workspace.
        return 0
    _watch(workspace, settings)
    return 0


def _stop(workspace: Workspace) -> int:
    store = Store.open(workspace.database)
    try:
        newest = store.cycles(1)
        if not newest or newest[0].state is not CycleState.RUNNING:
            print("Nothing is being learned.")
            return 0
        store.request_stop(time.time()).result()
        print("What is in progress will stop; what was in service stays in service.")
        return 0
    finally:
        store.close()


def _watch(workspace: Workspace, settings: Settings) -> None:
    os.nice(NICENESS)
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
