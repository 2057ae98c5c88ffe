"""One peer's conversation with a running engine.

Promises that every request ends: with its answer, with `SupersededError`, or with an
`EngineError` fit to show; and that cancelling the awaiting task cancels the work
in the engine. Does not start engines (`launch`), does not reconnect (the
supervisor), and holds no torch.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from habitus_server.engine import wire
from habitus_server.engine.wire import (
    Completed,
    EngineStatus,
    Hello,
    Place,
    Scored,
    Stop,
    Warmed,
)
from habitus_server.errors import EngineError, ProtocolError
from habitus_server.records import AdapterRef

HELLO_TIMEOUT_S = 10.0
"""An engine greets at once, but its interpreter may be busy importing."""

_Answer = TypeVar("_Answer", Completed, Scored, Warmed, EngineStatus)


class SupersededError(EngineError):
    """A newer request of the same window took this one's place; nothing is wrong."""


class EngineClient:
    """A connection to one engine. Make it with `connect`; all calls on one event loop."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._next_id = 0
        self._waiting: dict[int, asyncio.Future[wire.Reply]] = {}
        self._deltas: dict[int, Callable[[str], None]] = {}
        self._closing = False
        self.engine_pid = 0
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._listener: asyncio.Task[None] | None = None

    @classmethod
    async def connect(
        cls,
        socket_path: Path,
        *,
        role: str = "serve",
        token: str = "",
        timeout_s: float = HELLO_TIMEOUT_S,
    ) -> EngineClient:
        """Greet the engine at a socket; raise `EngineError` when none answers there."""
        try:
            reader, writer = await asyncio.open_unix_connection(socket_path)
        except OSError as error:
            raise EngineError(f"No engine listens at {socket_path}: {error.strerror}.") from error
        client = cls(reader, writer)
        try:
            await asyncio.wait_for(client._greet(role, token), timeout_s)
        except TimeoutError as error:
            writer.close()
            raise EngineError(
                f"{socket_path} is taken by something that is not a Habitus engine, or by one "
                f"that hangs: it did not greet within {timeout_s:.0f} s. End that process, or "
                "set HABITUS_STATE_DIR to another folder."
            ) from error
        except (EngineError, ProtocolError, OSError, EOFError) as error:
            writer.close()
            raise EngineError(f"The engine at {socket_path} refused: {_reason(error)}") from error
        client._listener = asyncio.create_task(client._listen())
        return client

    async def complete(
        self,
        place: Place,
        *,
        window: str,
        adapter: AdapterRef | None = None,
        candidates: int = 1,
        temperature: float = 0.8,
        seed: int = 0,
        stop: Stop | None = None,
        use_memory: bool = True,
        is_guess: bool = False,
        on_delta: Callable[[str], None] | None = None,
    ) -> Completed:
        """Complete at a place; `on_delta` is called with the greedy text as it grows."""
        request = wire.Complete(
            id=self._take_id(),
            window=window,
            place=place,
            adapter=adapter,
            candidates=candidates,
            temperature=temperature,
            seed=seed,
            stop=stop or Stop(),
            use_memory=use_memory,
            stream=on_delta is not None,
            is_guess=is_guess,
        )
        if on_delta is not None:
            self._deltas[request.id] = on_delta
        try:
            return await self._ask(request, Completed)
        finally:
            self._deltas.pop(request.id, None)

    async def score(
        self,
        place: Place,
        middle: str,
        *,
        adapter: AdapterRef | None = None,
        use_memory: bool = True,
    ) -> Scored:
        """What `middle` costs at a place, in bits, under what a completion there would use."""
        return await self._ask(
            wire.Score(self._take_id(), place, middle, adapter, use_memory), Scored
        )

    async def warm(self, workspace: str, adapter: AdapterRef) -> None:
        """Return when an adapter is ready to serve; the one that serves is not held up."""
        await self._ask(wire.Warm(self._take_id(), workspace, adapter), Warmed)

    def remember(self, workspace: str, path: str, text: str, *, learn: bool = False) -> None:
        """Put a document into memory; a later request on this connection sees it."""
        self._send(wire.Remember(workspace, path, text, learn))

    def forget(self, workspace: str, path: str = "") -> None:
        """Drop a document, or the whole workspace, from memory."""
        self._send(wire.Forget(workspace, path))

    async def status(self, *, settled: bool = False) -> EngineStatus:
        """What the engine holds; `settled` waits for memory to take in all sent before."""
        return await self._ask(wire.AskStatus(self._take_id(), settled), EngineStatus)

    def shut_down(self) -> None:
        """Ask the engine to end after the request in flight."""
        self._send(wire.Shutdown())

    async def close(self) -> None:
        """End the conversation; whatever is still awaited fails."""
        self._closing = True
        self._writer.close()
        if self._listener is not None:
            await asyncio.wait([self._listener])
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    @property
    def is_lost(self) -> bool:
        """Whether the connection has ended; `lost` then holds the reason."""
        return self.lost.done()

    def _take_id(self) -> int:
        self._next_id += 1
        return self._next_id

    def _send(self, message: wire.Message) -> None:
        if self.lost.done() or self._closing:
            raise EngineError("The engine has gone; completion resumes when it is back.")
        try:
            self._writer.write(wire.frame(message))
        except ProtocolError as error:
            raise EngineError(str(error)) from error

    async def _ask(
        self,
        request: wire.Complete | wire.Score | wire.Warm | wire.AskStatus,
        kind: type[_Answer],
    ) -> _Answer:
        future: asyncio.Future[wire.Reply] = asyncio.get_running_loop().create_future()
        self._waiting[request.id] = future
        try:
            self._send(request)
            await self._writer.drain()
            answer = await future
        except asyncio.CancelledError:
            if not self.lost.done() and not self._closing:
                self._send(wire.Cancel(request.id))
            raise
        except OSError as error:
            raise EngineError("The engine has gone; completion resumes when it is back.") from error
        finally:
            self._waiting.pop(request.id, None)
        if isinstance(answer, kind):
            return answer
        if isinstance(answer, wire.Cancelled):
            raise SupersededError("A newer request took this one's place.")
        if isinstance(answer, wire.Failed):
            raise EngineError(answer.message)
        raise EngineError(f"The engine answered with a {type(answer).__name__}; restart it.")

    async def _greet(self, role: str, token: str) -> None:
        self._writer.write(wire.frame(Hello(wire.PROTOCOL, role, os.getpid(), token)))
        await self._writer.drain()
        answer = await self._read()
        if isinstance(answer, wire.Failed):
            raise EngineError(answer.message)
        if not isinstance(answer, Hello):
            raise ProtocolError(f"it greeted with a {type(answer).__name__}.")
        if answer.protocol != wire.PROTOCOL:
            raise EngineError(protocol_mismatch(ours=wire.PROTOCOL, theirs=answer.protocol))
        self.engine_pid = answer.pid

    async def _read(self) -> wire.Reply:
        header = await self._reader.readexactly(wire.HEADER_BYTES)
        return wire.read_reply(await self._reader.readexactly(wire.body_length(header)))

    async def _listen(self) -> None:
        reason = "The engine closed the connection."
        try:
            while True:
                self._deliver(await self._read())
        except (EOFError, OSError):
            pass
        except ProtocolError as error:
            reason = f"The engine broke the protocol: {error}"
        finally:
            self._writer.close()
            self.lost.set_result("Closed." if self._closing else reason)
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(EngineError(reason))

    def _deliver(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Delta):
            if on_delta := self._deltas.get(reply.id):
                on_delta(reply.text)
            return
        if isinstance(reply, Hello):
            raise ProtocolError("it greeted twice.")
        future = self._waiting.get(reply.id)
        if future is not None and not future.done():
            future.set_result(reply)


def protocol_mismatch(*, ours: int, theirs: int) -> str:
    """The sentence that says which side to update."""
    older = "engine" if theirs < ours else "editor's Habitus"
    return (
        f"The engine speaks protocol {theirs} and this Habitus {ours}: restart the {older} "
        "with the newer version."
    )


def _reason(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "it closed the connection without a word."
    return str(error)
