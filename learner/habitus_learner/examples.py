"""What an example is: one lesson, with its weight and where it came from.

Promises values that say who wrote what they teach and that name every row of the store
they rest on. How rows become examples is told in `lessons`, how examples are parted in
`split`. Knows no tokens, no model, no clock and no file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import Enum

import msgspec

from habitus_learner.corrections import CorrectionClass

_DAY_S = 86_400.0

Episode = tuple[str, str, int]


class Kind(Enum):
    """What an example teaches."""

    SUCCESS = "success"
    CORRECTION = "correction"
    FAILURE = "failure"
    PREFERENCE = "preference"
    PATTERN = "pattern"
    BUG_FIX = "bug fix"
    DECISION = "decision"


class Author(Enum):
    """Who wrote the text that is taught; `OTHER` is a tool, or whoever a paste came from."""

    PERSON = "person"
    MODEL = "model"
    OTHER = "other"


class Example(msgspec.Struct, frozen=True):
    """One lesson: between `prefix` and `suffix` belongs `target`, and not `rejected`.

    A failure has no target; corrections, preferences and bug fixes have both. `at` is
    when the text was written, `known_at` when it stood as it stands here, `changed_at`
    when the last thing was learned about it, which may only change its weight. `session`
    names the work that it was part of: a commit, or what a window wrote between two commits;
    `row_ids` are the rows of the store that it came from, as `row_id` writes them.
    """

    id: str
    kind: Kind
    path: str
    language: str
    prefix: str
    suffix: str
    target: str
    rejected: str
    weight: float
    session: str
    at: float
    known_at: float
    row_ids: tuple[str, ...]
    author: Author = Author.OTHER
    changed_at: float = 0.0
    correction: CorrectionClass | None = None

    @property
    def episode(self) -> Episode:
        """One file in one session on one day: the unit that statistics treat as independent."""
        return (self.session, self.path, int(self.at // _DAY_S))

    @property
    def is_by_hand(self) -> bool:
        """Whether a person wrote the target where it stands: only such places judge a model."""
        if self.author is not Author.PERSON:
            return False
        return self.kind in (Kind.PATTERN, Kind.CORRECTION)

    @property
    def is_past(self) -> bool:
        """Whether a commit wrote it, as git tells, and nobody saw it written (`past`)."""
        return self.id.startswith("past:")

    @property
    def is_own_words(self) -> bool:
        """Whether it teaches the model what the model wrote itself."""
        return self.author is Author.MODEL and self.kind in (Kind.SUCCESS, Kind.BUG_FIX)


def row_id(table: str, key: object) -> str:
    """A row's name among rows of all tables: `suggestion:…`, `pattern:…`, `fix:…`,
    `decision:…`, `task:…`, and `landing:<suggestion>@<commit>`."""
    return f"{table}:{key}"


def count_by_kind(examples: Iterable[Example]) -> dict[str, int]:
    """How many examples of each kind there are, kinds without any included."""
    counts = Counter(example.kind for example in examples)
    return {kind.value: counts[kind] for kind in Kind}
