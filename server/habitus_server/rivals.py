"""Which of several suggestions a text belongs to.

Promises the order and the conflicts of suggestions that meet at one place; the states that
follow from them are `outcomes`' matter.
"""

from __future__ import annotations

from typing import Any

from habitus_server.lives import Life
from habitus_server.records import Evidence
from habitus_server.retention import Accepted
from habitus_server.spans import GrowingSpan, TrackedSpan
from habitus_server.verdicts import Kind


def gives_way(other: Life, reported: Life) -> bool:
    """Whether an inferred acceptance cannot stand beside a reported one."""
    if other.accepted is None or other.accepted.evidence is Evidence.REPORTED:
        return False
    same_request = other.suggestion.request_id == reported.suggestion.request_id
    taken = reported.accepted.span if reported.accepted else reported.place
    return same_request or overlap(other.accepted.span, taken)


def was_preview(accepted: Accepted) -> bool:
    """Whether an inferred acceptance is gone for the most part, replaced by another text."""
    is_inferred = accepted.evidence is Evidence.INFERRED
    return is_inferred and accepted.span.retained * 2 < len(accepted.span.original)


def came_back(accepted: Accepted, place: TrackedSpan) -> bool:
    """Whether text that was accepted before and taken out stands there again, as by a redo.

    What was offered at the gap meanwhile says the same, and is taken for no second one.
    """
    span = accepted.span
    return span.start <= place.start and place.end <= span.end and span.text == span.original


def preference(life: Life) -> tuple[bool, bool, float, int]:
    """Which suggestion a text belongs to, when several are completed by it."""
    is_complete = life.held is not None and life.held.kind is Kind.COMPLETE
    offered_at = life.suggestion.offered_at
    return (not is_complete, not life.is_open, -offered_at, life.suggestion.rank)


def passed_by(life: Life, winner: Life) -> dict[str, Any]:
    """Why a suggestion gave way to another one."""
    is_alternative = life.suggestion.request_id == winner.suggestion.request_id
    return {"why": "passed over" if is_alternative else "another accepted", "chosen": winner.id}


def overlap(left: TrackedSpan | GrowingSpan, right: TrackedSpan | GrowingSpan) -> bool:
    """Whether two stretches share a character."""
    return left.start < right.end and right.start < left.end
