"""What following suggestions costs: how many are kept."""

from __future__ import annotations

from habitus_server.following import SUGGESTIONS_KEPT
from habitus_server.outcomes import MAX_WATCHED
from habitus_server.records import Outcome, State
from signals.window import Window


def offer_many(window: Window, count: int) -> None:
    """So many suggestions one after another, none of which is taken."""
    for number in range(count):
        window.offer(f"answer_{number}", f"s{number}")
        window.insert("x\n", after_s=1.0)


def known(window: Window, count: int) -> list[str]:
    return [f"s{n}" for n in range(count) if window.recorder.suggestion(f"s{n}") is not None]


def test_a_document_that_stays_open_keeps_a_bounded_number_of_suggestions() -> None:
    window = Window("‸\n")
    offer_many(window, 3 * SUGGESTIONS_KEPT)
    kept = known(window, 3 * SUGGESTIONS_KEPT)
    assert len(kept) == SUGGESTIONS_KEPT > MAX_WATCHED
    assert kept[-1] == f"s{3 * SUGGESTIONS_KEPT - 1}"


def test_an_accepted_suggestion_is_kept_until_it_has_settled() -> None:
    window = Window("‸\n")
    window.offer("width * height", "taken")
    window.accept("taken")
    for number in range(2 * SUGGESTIONS_KEPT):
        window.offer(f"answer_{number}", f"s{number}")
        window.insert("x", after_s=0.1)
    assert window.recorder.suggestion("taken") is not None
    window.wait(60)
    settled = window.settlement("taken")
    assert settled is not None and settled.outcome is Outcome.KEPT
    offer_many(window, 1)
    assert window.recorder.suggestion("taken") is None


def test_a_suggestion_that_is_offered_again_is_not_the_oldest() -> None:
    window = Window("‸\n")
    window.offer("again", "back")
    offer_many(window, SUGGESTIONS_KEPT - 1)
    window.offer("again", "back")
    offer_many(window, SUGGESTIONS_KEPT - 1)
    assert window.recorder.suggestion("back") is not None


def test_a_dropped_suggestion_can_be_offered_and_taken_again() -> None:
    window = Window("‸\n")
    window.offer("width * height", "back")
    offer_many(window, 2 * SUGGESTIONS_KEPT)
    assert window.recorder.suggestion("back") is None
    window.offer("width * height", "back")
    window.accept("back")
    assert window.transitions("back")[-1].state is State.ACCEPTED
