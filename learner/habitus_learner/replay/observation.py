"""What one item got, and what that was worth to the developer.

Promises plain values from an answer and the decision on it; knows no editor. Pure.
"""

from __future__ import annotations

import msgspec

from habitus_learner.replay import developer
from habitus_learner.replay.developer import Decision, Reaction, edit_distance
from habitus_learner.replay.editor import Proposal
from habitus_learner.replay.items import Item


class Observation(msgspec.Struct, frozen=True):
    """What one item got, and what came of it.

    `text` is the suggestion as it would stand from the cursor on, "" when nothing was
    shown; `similarity` compares its first line with the answer. Characters saved count
    keystrokes, those that accept and undo included, so they can be negative.
    """

    item: Item
    text: str
    exact: bool
    similarity: float
    reaction: Reaction | None
    accepted_characters: int
    retained_characters: int
    saved_characters: int
    latency_ms: float
    bits: float | None = None
    chars: int | None = None

    @property
    def is_shown(self) -> bool:
        """Whether there was anything to react to."""
        return bool(self.text)

    @property
    def is_accepted(self) -> bool:
        """Whether text of it was taken, kept or not."""
        return self.reaction is not None and self.reaction.is_accepting


def observe(
    item: Item, proposal: Proposal | None, decision: Decision | None, latency_ms: float
) -> Observation:
    """What an item's suggestion is worth, by the answer and the decision on it."""
    if proposal is None or decision is None:
        return Observation(item, "", False, 0.0, None, 0, 0, 0, latency_ms)
    first = proposal.text.partition("\n")[0]
    retained, saved = worth(decision, item.answer)
    return Observation(
        item=item,
        text=proposal.text,
        exact=developer.is_same(first, item.answer),
        similarity=developer.edit_similarity(first.rstrip(), item.answer),
        reaction=decision.reaction,
        accepted_characters=len(decision.taken),
        retained_characters=retained,
        saved_characters=saved,
        latency_ms=latency_ms,
    )


def worth(decision: Decision, answer: str) -> tuple[int, int]:
    """Characters that stayed, and keystrokes that were spared."""
    taken = decision.taken
    match decision.reaction:
        case Reaction.ACCEPT | Reaction.ACCEPT_PART:
            return len(taken), len(taken) - 1
        case Reaction.ACCEPT_THEN_EDIT:
            kept = developer.kept_characters(taken, answer)
            return kept, len(answer) - edit_distance(taken, answer) - 1
        case Reaction.ACCEPT_THEN_REVERT:
            return 0, -2
        case _:
            return 0, 0
