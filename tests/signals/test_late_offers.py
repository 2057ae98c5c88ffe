"""Suggestions whose answer came so late that the user had typed their first letters."""

from __future__ import annotations

from habitus_server.records import Outcome, State
from signals.window import Window


def states(window: Window) -> list[State]:
    return [one.state for one in window.transitions()]


def test_a_late_offer_is_accepted_when_its_rest_is_inserted() -> None:
    window = Window("total = wi‸\n")
    window.offer("width * height", typed=2)
    window.insert("dth * height")
    window.wait(60)
    settled = window.settlement()
    assert states(window) == [State.ACCEPTED]
    assert settled is not None
    assert (settled.outcome, settled.accepted_text) == (Outcome.KEPT, "width * height")


def test_a_late_offer_that_is_typed_over_is_turned_down() -> None:
    window = Window("total = wi‸\n")
    window.offer("width * height", typed=2)
    for key in "dest":
        window.insert(key, after_s=0.5)
    window.wait(5)
    assert states(window) == [State.DISMISSED]


def test_a_late_offer_that_is_typed_on_is_typed_through() -> None:
    window = Window("total = wi‸\n")
    window.offer("width", typed=2)
    for key in "dth":
        window.insert(key, after_s=0.5)
    window.wait(60)
    assert states(window) == [State.TYPED_THROUGH]


def test_a_late_offer_begins_inside_what_the_popup_has_selected() -> None:
    window = Window("total = (wi‸\n")
    window.offer("width * height", lead="(wi", typed=2)
    window.insert("(width * height", delete=3)
    window.wait(60)
    settled = window.settlement()
    assert states(window) == [State.ACCEPTED]
    assert settled is not None
    assert settled.accepted_text == "width * height"
