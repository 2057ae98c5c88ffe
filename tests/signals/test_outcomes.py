"""How a suggestion that is offered ends, as scenes at a marked cursor."""

from __future__ import annotations

import random

from habitus_server.edits import Edit
from habitus_server.outcomes import Transition
from habitus_server.records import Evidence, Outcome, State
from habitus_server.transitions import TRANSITIONS
from signals.scene import Scene

ACCEPTED = State.ACCEPTED
PARTIAL = State.PARTIALLY_ACCEPTED


def test_typing_over_a_suggestion_that_could_be_read_dismisses_it() -> None:
    scene = Scene("x = ‸\n")
    scene.offer("foo(1)")
    scene.wait(1.0)
    scene.type("bar")
    scene.wait(1.1)
    (moved,) = scene.transitions()
    assert (moved.state, moved.evidence) == (State.DISMISSED, Evidence.INFERRED)
    assert moved.detail["why"] == "typed over"


def test_typing_over_a_suggestion_that_had_just_come_only_supersedes_it() -> None:
    scene = Scene("x = ‸\n")
    scene.offer("foo(1)")
    scene.type("bar", after_s=0.1)
    scene.wait(1.1)
    assert scene.states() == [State.SUPERSEDED]


def test_a_newer_request_after_other_typing_ends_the_older_suggestion_at_once() -> None:
    scene = Scene("x = ‸\n")
    scene.offer("foo(1)")
    scene.wait(2.0)
    scene.type("b")
    scene.supersede()
    assert scene.states() == [State.DISMISSED]


def test_an_explicit_dismissal_is_reported_evidence() -> None:
    scene = Scene("x = ‸\n")
    scene.offer("foo(1)")
    scene.shown()
    scene.dismiss()
    scene.dismiss()
    assert scene.states() == [State.SHOWN, State.DISMISSED]
    assert scene.transitions()[-1].evidence is Evidence.REPORTED


def test_what_nobody_reacts_to_expires() -> None:
    scene = Scene("x = ‸\n")
    scene.offer("foo(1)")
    scene.wait(601)
    assert scene.states() == [State.EXPIRED]
    scene.wait(20)
    assert scene.tracker.due is None


def test_edits_elsewhere_do_not_disturb_a_suggestion() -> None:
    scene = Scene("a = 1\nx = ‸\nz = 3\n")
    scene.offer("foo(1)")
    scene.replace("a = 1", "alpha = 10")
    scene.replace("z = 3", "zeta = 30")
    at = scene.buffer.text.index("x = ") + 4
    scene.edit(Edit(at, at, "foo(1)"))
    scene.wait(1.1)
    assert scene.states() == [ACCEPTED]


def test_several_cursors_edit_in_one_notification_without_harm() -> None:
    scene = Scene("x = ‸\ny = \n")
    scene.offer("foo(1)")
    scene.edit(Edit(9, 9, "foo(1)"), Edit(4, 4, "foo(1)"))
    scene.wait(31)
    assert scene.buffer.text == "x = foo(1)\ny = foo(1)\n"
    assert scene.outcome() is Outcome.KEPT


def test_a_suggestion_of_several_lines_is_recognised_in_a_crlf_document() -> None:
    scene = Scene("def f():\r\n    ‸\r\n")
    scene.offer("x = 1\n    return x")
    scene.insert("x = 1\r\n    return x")
    scene.wait(31)
    settled = scene.settlement()
    assert settled is not None
    assert settled.accepted_text == settled.final_text == "x = 1\n    return x"
    assert (settled.outcome, settled.retained_chars) == (Outcome.KEPT, 18)


def test_part_of_a_suggestion_is_measured_right_in_a_crlf_document() -> None:
    scene = Scene("‸\r\n")
    scene.offer("first()\nsecond()\nthird()")
    scene.insert("first()\r\nsecond()")
    scene.wait(1.1)
    assert scene.states() == [PARTIAL]
    assert scene.transitions()[0].accepted_text == "first()\nsecond()"


def test_characters_outside_the_basic_plane_are_counted_once() -> None:
    scene = Scene("s = '😀' + ‸\n")
    scene.offer("'🎉🎉'")
    scene.insert("'🎉🎉'")
    scene.wait(31)
    settled = scene.settlement()
    assert settled is not None
    assert (settled.retained_chars, settled.final_text) == (4, "'🎉🎉'")


