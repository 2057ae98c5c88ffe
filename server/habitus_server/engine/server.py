"""The engine's peers: they come, ask and go.

Promises that only this user's processes are heard, that a peer which breaks the
protocol costs itself its connection and nobody else anything, and that an engine which
nobody can reach ends. Knows requests, not how they are answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import os
import signal
import socket
import struct
from collections.abc import Callable

from habitus_server.engine import wire
from habitus_server.engine.address import Address
from habitus_server.engine.client import protocol_mismatch
from habitus_server.engine.intake import Intake
from habitus_server.engine.scheduler import Scheduler
from habitus_server.errors import ProtocolError

UNREAD_LIMIT_BYTES = 64 << 20
HELLO_TIMEOUT_S = 10.0
LAST_LOOK_S = 0.1
REACH_CHECK_S = 30.0
CRASHED = 70
_log = logging.getLogger(__name__)


class _Connection:
    """One peer's end; replies come from the worker's thread."""

    def __init__(self, writer: asyncio.StreamWriter, loop: asyncio.AbstractEventLoop) -> None:
        self._writer = writer
        self._loop = loop

    def reply(self, message: wire.Message) -> None:
        """Send from any thread; a peer that has gone is not missed."""
        # The loop is closed when the engine ends with work still in flight.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._write, wire.frame(message))

    def _write(self, data: bytes) -> None:
        if self._writer.is_closing():
            return
        if self._writer.transport.get_write_buffer_size() > UNREAD_LIMIT_BYTES:
            _log.warning("A peer reads nothing; its connection is closed.")
            self._writer.close()
            return
        self._writer.write(data)


class Server:
    """Listens until it is told to shut down, or has long had no peers."""

    def __init__(
        self,
        address: Address,
        scheduler: Scheduler,
        intake: Intake,
        *,
        exit_after_s: float,
        token: str = "",
    ) -> None:
        self._address = address
        self._scheduler = scheduler
        self._intake = intake
        self._exit_after_s = exit_after_s
        self._token = token
        self._done = asyncio.Event()
        self._peers: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._goodbye: asyncio.TimerHandle | None = None

    async def run(self, *, on_listening: Callable[[], None] = lambda: None) -> int:
        """Serve until the end; returns the process's exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._done.set)
        listener = self._address.listen()
        server = await asyncio.start_unix_server(self._welcome, sock=listener)
        self._await_peers()
        on_listening()
        _log.info("listening at %s", self._address.path)
        self._look_again()
        await self._done.wait()
        self._address.withdraw()
        server.close()
        await asyncio.to_thread(self._scheduler.stop)
        for writer in self._peers.values():
            writer.close()
        if self._peers:
            await asyncio.wait(list(self._peers), timeout=2.0)
        return 0

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._peers[task] = writer
        if self._goodbye is not None:
            self._goodbye.cancel()
        connection = _Connection(writer, asyncio.get_running_loop())
        try:
            if not _is_same_user(writer):
                _log.warning("A process of another user was turned away.")
                return
            if await self._greet(reader, writer):
                await self._converse(reader, connection)
        except (EOFError, OSError, TimeoutError):
            pass
        except ProtocolError as error:
            _log.warning("A peer broke the protocol and was disconnected: %s", error)
        finally:
            self._scheduler.drop(connection)
            writer.close()
            del self._peers[task]
            if not self._peers:
                self._await_peers()
                self._leave_if_unreachable()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        hello = await asyncio.wait_for(_read(reader), HELLO_TIMEOUT_S)
        if not isinstance(hello, wire.Hello):
            raise ProtocolError(f"the first frame was a {type(hello).__name__}")
        writer.write(wire.frame(wire.Hello(wire.PROTOCOL, "engine", os.getpid())))
        if not hmac.compare_digest(hello.token.encode(), self._token.encode()):
            raise ProtocolError("the token does not match")
        if hello.protocol != wire.PROTOCOL:
            _log.warning("%s", protocol_mismatch(ours=hello.protocol, theirs=wire.PROTOCOL))
            await writer.drain()
            return False
        return True

    async def _converse(self, reader: asyncio.StreamReader, connection: _Connection) -> None:
        while True:
            request = await _read(reader)
            if isinstance(request, wire.Complete | wire.Score):
                self._scheduler.submit(connection, request)
            elif isinstance(request, wire.Warm):
                self._scheduler.warm(connection, request)
            elif isinstance(request, wire.Cancel):
                self._scheduler.cancel(connection, request.id)
            elif isinstance(request, wire.Remember | wire.Forget):
                self._intake.put(request)
            elif isinstance(request, wire.AskStatus):
                self._report(connection, request)
            elif isinstance(request, wire.Shutdown):
                self._done.set()
            else:
                raise ProtocolError("it greeted twice")

    def _report(self, connection: _Connection, request: wire.AskStatus) -> None:
        def report() -> None:
            connection.reply(self._scheduler.status(request.id))

        if request.settled:
            self._intake.put(lambda: self._scheduler.after_study(report))
        else:
            report()

    def _await_peers(self) -> None:
        loop = asyncio.get_running_loop()
        # A peer that came in the very turn of the loop in which the time is up (after a
        # stall, say) is welcomed in a later turn: look once more before leaving.
        self._goodbye = loop.call_later(
            self._exit_after_s, lambda: loop.call_later(LAST_LOOK_S, self._leave)
        )

    def _leave(self) -> None:
        if not self._peers:
            _log.info("no peers for %.0f s; ending", self._exit_after_s)
            self._done.set()

    def _look_again(self) -> None:
        asyncio.get_running_loop().call_later(REACH_CHECK_S, self._look_again)
        self._leave_if_unreachable()

    def _leave_if_unreachable(self) -> None:
        """Nobody else can come once our socket's path is gone: the state was deleted."""
        if not self._peers and not self._address.is_ours():
            _log.info("nobody can reach %s any more; ending", self._address.path)
            self._done.set()


def crash(address: Address) -> None:
    """End the process with an error, from any thread; `serve` starts a new engine."""
    # Without its worker an engine can answer nothing, so nothing is worth ending well.
    address.withdraw()
    logging.shutdown()
    os._exit(CRASHED)


async def _read(reader: asyncio.StreamReader) -> wire.Request:
    header = await reader.readexactly(wire.HEADER_BYTES)
    return wire.read_request(await reader.readexactly(wire.body_length(header)))


def _is_same_user(writer: asyncio.StreamWriter) -> bool:
    """Whether the peer's process is ours; elsewhere than on Linux the 0600 socket says so."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    peer = writer.get_extra_info("socket")
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", credentials)
    return bool(uid == os.getuid())
