"""A question about one place, and what may be offered there.

Values alone: who asks, who answers and who follows what became of it share them.
"""

from __future__ import annotations

from enum import Enum

import msgspec

from habitus_server.config import Completion
from habitus_server.records import AdapterRef, Suggestion
from habitus_server.session import Snapshot


class Source(Enum):
    """Where an answer came from.

    `IN_FLIGHT` is an answer that the engine was asked for before the user typed on,
    `REPEATED` one given at the same place before, `SPECULATED` one made ready while the
    suggestion before it was still shown.
    """

    ENGINE = "engine"
    IN_FLIGHT = "inFlight"
    TYPED_THROUGH = "typedThrough"
    REPEATED = "repeated"
    SPECULATED = "speculated"


class Ask(msgspec.Struct, frozen=True):
    """A question about one place, with everything its answer depends on.

    `invoked` says that the user asked by hand, which switches the filters off: what was
    turned down is shown again. `looks_further` asks for other candidates than the first.
    `is_guess` marks a question that nobody has asked yet: any other goes before it.
    """

    snapshot: Snapshot
    workspace: str
    completion: Completion
    adapter: AdapterRef | None = None
    invoked: bool = False
    looks_further: bool = False
    use_memory: bool = True
    window: str = ""
    model: str = ""
    is_guess: bool = False

    @property
    def candidates(self) -> int:
        """How many different completions are wanted."""
        return self.completion.alternatives if self.invoked or self.looks_further else 1


class Offer(msgspec.Struct, frozen=True):
    """A suggestion as it can be inserted now: `typed` characters of it already stand there.

    `replace_right` counts the code points right of the cursor that it writes over, `chance`
    is the estimate that it would be kept (see `showing`).
    """

    suggestion: Suggestion
    replace_right: int = 0
    typed: int = 0
    source: Source = Source.ENGINE
    chance: float = 1.0

    @property
    def text(self) -> str:
        """What is left to insert at the cursor."""
        return self.suggestion.text[self.typed :]


def is_answered_alike(earlier: Ask, later: Ask) -> bool:
    """Whether an answer to `earlier` answers `later` too, if the text is the same."""
    return (
        earlier.adapter == later.adapter
        and earlier.use_memory == later.use_memory
        and earlier.workspace == later.workspace
        and earlier.model == later.model
        and earlier.completion == later.completion
        and earlier.candidates >= later.candidates
    )


def is_same_place(one: Ask, other: Ask) -> bool:
    """Whether two questions are about the same place in the same version of a text."""
    first, second = one.snapshot, other.snapshot
    return (first.uri, first.version, first.start, first.end, first.pending) == (
        second.uri,
        second.version,
        second.start,
        second.end,
        second.pending,
    )


def after_accepting(ask: Ask, offer: Offer) -> Ask:
    """The question that will be asked once an offer was taken, as a guess.

    Its snapshot is of a text that does not exist yet: prefix and suffix hold, the offsets
    and the version are those of the text that it was offered in.
    """
    snapshot = ask.snapshot
    return msgspec.structs.replace(
        ask,
        snapshot=msgspec.structs.replace(
            snapshot,
            pending="",
            prefix=snapshot.prefix + offer.text,
            suffix=snapshot.suffix[offer.replace_right :],
        ),
        invoked=False,
        looks_further=False,
        is_guess=True,
    )
