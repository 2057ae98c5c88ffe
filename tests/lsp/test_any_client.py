"""The whole way through a stock LSP client: complete, accept, edit, settle, row in the store."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from lsprotocol import types
from pytest_lsp import LanguageClient, client_capabilities, make_test_lsp_client

from habitus_server.records import Outcome, State
from habitus_server.store import Store
from habitus_server.workspaces import find_workspace

SOURCES = Path(__file__).resolve().parents[2]
KNOWN = "def area_of_circle(radius):\n    return "
T0 = 1_700_000_000.0


async def test_a_stock_client_completes_accepts_edits_and_finds_the_row_in_the_store(
    shared_state: Path, project: Path, model: Path
) -> None:
    client = await connected(shared_state, project, model)
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
        found = row(shared_state, project, item.command.arguments[0]["id"])
        assert found.state is State.ACCEPTED
        assert found.outcome is Outcome.EDITED
        assert found.accepted_text == "3.14 * radius * radius"
        assert found.final_text == "math.pi * radius * radius"
    finally:
        await client.shutdown_session()
        await client.stop()


async def connected(state: Path, project: Path, model: Path) -> LanguageClient:
    """A client of the kind that pytest-lsp gives, as Neovim describes itself."""
    client = make_test_lsp_client()
    paths = (str(SOURCES / "server"), str(SOURCES / "learner"))
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    await client.start_io(
        *(sys.executable, "-P", "-m", "habitus_server.cli", "serve", "--state-dir", str(state)),
        *("--model", str(model), "--no-learn", "--replay-clock"),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
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


def row(state: Path, project: Path, suggestion_id: str) -> Any:
    """A suggestion as the store of the project has it."""
    store = Store.open(find_workspace(project, state).database)
    try:
        return store.suggestion(suggestion_id)
    finally:
        store.close()
