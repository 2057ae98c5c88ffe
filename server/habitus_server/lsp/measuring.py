"""The messages of a server that was started for replay (`--replay-clock`).

`habitus/clock {now}` sets the time; `habitus/flush` answers when everything due is
settled and on disk; `habitus/score {textDocument, position, text}` says what a text
would have cost at a place. No other server knows them.
"""

from __future__ import annotations

from typing import Any

import msgspec

from habitus_server.lsp.rooms import Rooms
from habitus_server.positions import Position


class _Clock(msgspec.Struct):
    now: float


class _TextDocument(msgspec.Struct):
    uri: str


class _Score(msgspec.Struct):
    text_document: _TextDocument = msgspec.field(name="textDocument")
    position: Position
    text: str


def clock(rooms: Rooms, params: Any) -> None:
    """Time goes on."""
    rooms.set_clock(msgspec.convert(params, _Clock, strict=False).now)


async def flush(rooms: Rooms, params: Any) -> dict[str, Any]:
    """Wait for memory, settlement and the disk."""
    return await rooms.flush()


async def score(rooms: Rooms, params: Any) -> dict[str, Any] | None:
    """Bits of a text at a place; null where the document is not open."""
    asked = msgspec.convert(params, _Score)
    snapshot = rooms.session.snapshot(asked.text_document.uri, asked.position)
    if snapshot is None:
        return None
    return await rooms.answers.score(snapshot, asked.text)
