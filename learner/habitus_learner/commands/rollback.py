"""`habitus rollback`: put an earlier adapter, or base weights, back into service."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from habitus_learner import registry
from habitus_learner.watching import remember_rollback
from habitus_server import adapters
from habitus_server.errors import ModelError
from habitus_server.records import CycleState
from habitus_server.store import Store
from habitus_server.workspaces import Workspace, find_workspace, state_dir

HELP = "put a workspace's earlier adapter back into service"

REASON = "Rolled back by hand."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("workspace", nargs="?", type=Path, default=Path(), help="its folder")
    parser.add_argument("--state-dir", type=Path, help="where Habitus keeps its state")
    parser.add_argument("--to", metavar="VERSION", help="the version to use, or `base`")


def run(options: argparse.Namespace) -> int:
    """Roll back, and say what serves now."""
    workspace = find_workspace(options.workspace, state_dir(options.state_dir))
    before = _serving(workspace)
    now = registry.roll_back(workspace, reason=REASON, to=options.to)
    if before is not None and (now is None or now.version != before):
        _remember(workspace, before)
    print(f"{now.version} serves now." if now else "Base weights serve now.")
    return 0


def _serving(workspace: Workspace) -> str | None:
    try:
        ref = adapters.current(workspace)
    except ModelError:
        return None
    return None if ref is None else ref.version


def _remember(workspace: Workspace, version: str) -> None:
    store = Store.open(workspace.database)
    try:
        newest = store.cycles(1)
        # A cycle in progress stays the newest: its learner would take another for its end.
        if not newest or newest[0].state is not CycleState.RUNNING:
            remember_rollback(store, version, REASON, time.time())
    finally:
        store.close()
