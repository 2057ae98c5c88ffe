"""`habitus purge`: remove everything that Habitus keeps about a workspace, or about all."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
from pathlib import Path

from habitus_server.engine.client import EngineClient
from habitus_server.engine.roster import tell_engines
from habitus_server.errors import UserError
from habitus_server.store.database import is_in_use
from habitus_server.workspaces import (
    Workspace,
    find_workspace,
    known_workspaces,
    state_dir,
    try_lock,
    unregister,
)

HELP = "remove everything that is kept about a workspace, or about all"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("workspace", nargs="?", type=Path, default=Path(), help="its folder")
    parser.add_argument("--all", action="store_true", help="every workspace, and the logs")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--state-dir", type=Path, help="where Habitus keeps its state")


def run(options: argparse.Namespace) -> int:
    """Ask, remove, and say what went."""
    state = state_dir(options.state_dir)
    chosen = known_workspaces(state) if options.all else [find_workspace(options.workspace, state)]
    for workspace in chosen:
        _refuse_in_use(workspace)
        print(f"{workspace.root}: {_size(workspace.folder) / 2**20:,.1f} MiB")
    if not options.yes and not _is_agreed():
        print("nothing was removed")
        return 1
    problems = asyncio.run(_tell_engines(state, chosen))
    for workspace in chosen:
        if workspace.folder.exists():
            shutil.rmtree(workspace.folder)
        (state / "logs" / f"learn-{workspace.id}.log").unlink(missing_ok=True)
        unregister(workspace, state)
    if options.all:
        shutil.rmtree(state / "logs", ignore_errors=True)
    print(f"removed all that was kept about {len(chosen)} workspace{'s' * (len(chosen) != 1)}")
    for problem in problems:
        print(f"problem: {problem}")
    return 1 if problems else 0


def _refuse_in_use(workspace: Workspace) -> None:
    if not workspace.folder.exists():
        return
    lock = try_lock(workspace.learn_lock)
    if lock is not None:
        os.close(lock)
    if lock is None or is_in_use(workspace.database):
        raise UserError(
            f"{workspace.root} is open in an editor, or learning; close its windows and purge "
            "again. To forget a part while you work, there is `habitus forget`."
        )


def _is_agreed() -> bool:
    if not sys.stdin.isatty():
        raise UserError("Nobody can be asked here; say --yes to remove all of this.")
    print("Remove all of this, the adapters included? [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


async def _tell_engines(state: Path, chosen: list[Workspace]) -> list[str]:
    def drop(engine: EngineClient) -> None:
        for workspace in chosen:
            engine.forget(workspace.id)

    return await tell_engines(state, drop)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
