"""The whole way through a stock LSP client, from a completion to the adapter it led to.

Complete, accept, edit, settle, row in the store, cycle, new adapter version in the status.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import psutil
from lsprotocol import types
from pytest_lsp import LanguageClient, client_capabilities, make_test_lsp_client

from habitus_server.records import Outcome, State
from habitus_server.store import Store
from habitus_server.workspaces import find_workspace
from learner.made_rows import habit_patterns

SOURCES = Path(__file__).resolve().parents[2]
KNOWN = "def area_of_circle(radius):\n    return "
T0 = 1_700_000_000.0

CYCLE_SETTINGS = """
[completion]
eagerness = 1.0
[learning]
max_steps = 24
minutes = 5.0
idle_seconds = 0.0
[engine]
device = "cpu"
threads = 1
"""


async def test_a_stock_client_completes_accepts_edits_and_is_served_what_was_learned(
    state: Path, project: Path, model: Path, tmp_path: Path
) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(CYCLE_SETTINGS)
    client = await connected(state, project, model, settings)
    try:
        await engine_ready(client)
        client.protocol.notify("habitus/clock", {"now": T0})
        await client.protocol.send_request_async("habitus/flush", {})
        uri = (project / "new.py").as_uri()
        client.text_document_did_open(
            types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, "python", 1, KNOWN))
        )
        item = await complete(client, uri, types.Position(1, 11))
        change(client, uri, 2, types.Position(1, 11), types.Position(1, 11), item.insert_text)
        accepted = await execute(client, item.command)
        assert accepted["recorded"] is True

        client.protocol.notify("habitus/clock", {"now": T0 + 4})
        change(client, uri, 3, types.Position(1, 11), types.Position(1, 15), "math.pi")
        client.protocol.notify("habitus/clock", {"now": T0 + 60})
        await client.protocol.send_request_async("habitus/flush", {})
        found = row(state, project, item.command.arguments[0]["id"])
        assert found.state is State.ACCEPTED
        assert found.outcome is Outcome.EDITED
        assert found.accepted_text == "3.14 * radius * radius"
        assert found.final_text == "math.pi * radius * radius"

        engines = engine_pids(state)
        # One edit is no cycle: the rest of a day's writing comes from the store.
        write_habits(state, project)
        asked = await execute(client, types.Command(title="", command="habitus.learnNow"))
        assert asked["requested"] is True
        learned = await next_adapter(client)
        client.protocol.notify("habitus/clock", {"now": T0 + 4_000})
        other = (project / "other.py").as_uri()
        client.text_document_did_open(
            types.DidOpenTextDocumentParams(types.TextDocumentItem(other, "python", 1, KNOWN))
        )
        again = await complete(client, other, types.Position(1, 11))
        await execute(client, again.command)
        served = row(state, project, again.command.arguments[0]["id"])
        assert served.suggestion.adapter == learned
        assert engine_pids(state) == engines, "the engine was not restarted"
    finally:
        await client.shutdown_session()
        await client.stop()


async def connected(state: Path, project: Path, model: Path, settings: Path) -> LanguageClient:
    """A client of the kind that pytest-lsp gives, as Neovim describes itself."""
    client = make_test_lsp_client()
    paths = (str(SOURCES / "server"), str(SOURCES / "learner"))
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    await client.start_io(
        *(sys.executable, "-P", "-m", "habitus_server.cli", "serve", "--state-dir", str(state)),
        *("--model", str(model), "--replay-clock"),
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "HABITUS_CONFIG": str(settings),
        },
    )
    await client.initialize_session(
        types.InitializeParams(
            capabilities=client_capabilities("neovim"),
            workspace_folders=[types.WorkspaceFolder(project.as_uri(), project.name)],
        )
    )
    return client


async def engine_ready(client: LanguageClient) -> None:
    """Wait until the engine has its model."""
    async with asyncio.timeout(90):
        while True:
            status = await execute(client, types.Command(title="", command="habitus.status"))
            if status["engine"]["state"] == "ready":
                return
            await asyncio.sleep(0.2)


async def complete(
    client: LanguageClient, uri: str, position: types.Position
) -> types.InlineCompletionItem:
    """The one inline completion at a place."""
    result: Any = await client.text_document_inline_completion_async(
        types.InlineCompletionParams(
            text_document=types.TextDocumentIdentifier(uri),
            position=position,
            context=types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic),
        )
    )
    (item,) = result.items
    assert isinstance(item, types.InlineCompletionItem)
    return item


async def execute(client: LanguageClient, command: types.Command | None) -> Any:
    """Run a command as a client runs an item's own."""
    assert command is not None
    return await client.workspace_execute_command_async(
        types.ExecuteCommandParams(command.command, list(command.arguments or ()))
    )


def change(
    client: LanguageClient,
    uri: str,
    version: int,
    start: types.Position,
    end: types.Position,
    text: Any,
) -> None:
    """Send one incremental change."""
    client.text_document_did_change(
        types.DidChangeTextDocumentParams(
            types.VersionedTextDocumentIdentifier(uri=uri, version=version),
            [types.TextDocumentContentChangePartial(range=types.Range(start, end), text=text)],
        )
    )


async def next_adapter(client: LanguageClient) -> str:
    """Wait until the status names an adapter; a cycle that ends without one fails the test."""
    async with asyncio.timeout(240):
        while True:
            status = await execute(client, types.Command(title="", command="habitus.status"))
            if status["adapter"] is not None:
                return str(status["adapter"])
            cycle = status["cycle"]
            assert cycle is None or cycle["state"] in ("running", "published"), cycle
            await asyncio.sleep(0.5)


def engine_pids(state: Path) -> set[int]:
    """The engines that serve a state folder."""
    return {
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if "habitus_server.engine" in (process.info["cmdline"] or [])
        and str(state) in process.info["cmdline"]
    }


def write_habits(state: Path, project: Path) -> None:
    """Store hand-written lines of one habit, as if they had been written before."""
    store = Store.open(find_workspace(project, state).database)
    try:
        store.add_patterns(habit_patterns(140)).result()
    finally:
        store.close()


def row(state: Path, project: Path, suggestion_id: str) -> Any:
    """A suggestion as the store of the project has it."""
    store = Store.open(find_workspace(project, state).database)
    try:
        return store.suggestion(suggestion_id)
    finally:
        store.close()
