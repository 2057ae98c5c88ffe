"""Commands through which a developer says what a suggestion or a choice was worth."""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgspec

from habitus_server.judgements import new_decision
from habitus_server.lsp.rooms import Rooms
from habitus_server.records import Rating


class Word(Enum):
    """What a suggestion can be called."""

    GOOD = "good"
    BAD = "bad"


class Rated(msgspec.Struct):
    """A suggestion by its id (without one, that which was shown or accepted last)."""

    rating: Word
    id: str | None = None
    word: str | None = None


class Choice(msgspec.Struct):
    """A decision as it is told; `uri` is the document that it is about, if any."""

    title: str
    choice: str
    problem: str = ""
    constraints: list[str] = []
    options: list[str] = []
    reason: str = ""
    uri: str | None = None


class Conclusion(msgspec.Struct):
    """What came of a decision."""

    id: str
    outcome: str
    uri: str | None = None


async def rate(rooms: Rooms, rated: Rated) -> dict[str, Any]:
    """Answered after the commit, or with recorded = false and why."""
    return await rooms.fates.rate(rated.id, Rating[rated.rating.name], rated.word)


async def decide(rooms: Rooms, choice: Choice) -> dict[str, Any]:
    """Answered with the decision's id after the commit."""
    root = rooms.about(choice.uri)
    if root is None:
        return {"recorded": False, "reason": "No folder is open."}
    document = rooms.session.document(choice.uri) if choice.uri else None
    decision = new_decision(
        choice.title,
        choice.choice,
        rooms.clock(),
        problem=choice.problem,
        constraints=choice.constraints,
        options=choice.options,
        reason=choice.reason,
        path=None if document is None else document.path,
    )
    reason = await root.notes.judgements.decide(decision)
    return {"recorded": not reason, "reason": reason, "id": decision.id}


async def conclude(rooms: Rooms, conclusion: Conclusion) -> dict[str, Any]:
    """Answered after the commit, or with recorded = false and why."""
    root = rooms.about(conclusion.uri)
    if root is None:
        return {"recorded": False, "reason": "No folder is open."}
    reason = await root.notes.judgements.conclude(conclusion.id, conclusion.outcome)
    return {"recorded": not reason, "reason": reason}
