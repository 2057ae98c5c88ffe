"""`habitus status [PATH]`: what Habitus knows and serves for a folder, without an editor."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from habitus_server import adapters
from habitus_server import config as settings
from habitus_server.engine.client import EngineClient
from habitus_server.engine.launch import engine_socket
from habitus_server.errors import EngineError, ModelError, StoreError
from habitus_server.workspaces import Workspace, find_workspace, state_dir

HELP = "what Habitus knows, learns and serves for a folder"
COUNTED = ("accepted", "kept", "edited", "reverted", "patterns", "fixes", "decisions")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("path", nargs="?", type=Path, default=Path(), help="a workspace folder")
    parser.add_argument("--state-dir", type=Path, help="where Habitus keeps its state")


def run(options: argparse.Namespace) -> int:
    """Print one fact per line."""
    state = state_dir(options.state_dir)
    config, problems = settings.load()
    workspace = find_workspace(options.path, state)
    lines = {
        "workspace": f"{workspace.root} (state in {workspace.folder})",
        "model": config.model,
        "engine": asyncio.run(_engine_line(state, config)),
        "adapter": _adapter_line(workspace, problems),
        **_store_lines(workspace, problems),
    }
    for name, value in lines.items():
        print(f"{name:<10} {value}")
    for problem in problems:
        print(f"{'problem':<10} {problem}")
    return 1 if problems else 0


async def _engine_line(state: Path, config: settings.Config) -> str:
    """The engine's own word, if one runs; asking never starts one."""
    socket = engine_socket(state, config.model, config.engine.device)
    if not socket.exists():
        return "not running; the next editor window starts it"
    try:
        client = await EngineClient.connect(socket, role="status")
        status = await client.status()
        await client.close()
    except EngineError as error:
        return str(error)
    size = status.resident_bytes / 2**20
    return (
        f"{status.state} on {status.device or 'no device yet'}, process {client.engine_pid}, "
        f"{size:,.0f} MiB, {status.memory_tokens:,} tokens in memory {status.detail}".rstrip()
    )


def _adapter_line(workspace: Workspace, problems: list[str]) -> str:
    try:
        served = adapters.current(workspace)
    except ModelError as error:
        problems.append(str(error))
        served = None
    kept = adapters.list_adapters(workspace)
    if served is None:
        return f"base weights ({len(kept)} kept)"
    kinds = next((one.examples for one in kept if one.version == served.version), {})
    learned = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items() if count)
    return f"{served.version} ({len(kept)} kept), trained on {learned or 'nothing'}"


def _store_lines(workspace: Workspace, problems: list[str]) -> dict[str, str]:
    from habitus_server.store import Store

    if not workspace.database.exists():
        return {"signals": "none yet"}
    try:
        store = Store.open(workspace.database)
        try:
            counts = store.counts()
            cycles = store.cycles(1)
            problems += store.problems
        finally:
            store.close()
    except StoreError as error:
        problems.append(str(error))
        return {"signals": "cannot be read"}
    lines = {"signals": ", ".join(f"{counts[name]:,} {name}" for name in COUNTED)}
    if cycles:
        newest = cycles[0]
        progress = f" {newest.progress:.0%}" if newest.finished_at is None else ""
        lines["learning"] = f"{newest.state.value}{progress}. {newest.verdict}".rstrip()
    return lines
