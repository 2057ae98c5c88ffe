"""What following suggestions costs: how many are kept, and which edits look at them."""

from __future__ import annotations

import random

import pytest

from habitus_server.edits import Edit
from habitus_server.lives import Life
from habitus_server.outcomes import MAX_WATCHED, Signal
from habitus_server.recorder import SUGGESTIONS_KEPT
from habitus_server.records import Outcome, State
from habitus_server.retention import Measurement, Settlement
from habitus_server.spans import TrackedSpan
from habitus_server.transitions import Moved, Transition
from signals.scene import Scene
from signals.window import Window


def offer_many(window: Window, count: int) -> None:
    """So many suggestions one after another, none of which is taken."""
    for number in range(count):
        window.offer(f"answer_{number}", f"s{number}")
        window.insert("x\n", after_s=1.0)


def known(window: Window, count: int) -> list[str]:
    return [f"s{n}" for n in range(count) if window.recorder.suggestion(f"s{n}") is not None]


def test_a_window_keeps_a_bounded_number_of_suggestions() -> None:
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
        window.insert("x", after_s=0.02)
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


def test_edits_far_away_change_no_story(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most keys are far from most of what is followed, and only move it: the same days with
    every edit looked at closely."""
    quick = [story_of(seed) for seed in range(60)]
    monkeypatch.setattr(Life, "_is_far_from", lambda _life, _change: False)
    monkeypatch.setattr(TrackedSpan, "is_clear_of", lambda _span, _edit: False)
    assert [story_of(seed) for seed in range(60)] == quick
    kinds = {type(signal) for story, _ in quick for signal in story}
    assert kinds >= {Transition, Settlement, Measurement, Moved}


def story_of(seed: int) -> tuple[list[Signal], list[tuple[str, int, str]]]:
    """A day of accepting, editing, cutting and pasting in one long document."""
    draw = random.Random(seed)
    scene = Scene("".join(f"line {n} of the text\n" for n in range(60)) + "‸")
    cut = ""
    for number in range(40):
        length = len(scene.buffer)
        scene.cursor = draw.randrange(length + 1)
        act = draw.choice(("offer", "type", "delete", "cut", "paste", "wait", "undo"))
        if act == "offer":
            text = f"answer_{number}(width, height)"
            scene.offer(text, f"s{number}", request=f"r{number}")
            if draw.random() < 0.8:
                scene.insert(text, after_s=0.5)
        elif act == "type":
            scene.type(draw.choice(("x", "(ab)", "\n    y", "width")))
        elif act in ("delete", "cut"):
            end = min(length, scene.cursor + draw.choice((1, 5, 40, 300)))
            cut = scene.buffer.slice(scene.cursor, end)
            scene.edit(Edit(scene.cursor, end, ""), after_s=0.5)
        elif act == "paste" and cut:
            scene.insert(cut, after_s=1.0)
        elif act == "undo":
            end = min(length, scene.cursor + 30)
            gone = scene.buffer.slice(scene.cursor, end)
            scene.edit(Edit(scene.cursor, end, "other"), after_s=0.3)
            scene.edit(Edit(scene.cursor, scene.cursor + 5, gone), after_s=0.3)
        else:
            scene.wait(draw.choice((0.5, 2.0, 15.0, 60.0)))
    scene.wait(700.0)
    return scene.signals, scene.standing()
