"""What a report tells, as values.

Frozen records that know nothing of how they are gathered or drawn. Times are seconds
since the epoch; shares go from 0 to 1. Nothing here is text of a file that the
workspace's rules do not allow.
"""

from __future__ import annotations

import msgspec

from habitus_learner.judged import Judged
from habitus_learner.statistics import Interval
from habitus_server.records import CycleState, Rejection
from habitus_server.store import Erasure


class Live(msgspec.Struct, frozen=True):
    """What became of the suggestions of one adapter (`adapter` None: of base weights).

    `taken` counts what was accepted in whole or in part. `acceptance` is its share of
    `shown`; `retained` the share of the accepted characters that still stand, of what
    settled and was not censored; `chars_per_shown` what a shown suggestion left.
    """

    adapter: str | None
    shown: int
    taken: int
    acceptance: Interval
    retained: Interval
    settled: int
    chars_per_shown: Interval


class Day(msgspec.Struct, frozen=True):
    """One local day: `at` is its first suggestion; characters are those of settled text."""

    date: str
    at: float
    shown: int
    taken: int
    accepted_chars: int
    retained_chars: int


class Gate(msgspec.Struct, frozen=True):
    """What the gate measured, before an adapter and with it, at the same places.

    `gain` is in bits per character saved, `exact_gain` in shares of whole lines. `drift`
    is the share that general code costs more than under base weights.
    """

    places: int
    episodes: int
    bits_before: float
    bits_after: float
    gain: Interval
    exact_before: float
    exact_after: float
    exact_gain: Interval
    drift: float


class Version(msgspec.Struct, frozen=True):
    """One adapter that was published. `fate` is "serving", "kept", "taken back",
    "made room" or "forgotten"; `reason` says why it was taken back.

    `examples` counts what it was trained on by kind, and is empty where that is not
    known any more; so is `places`, by which it was judged.
    """

    name: str
    at: float
    parent: str | None
    fate: str
    reason: str
    examples: dict[str, int]
    gate: Gate | None
    places: tuple[Judged, ...]


class Verdict(msgspec.Struct, frozen=True):
    """How a cycle ended, or that an adapter was taken back."""

    at: float
    minutes: float
    state: CycleState
    adapter: str | None
    sentence: str
    gate: Gate | None


class Habit(msgspec.Struct, frozen=True):
    """A line that was written by hand again and again, and the files it was written in."""

    text: str
    times: int
    files: tuple[str, ...]


class Correction(msgspec.Struct, frozen=True):
    """A suggestion that was taken, and what it was made into; `lead` stood before it in
    its line."""

    path: str
    kind: str
    lead: str
    suggested: str
    written: str
    at: float


class Piece(msgspec.Struct, frozen=True):
    """Code that was written by hand."""

    path: str
    text: str
    at: float


class Lessons(msgspec.Struct, frozen=True):
    """What there is to learn from now: counts by kind, by class of correction and by file.

    `by_hand` places in `episodes` could judge an adapter.
    """

    kinds: dict[str, int]
    corrections: dict[str, int]
    files: tuple[tuple[str, int], ...]
    by_hand: int
    episodes: int
    waiting: int
    habits: tuple[Habit, ...]
    corrected: tuple[Correction, ...]
    pieces: tuple[Piece, ...]

    @property
    def count(self) -> int:
        """All lessons."""
        return sum(self.kinds.values())


class Needs(msgspec.Struct, frozen=True):
    """What has to come together before a cycle runs and can be judged."""

    examples: int
    wait_hours: float
    places: int
    episodes: int


class Report(msgspec.Struct, frozen=True):
    """Everything that a report tells of one workspace; `since` is None on the first day."""

    name: str
    made_at: float
    since: float | None
    overall: Live
    by_adapter: tuple[Live, ...]
    days: tuple[Day, ...]
    serving: str | None
    versions: tuple[Version, ...]
    verdicts: tuple[Verdict, ...]
    lessons: Lessons
    refused: tuple[Rejection, ...]
    refused_count: int
    erasures: tuple[Erasure, ...]
    needs: Needs
