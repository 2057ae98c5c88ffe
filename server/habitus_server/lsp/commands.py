"""workspace/executeCommand: each command takes one object.

pygls unpacks arguments by position and knows no defaults, and some editors drop a
trailing null: so each command reads whatever arrives by itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from pygls.exceptions import JsonRpcInvalidParams

from habitus_server.lsp.outbox import to_plain
from habitus_server.lsp.protocol import HabitusServer
from habitus_server.lsp.window import Window

_Argument = TypeVar("_Argument", bound=msgspec.Struct)


class About(msgspec.Struct):
    """Which suggestion a command is about."""

    id: str


class Where(msgspec.Struct):
    """Which workspace a command is about: that of `uri`, or of the document last used."""

    uri: str | None = None


def register(server: HabitusServer, window: Window) -> None:
    """Register the commands."""

    async def accept(about: About) -> dict[str, Any]:
        """Answered after the commit is on disk, or with recorded = false and why."""
        return await window.accept(about.id)

    async def dismiss(about: About) -> dict[str, Any]:
        return await window.dismiss(about.id)

    async def learn_now(where: Where) -> dict[str, Any]:
        return await window.learn_now(where.uri)

    async def roll_back(where: Where) -> dict[str, Any]:
        return await window.roll_back(where.uri)

    async def pause(where: Where) -> dict[str, Any]:
        window.pause(is_paused=True)
        return {"paused": True}

    async def resume(where: Where) -> dict[str, Any]:
        window.pause(is_paused=False)
        return {"paused": False}

    async def status(where: Where) -> dict[str, Any]:
        shown: dict[str, Any] = to_plain(await window.status(where.uri))
        return shown

    _command(server, "habitus.accept", About, accept)
    _command(server, "habitus.dismiss", About, dismiss)
    _command(server, "habitus.learnNow", Where, learn_now)
    _command(server, "habitus.rollBack", Where, roll_back)
    _command(server, "habitus.pause", Where, pause)
    _command(server, "habitus.resume", Where, resume)
    _command(server, "habitus.status", Where, status)


def _command(
    server: HabitusServer,
    name: str,
    kind: type[_Argument],
    run: Callable[[_Argument], Awaitable[dict[str, Any]]],
) -> None:
    @server.command(name)
    async def handler(*arguments: Any) -> dict[str, Any]:
        given = arguments[0] if arguments and arguments[0] is not None else {}
        try:
            argument = msgspec.convert(given, kind)
        except msgspec.ValidationError as error:
            raise JsonRpcInvalidParams(f"{name} takes one object: {error}.") from error
        return await run(argument)