def test_an_editor_that_indents_several_lines_anew_has_accepted_them() -> None:
    scene = Scene("    ‸\n")
    scene.offer("if x:\n    y()\n    z()")
    scene.insert("if x:\n        y()\n        z()")
    scene.wait(31)
    assert scene.states() == [ACCEPTED]
    assert scene.outcome() is Outcome.KEPT


def test_a_text_that_replaces_what_stands_behind_the_cursor_is_accepted() -> None:
    scene = Scene("foo(‸)\n")
    scene.offer("a, b)", to=1)
    scene.edit(Edit(4, 5, "a, b)"))
    scene.wait(1.1)
    assert scene.states() == [ACCEPTED]
    assert scene.transitions()[0].accepted_text == "a, b)"


def test_a_popups_pending_word_counts_for_nothing() -> None:
    scene = Scene("pri‸\n")
    scene.offer("nt(x)", lead="pri")
    scene.edit(Edit(0, 3, "print(x)"))
    scene.accept()
    assert scene.transitions()[0].accepted_text == "nt(x)"
    scene.wait(31)
    settled = scene.settlement()
    assert settled is not None
    assert (settled.final_text, settled.retained_chars) == ("nt(x)", 5)


def test_backspacing_before_the_cursor_and_typing_it_again_keeps_the_suggestion() -> None:
    scene = Scene("self.‸\n")
    scene.offer("value")
    scene.backspace(1)
    scene.type(".")
    scene.insert("value")
    scene.wait(1.1)
    assert scene.states() == [ACCEPTED]
    assert scene.transitions()[0].accepted_text == "value"


def test_a_changed_beginning_makes_another_text() -> None:
    scene = Scene("self.‸\n")
    scene.offer("value")
    scene.wait(1)
    scene.backspace(1)
    scene.insert(",value")
    scene.wait(1.1)
    assert scene.states() == [State.DISMISSED]


def test_the_number_of_watched_suggestions_is_bounded() -> None:
    scene = Scene("‸\n")
    for number in range(200):
        scene.offer("foo", f"s{number}", request=f"r{number}")
    assert scene.states("s0") == [State.EXPIRED]
    assert scene.states("s199") == []


def test_offering_a_known_suggestion_again_changes_nothing() -> None:
    scene = Scene("‸\n")
    scene.offer("alpha")
    scene.type("al")
    scene.offer("alpha")
    scene.insert("pha")
    scene.wait(1.1)
    assert scene.transitions()[0].accepted_text == "alpha"


def test_reports_about_unknown_suggestions_are_ignored() -> None:
    scene = Scene("‸\n")
    for report in (scene.shown, scene.accept, scene.dismiss):
        report("nobody")
    scene.partial(3, "nobody")
    assert scene.signals == []


def test_random_lives_follow_the_table_and_settle_once() -> None:
    rng = random.Random(20)
    for _ in range(400):
        scene = Scene("alpha = ‸\nbeta\n")
        for number in range(rng.randrange(1, 4)):
            scene.offer(rng.choice(["foo(1)", "foo", "bar\nbaz", "x"]), f"s{number}", rank=number)
        for _ in range(rng.randrange(1, 14)):
            act_at_random(rng, scene)
        scene.wait(700)
        assert scene.tracker.due is None
        check_lives(scene)


def act_at_random(rng: random.Random, scene: Scene) -> None:
    name = f"s{rng.randrange(3)}"
    match rng.randrange(7):
        case 0 | 1 | 2:
            size = len(scene.buffer)
            at = min(size, rng.choice([8, 8, rng.randrange(size + 1)]))
            end = min(size, at + rng.choice([0, 0, 0, 1, 4]))
            text = rng.choice(["foo(1)", "foo", "bar\nbaz", "x", "f", "(", "()", "", "\n"])
            scene.edit(Edit(at, end, text), after_s=rng.choice([0.1, 1.2]))
        case 3:
            scene.wait(rng.choice([0.5, 2.0, 15.0]))
        case 4:
            scene.supersede()
        case 5:
            scene.partial(rng.randrange(7), name)
        case _:
            rng.choice([scene.accept, scene.dismiss, scene.shown])(name)


def check_lives(scene: Scene) -> None:
    for name in ("s0", "s1", "s2"):
        state = State.OFFERED
        for signal in scene.signals:
            if signal.suggestion_id == name and isinstance(signal, Transition):
                assert signal.state in TRANSITIONS[state]
                state = signal.state
        in_buffer = state in (ACCEPTED, PARTIAL, State.TYPED_THROUGH)
        assert in_buffer == (scene.settlement(name) is not None)
