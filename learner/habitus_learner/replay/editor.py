"""An editor without a screen, around a real `habitus serve`.

Promises what an editor does: its own text of each open document, incremental changes,
inline completions applied as their items say, and the reports an editor makes of them.
Speaks only the protocol; what it learns of the server it learns as any editor would.
Beyond the protocol it drives the clock and asks for scores, which a server started
with `--replay-clock` allows.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

import habitus_learner
import habitus_server
from habitus_learner.replay.connection import Connection, RequestFailedError, ServerGoneError
from habitus_server.edits import Edit
from habitus_server.positions import Position, PositionEncoding, units_in
from habitus_server.text import Buffer

UTF16 = PositionEncoding.UTF16

INVOKED, AUTOMATIC = 1, 2

READY_SECONDS = 180.0
READY_POLL_SECONDS = 0.1


class Proposal(msgspec.Struct, frozen=True):
    """One inline completion item, with the edit that accepting it makes.

    `text` is what would stand from the cursor on; items that would also change what
    stands before or after the cursor have none and are never offered here.
    """

    item: dict[str, Any]
    edit: Edit
    text: str

    @property
    def argument(self) -> dict[str, Any]:
        """What the item's command reports, the suggestion's id in it."""
        return dict(self.item["command"]["arguments"][0])


class Answer(msgspec.Struct, frozen=True):
    """What came back from one request for completions."""

    proposals: tuple[Proposal, ...]
    latency_ms: float


class Score(msgspec.Struct, frozen=True):
    """What a text costs at a place under the arm's own prompt, adapter and memory."""

    bits: float
    chars: int


class Editor:
    """One window on one folder; create it with `open`, end it with `close`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.status_changes: list[dict[str, Any]] = []
        self._buffers: dict[str, Buffer] = {}
        self._versions: dict[str, int] = {}
        self._connection: Connection

    @classmethod
    async def open(
        cls, folder: Path, *flags: str, state: Path, config_file: Path | None = None
    ) -> Editor:
        """Start `habitus serve` with `flags` and open `folder` in it."""
        editor = cls(folder)
        editor._connection = await Connection.open(
            [
                *(sys.executable, "-P", "-m", "habitus_server.cli", "serve"),
                *("--state-dir", str(state), *flags),
            ],
            environment=environment(config_file),
            folder=state,
            on_notification=editor._hear,
        )
        try:
            await editor._initialize()
        except BaseException:
            await editor.close()
            raise
        return editor

    @property
    def is_running(self) -> bool:
        """Whether the server's process, which is never started anew, is still there."""
        return self._connection.process.returncode is None

    async def close(self) -> int:
        """Close the window; return the server's exit status."""
        return await self._connection.close()

    # --- documents ------------------------------------------------------------

    def text(self, name: str) -> str:
        """A document's text as it is in the window."""
        return self._buffers[name].text

    def line_start(self, name: str, line: int) -> int:
        """The offset at which a document's line begins."""
        return self._buffers[name].line_start(line)

    async def open_document(self, name: str, text: str, language: str = "python") -> None:
        """Open a file of the folder; `text` need not be on disk yet."""
        self._buffers[name] = Buffer(text)
        self._versions[name] = 1
        document = {"uri": self._uri(name), "languageId": language, "version": 1, "text": text}
        await self._notify("textDocument/didOpen", {"textDocument": document})

    async def edit(self, name: str, edit: Edit) -> None:
        """Make one change, and tell the server as an editor does, incrementally."""
        before = self._buffers[name]
        span = {"start": _place(before, edit.start), "end": _place(before, edit.end)}
        self._buffers[name] = before.apply(edit)
        self._versions[name] += 1
        await self._notify(
            "textDocument/didChange",
            {
                "textDocument": {"uri": self._uri(name), "version": self._versions[name]},
                "contentChanges": [{"range": span, "text": edit.text}],
            },
        )

    async def save(self, name: str) -> None:
        """Write a document to disk and say so."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self._buffers[name].text.encode())
        await self._notify("textDocument/didSave", {"textDocument": {"uri": self._uri(name)}})

    async def close_document(self, name: str) -> None:
        """Close a document."""
        del self._buffers[name], self._versions[name]
        await self._notify("textDocument/didClose", {"textDocument": {"uri": self._uri(name)}})

    # --- suggestions ------------------------------------------------------------

    async def ask(self, name: str, offset: int, *, trigger: int = AUTOMATIC) -> Answer:
        """Ask for inline completions; the proposals come best first."""
        buffer = self._buffers[name]
        started = time.perf_counter()
        result = await self._request(
            "textDocument/inlineCompletion",
            {**self._at(name, offset), "context": {"triggerKind": trigger}},
        )
        latency_ms = (time.perf_counter() - started) * 1e3
        items = result["items"] if isinstance(result, dict) else result or []
        proposals = (_read_item(buffer, offset, item) for item in items)
        return Answer(tuple(p for p in proposals if p is not None), latency_ms)

    async def show(self, proposal: Proposal) -> None:
        """Report that a suggestion is on screen."""
        await self._notify("textDocument/didShowCompletion", {"item": proposal.item})

    async def accept(self, name: str, proposal: Proposal) -> None:
        """Take the whole suggestion: the edit first, then the item's command."""
        await self.edit(name, proposal.edit)
        await self.execute(proposal.item["command"]["command"], proposal.argument)

    async def accept_part(self, name: str, proposal: Proposal, taken: str) -> None:
        """Take the leading `taken` of the suggestion's text, and report how much that was."""
        dropped = len(proposal.text) - len(taken)
        inserted = proposal.edit.text[: len(proposal.edit.text) - dropped]
        await self.edit(name, msgspec.structs.replace(proposal.edit, text=inserted))
        await self._notify(
            "textDocument/didPartiallyAcceptCompletion",
            {"item": proposal.item, "acceptedLength": units_in(inserted, UTF16)},
        )

    async def dismiss(self, proposal: Proposal) -> None:
        """Report that the suggestion was waved away."""
        await self.execute("habitus.dismiss", {"id": proposal.argument["id"]})

    # --- the server -------------------------------------------------------------

    async def execute(self, command: str, argument: Mapping[str, Any] | None = None) -> Any:
        """Run one of the server's commands, with one object as its argument."""
        return await self._request(
            "workspace/executeCommand",
            {"command": command, "arguments": [dict(argument or {})]},
        )

    async def status(self) -> dict[str, Any]:
        """The workspace's status."""
        result = await self.execute("habitus.status")
        return dict(result)

    async def set_clock(self, now: float) -> None:
        """Tell the server what time it is."""
        await self._notify("habitus/clock", {"now": now})

    async def wait_until_ready(self) -> str:
        """Wait until the model is loaded and memory is filled; return the engine's device."""
        deadline = time.monotonic() + READY_SECONDS
        while (engine := (await self.status())["engine"])["state"] != "ready":
            if engine["state"] == "failed" or time.monotonic() > deadline:
                raise ServerGoneError(f"The engine is not ready: {engine['detail']}")
            await asyncio.sleep(READY_POLL_SECONDS)
        await self.flush()
        return str(engine["device"])

    async def flush(self) -> None:
        """Wait until all that is due is settled and on disk."""
        await self._request("habitus/flush", {})

    async def score(self, name: str, offset: int, text: str) -> Score | None:
        """What `text` would cost at a place; None in files where Habitus stays silent."""
        result = await self._request("habitus/score", {**self._at(name, offset), "text": text})
        return Score(float(result["bits"]), int(result["chars"])) if result else None

    async def _initialize(self) -> None:
        folder = {"uri": self.folder.as_uri(), "name": self.folder.name}
        await self._request(
            "initialize",
            {
                "processId": os.getpid(),
                "clientInfo": {"name": "habitus replay"},
                "rootUri": folder["uri"],
                "workspaceFolders": [folder],
                "capabilities": {
                    "general": {"positionEncodings": ["utf-16"]},
                    "window": {"workDoneProgress": True},
                    "workspace": {"workspaceFolders": True},
                    "textDocument": {"inlineCompletion": {}},
                },
            },
        )
        await self._notify("initialized", {})

    def _at(self, name: str, offset: int) -> dict[str, Any]:
        return {
            "textDocument": {"uri": self._uri(name)},
            "position": _place(self._buffers[name], offset),
        }

    def _uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    def _hear(self, method: str, params: Any) -> None:
        if method == "didChangeStatus":
            self.status_changes.append(params)

    async def _request(self, method: str, params: Any) -> Any:
        return await self._connection.request(method, params)

    async def _notify(self, method: str, params: Any) -> None:
        await self._connection.notify(method, params)


