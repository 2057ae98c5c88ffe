"""What the stored signals teach: rows of the store as weighted examples.

Promises that each example is traceable to the rows it came from, that one lesson is
counted once, and that training and gate are parted by time: nothing that a gate item
could reveal is trained on. Knows no tokens, no model, no clock and no file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from enum import Enum

import msgspec

from habitus_server.records import Outcome, Pattern, State, SuggestionRow

NEARLY_EQUAL = 0.6
"""From this similarity on, what was typed instead of a suggestion corrects it."""

SUCCESS_SHARE = 0.25
"""The model's own words may carry at most this share of the whole weight."""

SUCCESS_WEIGHT = 0.5
REVERTED_WEIGHT = 1.0
DISMISSED_WEIGHT = 0.5
TYPED_OVER_WEIGHT = 0.25

_ACCEPTED = frozenset({State.ACCEPTED, State.PARTIALLY_ACCEPTED})


_DAY_S = 86_400.0

Episode = tuple[str, str, int]


class Kind(Enum):
    """What an example teaches."""

    SUCCESS = "success"
    CORRECTION = "correction"
    FAILURE = "failure"
    PATTERN = "pattern"


class Example(msgspec.Struct, frozen=True):
    """One lesson: between `prefix` and `suffix` belongs `target`, and not `rejected`.

    A failure has no target, and only corrections have both. `at` is when the text
    was written, `known_at` when its fate was settled; `session` names the editing
    session; `row_ids` are the rows of the store that it came from.
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

    @property
    def episode(self) -> Episode:
        """One file on one day of a session: the unit that statistics treat as independent."""
        return (self.session, self.path, int(self.at // _DAY_S))

    @property
    def is_by_hand(self) -> bool:
        """Whether a person wrote the target: only such places can judge a model."""
        return self.kind in (Kind.PATTERN, Kind.CORRECTION)


class Split(msgspec.Struct, frozen=True):
    """Examples parted at `cutoff`: `train` was known before it, `gate` written after."""

    train: tuple[Example, ...]
    gate: tuple[Example, ...]
    cutoff: float


def collect(rows: Iterable[SuggestionRow], patterns: Iterable[Pattern]) -> list[Example]:
    """Every lesson in the rows, oldest first, without duplicates."""
    found = [e for row in rows if (e := _from_suggestion(row)) is not None]
    found += [_from_pattern(p) for p in patterns if p.text.strip()]
    return _deduplicated(found)


def count_by_kind(examples: Iterable[Example]) -> dict[str, int]:
    """How many examples of each kind there are, kinds without any included."""
    counts = Counter(example.kind for example in examples)
    return {kind.value: counts[kind] for kind in Kind}


def split(
    examples: Sequence[Example],
    *,
    share: float = 0.25,
    min_episodes: int = 20,
    max_items: int = 400,
    not_before: float = 0.0,
) -> Split:
    """Hold out the newest episodes, by hand, for the gate.

    The gate gets at least `share` of the places written by hand (at most
    `max_items`), and reaches back as far as half of them for `min_episodes`; never
    further than `not_before`, up to when the incumbent's lessons went. What was
    written before the cutoff but settled after it is in neither part: its context
    may hold the gate's answers.
    """
    by_hand = sorted((e for e in examples if e.is_by_hand), key=lambda e: -e.at)
    eligible = [e for e in by_hand if e.at >= not_before]
    wanted = min(max_items, max(1, round(share * len(by_hand))))
    limit = max(wanted, min(max_items, len(by_hand) // 2))
    episodes: set[Episode] = set()
    cutoff = float("inf")
    for taken, example in enumerate(eligible):
        if taken >= limit or (taken >= wanted and len(episodes) >= min_episodes):
            break
        episodes.add(example.episode)
        cutoff = example.at
    return Split(
        train=capped(tuple(e for e in examples if e.known_at < cutoff)),
        gate=tuple(e for e in examples if e.is_by_hand and e.at >= cutoff),
        cutoff=cutoff,
    )


def capped(examples: tuple[Example, ...]) -> tuple[Example, ...]:
    """Lower the successes' weights until they carry no more than their share.

    Training on its own accepted words makes a model surer of what it says already.
    """
    own = sum(e.weight for e in examples if e.kind is Kind.SUCCESS)
    others = sum(e.weight for e in examples if e.is_by_hand)
    allowed = others * SUCCESS_SHARE / (1.0 - SUCCESS_SHARE)
    if own <= allowed or others == 0.0:
        return examples
    return tuple(
        msgspec.structs.replace(e, weight=e.weight * allowed / own) if e.kind is Kind.SUCCESS else e
        for e in examples
    )


def _from_pattern(pattern: Pattern) -> Example:
    return Example(
        id=f"{Kind.PATTERN.value}:{pattern.id}",
        kind=Kind.PATTERN,
        path=pattern.path,
        language=pattern.language,
        prefix=pattern.prefix,
        suffix=pattern.suffix,
        target=pattern.text,
        rejected="",
        weight=1.0,
        session=pattern.session,
        at=pattern.written_at,
        known_at=pattern.settled_at,
        row_ids=(pattern.id,),
    )


def _from_suggestion(row: SuggestionRow) -> Example | None:
    lesson = _lesson(row)
    if lesson is None:
        return None
    kind, target, rejected, weight = lesson
    made = row.suggestion
    return Example(
        id=f"{kind.value}:{made.id}",
        kind=kind,
        path=made.path,
        language=made.language,
        prefix=made.prefix,
        suffix=made.suffix,
        target=target,
        rejected=rejected,
        weight=weight,
        session=made.window,
        at=made.offered_at,
        known_at=made.offered_at if row.settled_at is None else row.settled_at,
        row_ids=(made.id,),
    )


def _lesson(row: SuggestionRow) -> tuple[Kind, str, str, float] | None:
    """(kind, target, rejected, weight) of one suggestion, or None when it teaches nothing."""
    text = row.suggestion.text
    final = row.final_text or ""
    if row.state in _ACCEPTED:
        accepted = row.accepted_text or text
        if row.outcome is Outcome.KEPT:
            kept = len(accepted) if row.retained_chars is None else row.retained_chars
            return Kind.SUCCESS, accepted, "", SUCCESS_WEIGHT * kept / max(1, len(accepted))
        if row.outcome is Outcome.EDITED and final.strip():
            return Kind.CORRECTION, final, accepted, 1.0
        if row.outcome in (Outcome.REVERTED, Outcome.EDITED):
            return Kind.FAILURE, "", accepted, REVERTED_WEIGHT
        return None
    if row.state is State.DISMISSED and text.strip():
        if not final.strip():
            return Kind.FAILURE, "", text, DISMISSED_WEIGHT
        if final == text:
            return None
        if similarity(text, final) >= NEARLY_EQUAL:
            return Kind.CORRECTION, final, text, 1.0
        return Kind.FAILURE, "", text, TYPED_OVER_WEIGHT
    return None


def similarity(first: str, second: str) -> float:
    """How alike two short texts are, 0 to 1 (Ratcliff and Obershelp's measure)."""
    if first == second:
        return 1.0
    return SequenceMatcher(None, first, second, autojunk=False).ratio()


def _deduplicated(examples: list[Example]) -> list[Example]:
    """One example per lesson: the newest, which then stands for every row it came from.

    The same place is asked for again and again while a developer types; only the
    text nearest to the cursor tells places apart.
    """
    kept: dict[tuple[Kind, str, str, str, str], Example] = {}
    for example in sorted(examples, key=lambda e: (e.at, e.id)):
        key = (example.kind, example.path, example.prefix[-200:], example.target, example.rejected)
        older = kept.pop(key, None)
        rows = (*older.row_ids, *example.row_ids) if older else example.row_ids
        kept[key] = msgspec.structs.replace(example, row_ids=tuple(dict.fromkeys(rows)))
    return sorted(kept.values(), key=lambda e: (e.at, e.id))
