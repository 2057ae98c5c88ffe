"""What is remembered of recent answers, against a plain reading of it."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest

from habitus_server.config import Completion
from habitus_server.lately import ANSWERS_KEPT, Lately, typed_between
from habitus_server.offers import Ask, Offer, Source
from habitus_server.records import AdapterRef, Suggestion
from habitus_server.session import Document, Location, Snapshot
from habitus_server.text import Buffer

URI = "file:///w/a.py"


def ask(prefix: str, suffix: str = "\n", **changes: object) -> Ask:
    """A question between two texts."""
    document = Document(URI, Location(Path("/w"), "a.py", True), "python", 1, Buffer())
    snapshot = Snapshot(document, len(prefix), len(prefix), "", prefix, suffix)
    return msgspec.structs.replace(Ask(snapshot, "w", Completion()), **changes)


def offer(text: str, replace_right: int = 0) -> Offer:
    """An offer of a text."""
    return Offer(
        Suggestion("s", "r", 0, "w", "a.py", "python", "m", None, 0.0, "", "", text, -1.0, 3),
        replace_right,
    )


def result(question: Ask, found: Offer) -> str:
    """The text once an offer was taken."""
    snapshot = question.snapshot
    return snapshot.prefix + found.text + snapshot.suffix[found.replace_right :]


@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_found_leads_to_the_very_text_that_was_answered(seed: int) -> None:
    draw = random.Random(seed)
    lately = Lately()
    answered: set[str] = set()
    prefix, suffix = "x = ", draw.choice(["\n", ")\n", "\ny = 2\n"])
    for _ in range(200):
        question = ask(prefix, suffix)
        found = lately.find(question)
        for one in found or ():
            assert one.text
            assert result(question, one) in answered
        if found is None:
            fresh = offer("".join(draw.choices("ab()", k=draw.randint(1, 6))))
            lately.add(question, (fresh,))
            answered.add(result(question, fresh))
        if draw.random() < 0.6:
            prefix += draw.choice("ab")
        elif draw.random() < 0.3:
            prefix, suffix = prefix + "(", ")" + suffix
        else:
            prefix = prefix[: max(4, len(prefix) - draw.randint(1, 3))]


@pytest.mark.parametrize(
    "other",
    [
        ask("x = ", adapter=AdapterRef("v2", "/v2")),
        ask("x = ", use_memory=False),
        ask("x = ", completion=Completion(max_tokens=8)),
        ask("x = ", workspace="other"),
        ask("x = ", invoked=True),
        ask("y = "),
        ask("x = ", "\nz"),
        ask("x ="),
    ],
)
def test_an_answer_to_another_question_is_none(other: Ask) -> None:
    lately = Lately()
    lately.add(ask("x = "), (offer("value"),))
    assert lately.find(other) is None


def test_an_offer_typed_to_its_end_is_none() -> None:
    lately = Lately()
    lately.add(ask("x = "), (offer("value"),))
    assert lately.find(ask("x = value")) is None


def test_what_was_made_ready_ahead_says_so_once_and_is_then_typed_through() -> None:
    lately = Lately()
    lately.add(ask("x = ", is_guess=True), (offer("value"),))
    for prefix, source in (("x = ", Source.SPECULATED), ("x = v", Source.TYPED_THROUGH)):
        (found,) = lately.find(ask(prefix)) or ()
        assert found.source is source


def test_the_oldest_answers_of_a_document_give_way() -> None:
    lately = Lately()
    for number in range(ANSWERS_KEPT + 1):
        lately.add(ask(f"x{number} = "), (offer("value"),))
    assert lately.find(ask("x0 = ")) is None
    assert lately.find(ask("x1 = ")) is not None


def test_a_closer_that_was_deleted_again_is_no_typing() -> None:
    assert typed_between(ask("f(", ")\n"), ask("f(", "\n")) is None


def test_text_that_appears_right_of_the_cursor_is_no_paired_closer() -> None:
    assert typed_between(ask("f", "\n"), ask("f(", "x\n")) is None


def test_an_answer_that_was_typed_past_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Comparing two long texts for each answer would cost more than the rest of the question."""
    lately = Lately()
    lately.add(ask("x = "), (offer("compute(1)"),))
    compared: list[Ask] = []

    def compare(earlier: Ask, later: Ask) -> tuple[str, str] | None:
        compared.append(later)
        return typed_between(earlier, later)

    monkeypatch.setattr("habitus_server.lately.typed_between", compare)
    near, past = ask("x = compu"), ask("x = compute(1)\ny = ")
    assert lately.find(near) is not None
    assert lately.find(past) is None
    assert compared == [near]