def environment(config_file: Path | None) -> dict[str, str]:
    """Ours, with the very packages that we run from, and the replay's own settings."""
    roots = {str(Path(module.__file__ or "").parents[1]) for module in _PACKAGES}
    path = os.pathsep.join([*sorted(roots), *filter(None, [os.environ.get("PYTHONPATH")])])
    named = {"HABITUS_CONFIG": str(config_file)} if config_file else {}
    return {**os.environ, "PYTHONPATH": path, **named}


_PACKAGES = (habitus_server, habitus_learner)


def _place(buffer: Buffer, offset: int) -> dict[str, int]:
    position = buffer.position_at(offset, UTF16)
    return {"line": position.line, "character": position.character}


def _read_item(buffer: Buffer, offset: int, item: dict[str, Any]) -> Proposal | None:
    span = item.get("range")
    start = _offset(buffer, span["start"]) if span else offset
    end = _offset(buffer, span["end"]) if span else offset
    edit = Edit(start, end, item["insertText"])
    kept_before, kept_after = buffer.slice(start, offset), buffer.slice(offset, end)
    text = edit.text
    if not (start <= offset <= end and text.startswith(kept_before)):
        return None
    text = text[len(kept_before) :]
    if not text.endswith(kept_after):
        return None
    return Proposal(item, edit, text[: len(text) - len(kept_after)])


def _offset(buffer: Buffer, position: Mapping[str, int]) -> int:
    return buffer.offset_at(Position(position["line"], position["character"]), UTF16)


__all__ = ["AUTOMATIC", "INVOKED", "Answer", "Editor", "Proposal", "RequestFailedError", "Score"]
