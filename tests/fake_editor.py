"""A small editor that speaks real LSP over pipes to a real `habitus serve`.

It keeps the text of what it opened, sends incremental changes in whatever position
encoding it was started with, answers what a server may ask of an editor, and keeps
every notification. It knows no Habitus code: what it sees is what any editor sees.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).resolve().parent.parent
REPLY_SECONDS = 30.0
EVERY_ANSWER = "[completion]\neagerness = 1.0\n"
UNITS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}


class RequestError(Exception):
    """The server answered a request with an error."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(error.get("message"))
        self.code = error.get("code")


def units(text: str, encoding: str) -> int:
    """How many position units `text` takes."""
    codec, width = UNITS[encoding]
    return len(text.encode(codec, "surrogatepass")) // width


class FakeEditor:
    """One window. `start` it, `initialize` it, and edit by code point offsets."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.encoding = "utf-16"
        self.capabilities: dict[str, Any] = {}
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self.notifications: dict[str, list[Any]] = defaultdict(list)
        self.diagnostics: dict[str, list[Any]] = defaultdict(list)
        self.errors: list[str] = []
        self.now = 0.0
        self._arrival = asyncio.Condition()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._next_id = 0
        self._tasks = [
            asyncio.create_task(self._read_messages()),
            asyncio.create_task(self._read_errors()),
        ]

    @classmethod
    async def start(
        cls, *flags: str, state: Path, env: Mapping[str, str] | None = None
    ) -> FakeEditor:
        """Start `habitus serve` with flags on a state folder.

        Where the folder has no settings, every answer is wanted: the tests' models are too
        small to believe in what they write.
        """
        settings = state / "config.toml"
        if not settings.exists():
            state.mkdir(parents=True, exist_ok=True)
            settings.write_text(EVERY_ANSWER, encoding="utf-8")
        environment = {
            **os.environ,
            "PYTHONPATH": f"{SOURCES / 'server'}{os.pathsep}{SOURCES / 'learner'}",
            "HABITUS_CONFIG": str(state / "config.toml"),
            "OMP_NUM_THREADS": "1",
            **(env or {}),
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "habitus_server.cli", "serve",
            "--state-dir", str(state), *flags,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
        )  # fmt: skip
        return cls(process)

    # --- the protocol ---------------------------------------------------------

    async def initialize(
        self,
        *roots: Path,
        encodings: Sequence[str] = ("utf-16",),
        progress: bool = True,
    ) -> dict[str, Any]:
        """Shake hands; the server chooses the position encoding."""
        folders = [{"uri": root.as_uri(), "name": root.name} for root in roots]
        result: dict[str, Any] = await self.request(
            "initialize",
            {
                "processId": os.getpid(),
                "rootUri": folders[0]["uri"] if folders else None,
                "workspaceFolders": folders or None,
                "capabilities": {
                    "general": {"positionEncodings": list(encodings)},
                    "window": {"workDoneProgress": progress},
                    "workspace": {"workspaceFolders": True},
                    "textDocument": {"inlineCompletion": {}},
                },
            },
        )
        self.capabilities = result["capabilities"]
        self.encoding = self.capabilities.get("positionEncoding", "utf-16")
        self.notify("initialized", {})
        return result

    def send(self, method: str, params: Any) -> tuple[int, asyncio.Future[Any]]:
        """Send a request and return its id with the reply to wait for."""
        self._next_id += 1
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[self._next_id] = future
        self._write({"id": self._next_id, "method": method, "params": params})
        return self._next_id, future

    async def request(self, method: str, params: Any, timeout: float = REPLY_SECONDS) -> Any:
        """Send a request and wait for its result; an error raises `RequestError`."""
        _, future = self.send(method, params)
        return await asyncio.wait_for(future, timeout)

    def notify(self, method: str, params: Any) -> None:
        """Send a notification."""
        self._write({"method": method, "params": params})

    def cancel(self, request_id: int) -> None:
        """Take a request back."""
        self.notify("$/cancelRequest", {"id": request_id})

    def write_raw(self, body: bytes, header: bytes | None = None) -> None:
        """Put bytes on the wire as they are."""
        assert self.process.stdin is not None
        self.process.stdin.write(header or b"Content-Length: %d\r\n\r\n" % len(body))
        self.process.stdin.write(body)

    async def wait_for(self, method: str, wanted: Any = None, timeout: float = 30.0) -> Any:
        """The first notification of `method`, past or future, for which `wanted` holds."""
        async with asyncio.timeout(timeout), self._arrival:
            while True:
                for params in self.notifications[method]:
                    if wanted is None or wanted(params):
                        return params
                await self._arrival.wait()

    async def ready(self, timeout: float = 90.0) -> dict[str, Any]:
        """Wait until the engine has its model; return the status."""
        async with asyncio.timeout(timeout):
            while True:
                status: dict[str, Any] = await self.execute("habitus.status")
                if status["engine"]["state"] == "ready":
                    return status
                await asyncio.sleep(0.2)

    # --- documents ------------------------------------------------------------

    def open(self, path: Path, text: str | None = None, language: str = "python") -> str:
        """Open a file with the text on disk, or another; return its URI."""
        uri = path.as_uri()
        self.texts[uri] = path.read_text(encoding="utf-8") if text is None else text
        self.versions[uri] = 1
        self.notify(
            "textDocument/didOpen",
            {
                "textDocument": {
                    "uri": uri,
                    "languageId": language,
                    "version": 1,
                    "text": self.texts[uri],
                }
            },
        )
        return uri

    def edit(self, uri: str, start: int, end: int, text: str) -> None:
        """Replace the code points from `start` to `end` in one incremental change."""
        span = {"start": self.position(uri, start), "end": self.position(uri, end)}
        old = self.texts[uri]
        self.texts[uri] = old[:start] + text + old[end:]
        self.change(uri, [{"range": span, "text": text}])

    def type(self, uri: str, offset: int, text: str) -> int:
        """Insert character by character, as typing does; return the cursor after it."""
        for index, character in enumerate(text):
            self.edit(uri, offset + index, offset + index, character)
        return offset + len(text)

    def change(self, uri: str, changes: Sequence[Mapping[str, Any]]) -> None:
        """Send changes as given, without touching the editor's own text."""
        self.versions[uri] += 1
        self.notify(
            "textDocument/didChange",
            {
                "textDocument": {"uri": uri, "version": self.versions[uri]},
                "contentChanges": list(changes),
            },
        )

    def add_folder(self, folder: Path) -> None:
        """A root joins the window."""
        self._folders_changed(added=[folder])

    def remove_folder(self, folder: Path) -> None:
        """A root leaves the window."""
        self._folders_changed(removed=[folder])

    def _folders_changed(self, added: Sequence[Path] = (), removed: Sequence[Path] = ()) -> None:
        named = [
            [{"uri": folder.as_uri(), "name": folder.name} for folder in folders]
            for folders in (added, removed)
        ]
        self.notify(
            "workspace/didChangeWorkspaceFolders",
            {"event": {"added": named[0], "removed": named[1]}},
        )

    def save(self, uri: str, path: Path | None = None) -> None:
        """Save, on disk too when the path is given."""
        if path is not None:
            path.write_text(self.texts[uri], encoding="utf-8")
        self.notify("textDocument/didSave", {"textDocument": {"uri": uri}})

    def close(self, uri: str) -> None:
        """Close a document."""
        del self.texts[uri]
        self.notify("textDocument/didClose", {"textDocument": {"uri": uri}})

    def position(self, uri: str, offset: int) -> dict[str, int]:
        """The position of a code point offset in the negotiated encoding."""
        before = self.texts[uri][:offset].replace("\r\n", " \n").replace("\r", "\n")
        line = before.rpartition("\n")[2]
        return {"line": before.count("\n"), "character": units(line, self.encoding)}

    # --- what a developer does --------------------------------------------------

    def inline_params(self, uri: str, offset: int, *, invoked: bool = False) -> dict[str, Any]:
        """The parameters of an inline completion request."""
        return {
            "textDocument": {"uri": uri},
            "position": self.position(uri, offset),
            "context": {"triggerKind": 1 if invoked else 2},
        }

    async def inline(
        self, uri: str, offset: int, *, invoked: bool = False, timeout: float = REPLY_SECONDS
    ) -> list[dict[str, Any]]:
        """Ask for inline completions at an offset."""
        result = await self.request(
            "textDocument/inlineCompletion",
            self.inline_params(uri, offset, invoked=invoked),
            timeout,
        )
        return list(result["items"]) if result else []

    async def completion(self, uri: str, offset: int) -> dict[str, Any]:
        """Ask for ordinary completion items at an offset."""
        result: dict[str, Any] = await self.request(
            "textDocument/completion",
            {"textDocument": {"uri": uri}, "position": self.position(uri, offset)},
        )
        return result

    async def execute(self, command: str, argument: Mapping[str, Any] | None = None) -> Any:
        """Run a server command with one argument object."""
        return await self.request(
            "workspace/executeCommand",
            {"command": command, "arguments": [dict(argument or {})]},
        )

    def offset(self, uri: str, position: Mapping[str, int]) -> int:
        """The code point offset of a position."""
        lines = self.texts[uri].splitlines(keepends=True)
        start = sum(len(line) for line in lines[: position["line"]])
        line = lines[position["line"]] if position["line"] < len(lines) else ""
        column = 0
        while units(line[:column], self.encoding) < position["character"]:
            column += 1
        return start + column

    async def accept(self, uri: str, item: Mapping[str, Any]) -> None:
        """Insert an inline item as an editor does: edit first, then its command."""
        span = item["range"]
        self.edit(
            uri,
            self.offset(uri, span["start"]),
            self.offset(uri, span["end"]),
            item["insertText"],
        )
        await self.execute(item["command"]["command"], item["command"]["arguments"][0])

    def clock(self, now: float) -> None:
        """Set the virtual clock of a server started for replay."""
        self.now = now
        self.notify("habitus/clock", {"now": now})

    def wait(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.clock(self.now + seconds)

    async def flush(self) -> Any:
        """Wait until everything due is settled and on disk (replay only)."""
        return await self.request("habitus/flush", {})

    # --- the end ------------------------------------------------------------------

    async def shutdown(self) -> int:
        """Leave politely; return the exit status."""
        await self.request("shutdown", None)
        self.notify("exit", None)
        return await self._ended()

    async def kill(self) -> None:
        """End the server at once, whatever it does."""
        if self.process.returncode is None:
            self.process.kill()
        await self._ended()

    async def _ended(self) -> int:
        status = await asyncio.wait_for(self.process.wait(), REPLY_SECONDS)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        return status

    # --- the wire -----------------------------------------------------------------

    def _write(self, message: Mapping[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.write_raw(body)

    async def _read_messages(self) -> None:
        assert self.process.stdout is not None
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                header = await self.process.stdout.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.split(b":")[1])
                    for line in header.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                )
                body = await self.process.stdout.readexactly(length)
                await self._receive(json.loads(body))
        for future in self._waiting.values():
            if not future.done():
                last = "".join(self.errors[-20:])
                future.set_exception(ConnectionError(f"The server ended. {last}"))

    async def _read_errors(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.errors.append(line.decode(errors="replace"))

    async def _receive(self, message: Mapping[str, Any]) -> None:
        if "method" not in message:
            future = self._waiting.pop(message["id"], None)
            if future is None or future.done():
                return
            if "error" in message:
                future.set_exception(RequestError(message["error"]))
            else:
                future.set_result(message.get("result"))
            return
        if "id" in message:
            self._write({"id": message["id"], "result": None})
        async with self._arrival:
            self.notifications[message["method"]].append(message.get("params"))
            self._arrival.notify_all()


@contextlib.asynccontextmanager
async def editing(
    *roots: Path, flags: Sequence[str] = (), state: Path, encodings: Sequence[str] = ("utf-16",)
) -> AsyncIterator[FakeEditor]:
    """An initialized editor that is shut down, or killed, at the end."""
    editor = await FakeEditor.start(*flags, state=state)
    try:
        await editor.initialize(*roots, encodings=encodings)
        yield editor
        await editor.shutdown()
    finally:
        await editor.kill()


@contextlib.asynccontextmanager
async def rooted(window: FakeEditor, *folders: Path) -> AsyncIterator[FakeEditor]:
    """The window with these roots, and at the end as it was."""
    window.wait(10_000)
    for folder in folders:
        window.add_folder(folder)
    await window.flush()
    try:
        yield window
    finally:
        for uri in tuple(window.texts):
            window.close(uri)
        for folder in folders:
            window.remove_folder(folder)
        window.notifications.clear()
