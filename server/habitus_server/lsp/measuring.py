"""The messages of a server that was started for replay (`--replay-clock`).

`habitus/clock {now}` sets the time; `habitus/flush` answers when everything due is
settled and on disk; `habitus/score {textDocument, position, text}` says what a text
would have cost at a place. No other server knows them.
"""

from __future__ import annotations

from typing import Any

import msgspec

from habitus_server.lsp.protocol import HabitusServer
from habitus_server.lsp.window import Window
from habitus_server.text import Position


class _Clock(msgspec.Struct):
    now: float


class _TextDocument(msgspec.Struct):
    uri: str


class _Score(msgspec.Struct):
    text_document: _TextDocument = msgspec.field(name="textDocument")
    position: Position
    text: str


def register(server: HabitusServer, window: Window) -> None:
    """Register the handlers."""

    @server.feature("habitus/clock")
    def clock(params: Any) -> None:
        window.set_clock(msgspec.convert(params, _Clock, strict=False).now)

    @server.feature("habitus/flush")
    async def flush(params: Any) -> dict[str, Any]:
        return await window.flush()

    @server.feature("habitus/score")
    async def score(params: Any) -> dict[str, Any] | None:
        asked = msgspec.convert(params, _Score)
        snapshot = window.session.snapshot(asked.text_document.uri, asked.position)
        if snapshot is None:
            return None
        return await window.answers.score(snapshot, asked.text)
