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


TAKEN = frozenset({State.ACCEPTED, State.PARTIALLY_ACCEPTED, State.TYPED_THROUGH})
"""States in which a suggestion's text, or some of it, came into the buffer."""

INSERTED = TAKEN - {State.TYPED_THROUGH}
"""The same by an acceptance: what was typed through is as much the developer's own text."""


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


class Rating(Enum):
    """What the developer said of a suggestion: the strongest label there is."""

    GOOD = 1
    BAD = -1


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
    `token_count` tokens in nats; `features` are what was known of its chance to be kept
    (`showing.FEATURES`), () where that was not asked.
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
    features: tuple[float, ...] = ()


class SuggestionRow(msgspec.Struct, frozen=True):
    """A stored suggestion with what is known of its fate.

    `accepted_text` is what reached the buffer (shorter than `text` when accepted in
    part), `final_text` what stood there when it settled; `retained_chars` counts the
    accepted characters that survived every edit since. `parse_*` count syntax errors
    around it, `diagnostics_*` errors and warnings on its lines, when it was offered and
    when it settled. `moved_to` is the file that its text went to.
    """

    suggestion: Suggestion
    state: State
    evidence: Evidence | None
    accepted_text: str | None
    outcome: Outcome | None
    final_text: str | None
    retained_chars: int | None
    settled_at: float | None
    rating: Rating | None = None
    rating_word: str | None = None
    rated_at: float | None = None
    parse_before: int | None = None
    parse_after: int | None = None
    diagnostics_before: int | None = None
    diagnostics_after: int | None = None
    moved_to: str | None = None


class Fate(msgspec.Struct, frozen=True):
    """One request under one adapter (None: base weights): its first candidate and what became
    of that, or nothing shown (`state` None). `retained_chars` is None until it settles."""

    window: str
    adapter: str | None
    at: float
    state: State | None = None
    outcome: Outcome | None = None
    retained_chars: int | None = None


class Landing(msgspec.Struct, frozen=True):
    """Accepted text that reached a commit: `text` as committed, from line `first_line` (0 first).

    `undone_by` is the commit that reverted or removed it.
    """

    suggestion_id: str
    commit_id: str
    path: str
    text: str
    first_line: int
    committed_at: float
    undone_by: str | None = None
    undone_at: float | None = None


class Pattern(msgspec.Struct, frozen=True):
    """Code a developer wrote by hand, settled: `text` between `prefix` and `suffix`.

    `replaced` is what stood there before ("" for new code). `session` names the
    editing session (window start or commit) for clustered statistics. `origin` says
    how it came there: "typed", "pasted" or "commit".
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
    origin: str = "typed"


class BugFix(msgspec.Struct, frozen=True):
    """A diagnostic that appeared, was worked on, and went away.

    `before` became `after` between `prefix` and `suffix`. `approach` is "by hand",
    "suggestion:<id>", "code action" or "undo"; `effectiveness` goes from 1 (it stayed
    away) to 0 (it came back, `recurrences` times).
    """

    id: str
    path: str
    language: str
    source: str
    code: str
    message: str
    severity: int
    prefix: str
    suffix: str
    before: str
    after: str
    approach: str
    session: str
    appeared_at: float
    fixed_at: float
    settled_at: float
    recurrences: int
    effectiveness: float


class Decision(msgspec.Struct, frozen=True):
    """A choice that somebody wrote down, by "command" or in an "adr" file (`origin`)."""

    id: str
    origin: str
    path: str | None
    title: str
    problem: str
    constraints: tuple[str, ...]
    options: tuple[str, ...]
    choice: str
    reason: str
    outcome: str
    decided_at: float
    changed_at: float


class TaskKind(Enum):
    """What sort of thing ran."""

    COMMAND = "command"
    CODE_ACTION = "code_action"
    TEST = "test"
    SAVE = "save"
    COMMIT = "commit"


class Task(msgspec.Struct, frozen=True):
    """One thing that ran; `succeeded` is None where that is unknown, `id` 0 until stored."""

    kind: TaskKind
    name: str
    input: str
    result: str
    error: str | None
    succeeded: bool | None
    started_at: float
    duration_s: float
    window: str
    id: int = 0


class TaskFile(msgspec.Struct, frozen=True):
    """A file that a task was about; the counts are those of a test run's outcomes."""

    path: str
    passed: int | None = None
    failed: int | None = None


class FileResult(msgspec.Struct, frozen=True):
    """What one test run said of one file."""

    task: Task
    file: TaskFile


class Rejection(msgspec.Struct, frozen=True):
    """What was turned down, where, and why: "dismissed", "reverted" or "rated".

    `key` is a digest of the normalised `place` and text; `times` counts how often.
    """

    key: str
    path: str
    language: str
    place: str
    text: str
    why: str
    times: int
    rejected_at: float


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
