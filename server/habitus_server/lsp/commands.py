"""workspace/executeCommand: each command takes one object and answers with one.

Every one of them runs through the workspace's `executor` and leaves a task.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from pygls.exceptions import JsonRpcInvalidParams

from habitus_server.lsp import judging
from habitus_server.lsp.rooms import Rooms
from habitus_server.records import TaskKind


class About(msgspec.Struct):
    """Which suggestion a command is about."""

    id: str


class Where(msgspec.Struct):
    """Which workspace a command is about: that of `uri`, or of the document last used."""

    uri: str | None = None


async def run(rooms: Rooms, name: str, function: str, given: Any) -> dict[str, Any]:
    """Run a command by the name of its function here; what it cannot read it refuses."""
    kind, work = _COMMANDS[function]

    async def obey() -> dict[str, Any]:
        try:
            argument: Any = msgspec.convert(given, kind)
        except msgspec.ValidationError as error:
            raise JsonRpcInvalidParams(f"{name} takes one object: {error}.") from error
        return await work(rooms, argument)

    task = TaskKind.CODE_ACTION if kind is Applied else TaskKind.COMMAND
    answer: dict[str, Any] = await rooms.executor(given).run(task, name, given, obey)
    return answer


class Applied(msgspec.Struct):
    """Which code action the editor has applied (see `actions`)."""

    uri: str
    title: str


async def accept(rooms: Rooms, about: About) -> dict[str, Any]:
    """Answered after the commit is on disk, or with recorded = false and why."""
    return await rooms.fates.accept(about.id)


async def dismiss(rooms: Rooms, about: About) -> dict[str, Any]:
    """The suggestion is not offered at its place again unasked."""
    return await rooms.fates.dismiss(about.id)


async def learn_now(rooms: Rooms, where: Where) -> dict[str, Any]:
    """Ask the workspace's learner for a cycle; its progress shows in the status."""
    return await rooms.learn_now(where.uri)


async def roll_back(rooms: Rooms, where: Where) -> dict[str, Any]:
    """Put the workspace's earlier adapter back into service."""
    return await rooms.roll_back(where.uri)


async def fix_applied(rooms: Rooms, applied: Applied) -> dict[str, Any]:
    """The edit of a code action is in the document; the task that this leaves says so."""
    return {"applied": applied.title}


async def pause(rooms: Rooms, where: Where) -> dict[str, Any]:
    """Suggest and record nothing in this window until resumed."""
    rooms.pause(is_paused=True)
    return {"paused": True}


async def resume(rooms: Rooms, where: Where) -> dict[str, Any]:
    """Go on."""
    rooms.pause(is_paused=False)
    return {"paused": False}


async def status(rooms: Rooms, where: Where) -> dict[str, Any]:
    """Everything about one workspace (see `habitus_server.status`)."""
    shown: dict[str, Any] = msgspec.to_builtins(await rooms.status(where.uri))
    return shown


async def why(rooms: Rooms, where: Where) -> dict[str, Any]:
    """Why the last place of a workspace showed a suggestion, or did not."""
    root = rooms.about(where.uri)
    place = None if root is None else root.notes.explaining.last
    if place is None:
        return {"sentence": "No suggestion has been asked for here yet."}
    told: dict[str, Any] = msgspec.to_builtins(place)
    return {**told, "sentence": place.why.sentence}


_COMMANDS: dict[str, tuple[type, Callable[[Rooms, Any], Awaitable[dict[str, Any]]]]] = {
    "accept": (About, accept),
    "dismiss": (About, dismiss),
    "rate": (judging.Rated, judging.rate),
    "decide": (judging.Choice, judging.decide),
    "conclude": (judging.Conclusion, judging.conclude),
    "learn_now": (Where, learn_now),
    "roll_back": (Where, roll_back),
    "fix_applied": (Applied, fix_applied),
    "pause": (Where, pause),
    "resume": (Where, resume),
    "status": (Where, status),
    "why": (Where, why),
}
