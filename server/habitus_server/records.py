"""The values that cross room and process boundaries.

Frozen records with no behaviour beyond their fields. Times are seconds since
the epoch as the injected clock gives them; text offsets are code points (Python
string indices) unless a name says otherwise; paths are POSIX paths relative to
the workspace root.
"""

from __future__ import annotations

from enum import Enum

import msgspec


class State(Enum):
    """Where a suggestion is in its life, until it settles (see `outcomes`)."""

    OFFERED = "offered"
    SHOWN = "shown"
    ACCEPTED = "accepted"
    PARTIALLY_ACCEPTED = "partially_accepted"
    TYPED_THROUGH = "typed_through"
    DISMISSED = "dismissed"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"


class Outcome(Enum):
    """What became of text that reached the buffer."""

    KEPT = "kept"
    EDITED = "edited"
    REVERTED = "reverted"
    CENSORED = "censored"


class Evidence(Enum):
    """How we know that a suggestion was accepted."""

    REPORTED = "reported"
    INFERRED = "inferred"


class AdapterRef(msgspec.Struct, frozen=True):
    """One whole adapter on disk: `path` is its folder, `version` its folder's name."""

    version: str
    path: str


class Chunk(msgspec.Struct, frozen=True):
    """A piece of another file that the model should see."""

    path: str
    text: str


class Suggestion(msgspec.Struct, frozen=True):
    """One candidate as it was offered; `prefix` and `suffix` are what the model saw.

    Alternatives offered together share `request_id` and differ in `rank` (0 first).
    `adapter` is None when base weights answered. `logprob` is the sum over
    `token_count` tokens in nats.
    """

    id: str
    request_id: str
    rank: int
    window: str
    path: str
    language: str
    model: str
    adapter: str | None
    offered_at: float
    prefix: str
    suffix: str
    text: str
    logprob: float
    token_count: int


class SuggestionRow(msgspec.Struct, frozen=True):
    """A stored suggestion with what is known of its fate.

    `accepted_text` is what reached the buffer (shorter than `text` when accepted in
    part), `final_text` what stood there when it settled; `retained_chars` counts the
    accepted characters that survived every edit since.
    """

    suggestion: Suggestion
    state: State
    evidence: Evidence | None
    accepted_text: str | None
    outcome: Outcome | None
    final_text: str | None
    retained_chars: int | None
    settled_at: float | None


class Pattern(msgspec.Struct, frozen=True):
    """Code a developer wrote by hand, settled: `text` between `prefix` and `suffix`.

    `replaced` is what stood there before ("" for new code). `session` names the
    editing session (window start or commit) for clustered statistics.
    """

    id: str
    path: str
    language: str
    prefix: str
    suffix: str
    text: str
    replaced: str
    session: str
    written_at: float
    settled_at: float


class CycleState(Enum):
    """How a learning cycle stands or ended."""

    RUNNING = "running"
    PUBLISHED = "published"
    REJECTED = "rejected"
    WAITING = "waiting"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"


class Cycle(msgspec.Struct, frozen=True):
    """One learning cycle: `progress` is 0 to 1, `verdict` the gate's sentence.

    `figures` holds the gate's numbers by name; `adapter` the candidate's version,
    once there is one.
    """

    id: int
    started_at: float
    finished_at: float | None
    state: CycleState
    progress: float
    stage: str
    adapter: str | None
    verdict: str
    figures: dict[str, float]
