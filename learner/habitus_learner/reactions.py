"""What the reactions to suggestions teach.

Promises at most one success, correction or failure per suggestion, and preferences only
between alternatives that the developer had before them. Takes what else is known of the
text from `witnesses`; no model, no clock and no file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from habitus_learner.corrections import CorrectionClass, classify
from habitus_learner.examples import Author, Example, Kind, row_id
from habitus_learner.quality import Signs, blame, praise
from habitus_learner.similarity import similarity
from habitus_learner.witnesses import Said, Witnesses
from habitus_server.records import INSERTED, Evidence, Outcome, Rating, State, SuggestionRow

NEARLY_EQUAL = 0.6
"""From this similarity on, what was typed instead of a suggestion corrects it."""

SUCCESS = 0.5
CORRECTION = 1.0
LAYOUT_CORRECTION = 0.25
"""A formatter makes these as often as a person does."""
PREFERENCE = 0.5
REVERTED = 1.0
DISMISSED = 0.5
TYPED_OVER = 0.25
IGNORED = 0.1
RATED_BAD = 1.5
"""What each kind weighs when nothing more is known."""

PLACE_CHARS = 200
"""The text nearest to the cursor tells places apart."""

IGNORED_TIMES = 3
"""The same text at the same place, offered this often without any reaction, was ignored."""

_UNSEEN = frozenset({State.OFFERED, State.SUPERSEDED})


class _Lesson(msgspec.Struct, frozen=True):
    kind: Kind
    target: str
    rejected: str
    weight: float
    correction: CorrectionClass | None = None


def was_shown(row: SuggestionRow) -> bool:
    """Whether a suggestion was there to be judged, and not gone before it could be read."""
    return row.state not in _UNSEEN


def from_suggestions(rows: Iterable[SuggestionRow], witnesses: Witnesses) -> Iterator[Example]:
    """Every lesson in what became of suggestions."""
    by_request: dict[str, list[SuggestionRow]] = {}
    unanswered: dict[tuple[str, str, str], list[SuggestionRow]] = {}
    for row in rows:
        made = row.suggestion
        said = witnesses.of_suggestion(row)
        if lesson := _lesson(row, said):
            yield _example(row, said, lesson)
        elif row.state is State.EXPIRED and made.prefix:
            key = (made.path, made.prefix[-PLACE_CHARS:], made.text)
            unanswered.setdefault(key, []).append(row)
        by_request.setdefault(made.request_id, []).append(row)
    for offered in by_request.values():
        if len(offered) > 1:
            yield from _preferences(offered, witnesses)
    for ignored in unanswered.values():
        if len(ignored) >= IGNORED_TIMES:
            yield from _ignored(ignored)


def _lesson(row: SuggestionRow, said: Said) -> _Lesson | None:
    """What one suggestion teaches; a rating is the last word on it."""
    text = row.accepted_text or row.suggestion.text
    final = row.final_text or ""
    if row.state in INSERTED and row.outcome is Outcome.EDITED and final.strip():
        return _correction(row, said, text, final)
    if row.rating is Rating.BAD:
        return _failure(text, said.signs, RATED_BAD)
    if row.rating is Rating.GOOD:
        return _Lesson(Kind.SUCCESS, text, "", SUCCESS * praise(said.signs))
    if row.state in INSERTED:
        if row.outcome is Outcome.REVERTED or row.outcome is Outcome.EDITED:
            return _failure(text, said.signs, REVERTED)
        if row.outcome is not Outcome.KEPT:
            return None
        if said.signs.is_undone:
            return _failure(text, said.signs, REVERTED)
        return _Lesson(Kind.SUCCESS, text, "", SUCCESS * praise(said.signs))
    if row.state is State.DISMISSED and text.strip():
        if not final.strip():
            return _failure(text, said.signs, DISMISSED)
        if final == text:
            return None
        if similarity(text, final) >= NEARLY_EQUAL:
            return _correction(row, said, text, final)
        return _failure(text, said.signs, TYPED_OVER)
    return None


def _correction(row: SuggestionRow, said: Said, text: str, final: str) -> _Lesson:
    """How much of the suggestion stayed, and what was said of it, is no sign for the text
    that took its place."""
    made = row.suggestion
    found = classify(text, final, made.language, made.prefix, made.suffix)
    base = LAYOUT_CORRECTION if found is CorrectionClass.FORMATTING else CORRECTION
    signs = msgspec.structs.replace(said.signs, retained=1.0, rating=None)
    return _Lesson(Kind.CORRECTION, final, text, base * praise(signs), found)


def _ignored(rows: list[SuggestionRow]) -> Iterator[Example]:
    """A failure that rests on every time that the text was offered in vain."""
    last = max(rows, key=lambda row: row.suggestion.offered_at)
    said = Said(Signs(), tuple(row_id("suggestion", row.suggestion.id) for row in rows))
    if lesson := _failure(last.suggestion.text, said.signs, IGNORED):
        made = _example(last, said, lesson)
        yield msgspec.structs.replace(made, row_ids=tuple(dict.fromkeys(made.row_ids)))


def _failure(text: str, signs: Signs, base: float) -> _Lesson | None:
    if not text.strip():
        return None
    refused = msgspec.structs.replace(signs, retained=0.0)
    return _Lesson(Kind.FAILURE, "", text, base * blame(refused))


def _preferences(offered: list[SuggestionRow], witnesses: Witnesses) -> Iterator[Example]:
    """The chosen one of a request's alternatives, against each that was passed over.

    Editors show one alternative at a time, in order: those before the chosen one were
    seen, and those that the editor reported as shown.
    """
    for chosen in offered:
        if chosen.state not in INSERTED or chosen.outcome not in (Outcome.KEPT, Outcome.EDITED):
            continue
        said = witnesses.of_suggestion(chosen)
        if chosen.rating is Rating.BAD or said.signs.is_undone:
            continue
        text = chosen.accepted_text or chosen.suggestion.text
        for other in offered:
            made = other.suggestion
            is_seen = made.rank < chosen.suggestion.rank or other.evidence is Evidence.REPORTED
            if other.state is not State.SUPERSEDED or not is_seen:
                continue
            if not made.text.strip() or made.text.strip() == text.strip():
                continue
            lesson = _Lesson(Kind.PREFERENCE, text, made.text, PREFERENCE * praise(said.signs))
            made_of = _example(chosen, said, lesson)
            yield msgspec.structs.replace(
                made_of,
                id=f"{made_of.id}>{made.id}",
                row_ids=(*made_of.row_ids, row_id("suggestion", made.id)),
            )


def _example(row: SuggestionRow, said: Said, lesson: _Lesson) -> Example:
    made = row.suggestion
    known_at = made.offered_at if row.settled_at is None else row.settled_at
    is_layout = lesson.correction is CorrectionClass.FORMATTING
    author = Author.MODEL
    if lesson.kind is Kind.CORRECTION:
        author = Author.OTHER if is_layout else Author.PERSON
    return Example(
        id=f"{lesson.kind.value}:{made.id}",
        kind=lesson.kind,
        path=made.path,
        language=made.language,
        prefix=made.prefix,
        suffix=made.suffix,
        target=lesson.target,
        rejected=lesson.rejected,
        weight=lesson.weight,
        session=made.window,
        at=made.offered_at,
        known_at=known_at,
        row_ids=(row_id("suggestion", made.id), *said.row_ids),
        author=author,
        changed_at=max(known_at, row.rated_at or 0.0, said.undone_at or 0.0),
        correction=lesson.correction,
    )
