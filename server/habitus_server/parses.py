"""Whether a document parses around a suggestion, before it came and when it has settled.

Promises a count of syntax errors near its place for both texts, taken in the scribe's
thread, and nothing at all where one of them is not known: another language, a document too
large, text that nobody judged. It knows no editor; what the counts are worth is the
learner's business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

from habitus_server.outcomes import Signal
from habitus_server.records import Outcome, Suggestion
from habitus_server.retention import Settlement
from habitus_server.scribe import Scribe
from habitus_server.session import Document
from habitus_server.spans import TrackedSpan
from habitus_server.storable import PREFIX_CHARS, SUFFIX_CHARS
from habitus_server.syntax import LANGUAGES, errors_near

if TYPE_CHECKING:
    from habitus_server.store import Store

MAX_CHARS = 200_000
"""Parsing a larger text would hold the interpreter for too long at once."""


class Parses:
    """One workspace's parse results; it hears of settlements from the scribe."""

    def __init__(
        self,
        scribe: Scribe,
        *,
        suggestion_of: Callable[[str], Suggestion | None],
        spans_of: Callable[[str], Mapping[str, TrackedSpan]],
    ) -> None:
        self._scribe = scribe
        self._suggestion_of = suggestion_of
        self._spans_of = spans_of
        scribe.listen(self._heard)

    def _heard(self, document: Document, signals: Sequence[Signal]) -> None:
        if document.language not in LANGUAGES or len(document.buffer) > MAX_CHARS:
            return
        for signal in signals:
            if not isinstance(signal, Settlement) or signal.outcome is Outcome.CENSORED:
                continue
            suggestion = self._suggestion_of(signal.suggestion_id)
            span = self._spans_of(document.uri).get(signal.suggestion_id)
            if suggestion is not None and span is not None:
                job = partial(_note, document, suggestion, (span.start, span.end), signal.at)
                self._scribe.note(document, job)


def _note(
    document: Document, suggestion: Suggestion, place: tuple[int, int], at: float, store: Store
) -> list[Future[None]]:
    offered_at = len(suggestion.prefix)
    before = errors_near(suggestion.prefix + suggestion.suffix, offered_at, offered_at)
    text, (start, end) = _as_much(document.buffer.text, place, suggestion)
    return [store.note_parse(suggestion.id, before, errors_near(text, start, end), at)]


def _as_much(
    text: str, place: tuple[int, int], suggestion: Suggestion
) -> tuple[str, tuple[int, int]]:
    """As much around a place as the offer kept of its text: where a text is cut it may not
    parse, and that must not look like the suggestion's doing."""
    low, high = 0, len(text)
    if len(suggestion.prefix) > PREFIX_CHARS // 2:
        low = text.rfind("\n", 0, max(0, place[0] - len(suggestion.prefix))) + 1
    if len(suggestion.suffix) > SUFFIX_CHARS // 2:
        high = place[1] + len(suggestion.suffix)
    return text[low:high], (place[0] - low, place[1] - low)
