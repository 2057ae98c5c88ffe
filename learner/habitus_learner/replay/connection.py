"""JSON-RPC over the pipes of a language server's process.

Promises that requests are answered or fail with an error type of this room, that the
server's own requests get an answer, and that notifications are handed over in order.
Knows the framing of the Language Server Protocol and none of its methods.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from habitus_server.errors import HabitusError

REPLY_SECONDS = 120.0
_KEPT_LOG_LINES = 200

OnNotification = Callable[[str, Any], None]


class ServerGoneError(HabitusError):
    """The language server ended while it was needed."""


class RequestFailedError(HabitusError):
    """The language server answered a request with an error."""


class Connection:
    """One language server process; create it with `open`, end it with `close`."""

    def __init__(
        self, process: asyncio.subprocess.Process, on_notification: OnNotification
    ) -> None:
        assert process.stdin is not None and process.stdout is not None
        self.process = process
        self.log: list[str] = []
        self._stdin = process.stdin
        self._stdout = process.stdout
        self._on_notification = on_notification
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._next_id = 0
        self._tasks = (
            asyncio.create_task(self._read_messages()),
            asyncio.create_task(self._read_log()),
        )

    @classmethod
    async def open(
        cls,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path,
        on_notification: OnNotification,
    ) -> Connection:
        """Start the server's process in `folder`."""
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(environment),
            cwd=folder,
        )
        return cls(process, on_notification)

    async def request(self, method: str, params: Any) -> Any:
        """Send a request and wait for its result."""
        self._next_id += 1
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[self._next_id] = future
        await self._write({"id": self._next_id, "method": method, "params": params})
        try:
            return await asyncio.wait_for(future, REPLY_SECONDS)
        except TimeoutError as error:
            raise ServerGoneError(
                f"habitus serve did not answer {method} within {REPLY_SECONDS:.0f} s."
                f"{self._last_words()}"
            ) from error

    async def notify(self, method: str, params: Any) -> None:
        """Send a notification."""
        await self._write({"method": method, "params": params})

    async def close(self) -> int:
        """Leave politely, or end the process when it does not; return its exit status."""
        with contextlib.suppress(HabitusError):
            await self.request("shutdown", None)
            await self.notify("exit", None)
        try:
            status = await asyncio.wait_for(self.process.wait(), 15.0)
        except TimeoutError:
            self.process.kill()
            status = await self.process.wait()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        return status

    async def _write(self, message: Mapping[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}, ensure_ascii=False).encode()
        try:
            self._stdin.write(b"Content-Length: %d\r\n\r\n" % len(body))
            self._stdin.write(body)
            await self._stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise ServerGoneError(f"habitus serve ended.{self._last_words()}") from error

    async def _read_messages(self) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                header = await self._stdout.readuntil(b"\r\n\r\n")
                body = await self._stdout.readexactly(_content_length(header))
                await self._receive(json.loads(body))
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ServerGoneError(f"habitus serve ended.{self._last_words()}"))

    async def _receive(self, message: Mapping[str, Any]) -> None:
        if "method" in message:
            if "id" in message:
                await self._write({"id": message["id"], "result": None})
            else:
                self._on_notification(message["method"], message.get("params"))
            return
        future = self._waiting.pop(message["id"], None)
        if future is None or future.done():
            return
        if "error" in message:
            future.set_exception(RequestFailedError(str(message["error"].get("message"))))
        else:
            future.set_result(message.get("result"))

    async def _read_log(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.log.append(line.decode(errors="replace").rstrip())
            del self.log[:-_KEPT_LOG_LINES]

    def _last_words(self) -> str:
        return f" Its last words: {self.log[-1]}" if self.log else ""


def _content_length(header: bytes) -> int:
    for line in header.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    raise ServerGoneError("habitus serve sent a message without a length.")
