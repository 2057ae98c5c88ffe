"""A model that suggests what a script tells it to.

Promises to speak the engine's real protocol on the engine's real socket, so that `habitus
serve` in front of it is the one that users have; what it says comes from `Prompter.lines`.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from habitus_server.engine import wire
from habitus_server.engine.launch import engine_socket
from habitus_server.errors import ProtocolError
from habitus_server.workspaces import try_lock

MODEL = "scripted"


class Prompter:
    """Answers by file: after a certain text, its continuations."""

    def __init__(self) -> None:
        self.lines: dict[str, dict[str, tuple[str, ...]]] = {}
        """Per path: what follows a text, the one to be offered first at the front."""

    async def listen(self, state: Path) -> asyncio.Server:
        """Stand where `serve` on this state folder looks for its engine, and keep others away."""
        socket = engine_socket(state, MODEL, "auto")
        # Held until the process ends: without it, a server that outlives us starts an engine.
        try_lock(socket.with_suffix(".lock"))
        return await asyncio.start_unix_server(self._converse, socket, limit=wire.MAX_FRAME_BYTES)

    def continuations(self, path: str, prefix: str) -> list[str]:
        """What is left to write of the lines that fit best behind a prefix."""
        found: list[tuple[int, str]] = []
        for after, texts in self.lines.get(path, {}).items():
            at = prefix.rfind(after)
            typed = prefix[at + len(after) :]
            found += [
                (at + len(after), text[len(typed) :])
                for text in texts
                if at >= 0 and text.startswith(typed) and text != typed
            ]
        latest = max((at for at, _ in found), default=0)
        return [rest for at, rest in found if at == latest]

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                header = await reader.readexactly(wire.HEADER_BYTES)
                body = await reader.readexactly(wire.body_length(header))
                reply = self._answer(wire.read_request(body))
                if reply is not None:
                    writer.write(wire.frame(reply))
        except (EOFError, OSError, ProtocolError, asyncio.CancelledError):
            writer.close()

    def _answer(self, request: wire.Request) -> wire.Reply | None:
        if isinstance(request, wire.Hello):
            return wire.Hello(wire.PROTOCOL, "engine", os.getpid())
        if isinstance(request, wire.Complete):
            texts = self.continuations(request.place.path, request.place.prefix)
            candidates = tuple(
                wire.Candidate(text, (-0.1,), "stop") for text in texts[: request.candidates]
            )
            return wire.Completed(request.id, candidates, None, 1, 0, 0.0, 0.0, 0.0)
        if isinstance(request, wire.AskStatus):
            return wire.EngineStatus(request.id, "ready", "", MODEL, "cpu", (), False, 1.0, 0, 0)
        return None
