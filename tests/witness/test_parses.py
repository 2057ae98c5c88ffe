"""Syntax errors around a suggestion, before it came and when it has settled."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, cast

import msgspec
import pytest

from habitus_server.parses import MAX_CHARS, Parses
from habitus_server.records import Evidence, Outcome
from habitus_server.retention import Settlement
from habitus_server.scribe import Scribe
from habitus_server.session import Document, Location
from habitus_server.spans import track
from habitus_server.syntax import errors_near
from habitus_server.text import Buffer
from signals.scene import suggestion

BEFORE = "def area(radius):\n    return "
OFFERED = "3.14 * radius"


class FakeScribe:
    """Tells of signals, and does what is to be noted at once."""

    def __init__(self) -> None:
        self.noted: list[tuple[Any, ...]] = []
        self.tell: Callable[..., None] = lambda document, signals: None

    def listen(self, listener: Callable[..., None]) -> None:
        self.tell = listener

    def note(self, document: Document, job: Callable[[Any], Any]) -> None:
        job(self)

    def note_parse(self, *values: Any) -> Future[None]:
        self.noted.append(values)
        return Future()


def settle(
    text: str,
    *,
    language: str = "python",
    outcome: Outcome = Outcome.KEPT,
    suffix: str = "\n",
) -> list[tuple[Any, ...]]:
    """What is noted when a suggestion settles in a document that reads like this now."""
    scribe = FakeScribe()
    offered = msgspec.structs.replace(suggestion(OFFERED), prefix=BEFORE, suffix=suffix)
    span = track(len(BEFORE), OFFERED)
    Parses(cast(Scribe, scribe), suggestion_of={"a": offered}.get, spans_of=lambda uri: {"a": span})
    document = Document("file:///a.py", Location(None, "a.py", True), language, 1, Buffer(text))
    settled = Settlement("a", outcome, 13, OFFERED, OFFERED, 5.0, Evidence.REPORTED)
    scribe.tell(document, [settled])
    return scribe.noted


def test_code_that_parses_before_and_after_has_no_errors() -> None:
    assert settle(BEFORE + OFFERED + "\n") == [("a", 0, 0, 5.0)]


def test_an_error_that_came_with_it_is_counted_after() -> None:
    ((_, before, after, _),) = settle(BEFORE + OFFERED + ")\n")
    assert (before, after > 0) == (0, True)


def test_text_that_nobody_judged_is_not_parsed() -> None:
    assert settle(BEFORE + OFFERED, outcome=Outcome.CENSORED) == []


def test_another_language_is_not_parsed() -> None:
    assert settle(BEFORE + OFFERED, language="lua") == []


def test_a_large_document_is_not_parsed() -> None:
    assert settle(BEFORE + OFFERED + "\n" + "x = 1\n" * (MAX_CHARS // 6)) == []


def test_a_text_that_was_cut_is_compared_with_one_cut_alike() -> None:
    whole = "\n" + "a = 1\n" * 500 + "b = (\n" + "1,\n" * 9 + ")\n"
    cut = whole[:3010]
    assert settle(BEFORE + OFFERED + whole, suffix=cut) == [("a", 0, 0, 5.0)]


@pytest.mark.parametrize(("lines", "expected"), [(5, 1), (60, 0)])
def test_only_errors_near_the_place_are_counted(lines: int, expected: int) -> None:
    text = "a = 1\n" + "b = 2\n" * lines + "c = )\n"
    assert errors_near(text, 0, 5) == expected


def test_an_error_some_lines_before_the_place_is_counted() -> None:
    text = "c = )\n" + "b = 2\n" * 5
    assert errors_near(text, len(text) - 3, len(text)) == 1
