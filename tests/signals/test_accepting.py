"""How an acceptance is told from other edits, as scenes at a marked cursor."""

from __future__ import annotations

import pytest

from habitus_server.edits import Edit
from habitus_server.records import Evidence, Outcome, State
from signals.scene import Scene

ACCEPTED = State.ACCEPTED
PARTIAL = State.PARTIALLY_ACCEPTED


def test_an_accepted_and_untouched_suggestion_is_kept_after_thirty_seconds() -> None:
    scene = Scene("x = ‸\n")
    scene.offer("foo(1)")
    scene.shown()
    scene.insert("foo(1)")
    scene.accept()
    scene.wait(29.0)
    assert scene.outcome() is None
    scene.wait(1.5)
    settled = scene.settlement()
    assert settled is not None
    assert scene.states() == [State.SHOWN, ACCEPTED]
    assert settled.outcome is Outcome.KEPT
    assert settled.evidence is Evidence.REPORTED
    assert (settled.retained_chars, settled.final_text) == (6, "foo(1)")


def test_acceptance_is_inferred_where_the_editor_reports_nothing() -> None:
    scene = Scene("x = ‸\n")
    scene.offer("foo(1)")
    scene.insert("foo(1)")
    assert scene.states() == []
    scene.wait(1.1)
    (moved,) = scene.transitions()
    assert moved.state is ACCEPTED
    assert moved.evidence is Evidence.INFERRED
    assert moved.accepted_text == "foo(1)"


@pytest.mark.parametrize(
    ("start", "sent"),
    [
        (2, "int(x)"),  # Neovim trims the common prefix
        (0, "print(x)"),  # eglot and Helix replace the word whole
    ],
)
def test_editors_that_send_a_completion_differently_are_understood_alike(
    start: int, sent: str
) -> None:
    scene = Scene("pr‸\n")
    scene.offer("int(x)")
    scene.edit(Edit(start, 2, sent))
    scene.wait(31.0)
    assert scene.buffer.text == "print(x)\n"
    assert scene.states() == [ACCEPTED]
    assert scene.transitions()[0].accepted_text == "int(x)"
    assert scene.outcome() is Outcome.KEPT


def test_an_insertion_reported_one_quote_further_is_the_same_insertion() -> None:
    scene = Scene('print(‸"hello")\n')
    scene.offer('"a", ')
    scene.edit(Edit(7, 7, 'a", "'))
    assert scene.buffer.text == 'print("a", "hello")\n'
    scene.wait(1.1)
    assert scene.states() == [ACCEPTED]
    assert scene.transitions()[0].accepted_text == '"a", '


def test_one_full_text_per_keystroke_is_still_typing() -> None:
    scene = Scene("‸\n")
    scene.offer("abc")
    for text in ("a\n", "ab\n", "abc\n"):
        scene.rewrite(text)
    scene.wait(1.1)
    assert scene.states() == [State.TYPED_THROUGH]


def test_keystrokes_that_spell_the_suggestion_type_it_through() -> None:
    scene = Scene("return ‸\n")
    scene.offer("self.x")
    scene.type("self.x")
    scene.wait(1.1)
    assert scene.states() == [State.TYPED_THROUGH]
    scene.wait(30)
    assert scene.outcome() is Outcome.KEPT


def test_a_word_that_goes_on_was_not_the_suggested_word() -> None:
    scene = Scene("x‸\n")
    scene.offer("1")
    scene.wait(1.0)
    scene.type("12 + y")
    scene.wait(2.0)
    assert scene.states() == [State.DISMISSED]


def test_typing_through_with_brackets_that_the_editor_closes() -> None:
    scene = Scene("‸\n")
    scene.offer("foo(x)")
    scene.type("foo")
    scene.edit(Edit(3, 3, "()"), after_s=0.1)
    assert scene.states() == []
    scene.edit(Edit(4, 4, "x"), after_s=0.1)
    scene.wait(1.1)
    assert scene.states() == [State.TYPED_THROUGH]


def test_accepting_the_rest_after_typing_its_beginning_is_accepting() -> None:
    scene = Scene("‸\n")
    scene.offer("value + 1")
    scene.type("va")
    scene.insert("lue + 1")
    scene.wait(1.1)
    assert scene.states() == [ACCEPTED]
    assert scene.transitions()[0].accepted_text == "value + 1"


def test_typing_on_while_an_acceptance_is_held_does_not_undo_it() -> None:
    scene = Scene("x = ‸\n")
    scene.offer("foo(1)")
    scene.insert("foo(1)")
    scene.type(" + bar(2)", after_s=0.05)
    scene.wait(1.1)
    assert scene.states() == [ACCEPTED]
    scene.wait(30)
    settled = scene.settlement()
    assert settled is not None
    assert (settled.outcome, settled.final_text) == (Outcome.KEPT, "foo(1)")


def test_a_word_accepted_by_itself_is_a_partial_acceptance() -> None:
    scene = Scene("x = ‸\n")
    scene.offer("foo(1)")
    scene.insert("foo")
    scene.wait(1.1)
    assert scene.states() == [PARTIAL]
    assert scene.transitions()[0].accepted_text == "foo"
    scene.wait(30)
    assert scene.outcome() is Outcome.KEPT


def test_word_by_word_a_partial_acceptance_grows_to_a_whole_one() -> None:
    scene = Scene("x = ‸\n")
    scene.offer("alpha beta gamma")
    scene.insert("alpha ")
    scene.wait(1.1)
    scene.insert("beta ")
    scene.wait(1.1)
    scene.insert("gamma")
    scene.wait(1.1)
    assert scene.states() == [PARTIAL, PARTIAL, ACCEPTED]
    texts = [moved.accepted_text for moved in scene.transitions()]
    assert texts == ["alpha ", "alpha beta ", "alpha beta gamma"]
    scene.wait(40)
    settled = scene.settlement()
    assert settled is not None
    assert (settled.accepted_text, settled.outcome) == ("alpha beta gamma", Outcome.KEPT)


def test_two_words_accepted_within_the_hold_are_one_partial_acceptance() -> None:
    scene = Scene("‸\n")
    scene.offer("alpha beta gamma")
    scene.insert("alpha ")
    scene.insert("beta ", after_s=0.3)
    scene.wait(1.1)
    assert [moved.accepted_text for moved in scene.transitions()] == ["alpha beta "]


def test_a_partial_acceptance_followed_by_other_text_stays_partial() -> None:
    scene = Scene("‸\n")
    scene.offer("alpha beta")
    scene.insert("alpha")
    scene.type(".other()", after_s=0.05)
    scene.wait(1.2)
    assert scene.states() == [PARTIAL]
    assert scene.transitions()[0].accepted_text == "alpha"


def test_a_reported_partial_acceptance_counts_from_the_start() -> None:
    scene = Scene("x = ‸\n")
    scene.offer("foo(1)")
    scene.insert("foo")
    scene.partial(3)
    scene.insert("(1)", after_s=0.2)
    scene.partial(6)
    assert scene.states() == [PARTIAL, ACCEPTED]
    assert all(moved.evidence is Evidence.REPORTED for moved in scene.transitions())
    scene.wait(31)
    assert scene.outcome() is Outcome.KEPT


def test_popup_previews_that_come_and_go_are_no_acceptances() -> None:
    scene = Scene("‸\n")
    for rank, text in enumerate(("alpha", "beta", "gamma")):
        scene.offer(text, text, rank=rank)
    scene.insert("alpha", after_s=0.3)
    scene.insert("beta", after_s=0.3, delete=5)
    scene.insert("gamma", after_s=0.3, delete=4)
    scene.insert("beta", after_s=0.3, delete=5)
    scene.wait(1.1)
    assert scene.states("beta") == [ACCEPTED]
    assert scene.states("alpha") == [State.SUPERSEDED]
    assert scene.states("gamma") == [State.SUPERSEDED]
    assert scene.transitions("alpha")[0].detail["chosen"] == "beta"


def test_a_burst_of_previews_inside_one_notification_is_judged_by_its_result() -> None:
    scene = Scene("x‸\n")
    scene.offer("alpha", "alpha")
    scene.offer("beta", "beta", rank=1)
    scene.edit(Edit(1, 1, "alpha"), Edit(1, 6, ""), Edit(1, 1, "beta"), Edit(1, 5, ""))
    scene.wait(2)
    assert scene.states("alpha") == scene.states("beta") == []


def test_a_preview_on_which_the_user_lingers_is_taken_back_for_the_chosen_one() -> None:
    scene = Scene("‸\n")
    scene.offer("alpha", "alpha")
    scene.offer("beta", "beta", rank=1)
    scene.insert("alpha")
    scene.wait(2.0)
    assert scene.states("alpha") == [ACCEPTED]
    scene.insert("beta", delete=5)
    scene.wait(1.1)
    assert scene.states("alpha") == [ACCEPTED, State.SUPERSEDED]
    assert scene.states("beta") == [State.SUPERSEDED, ACCEPTED]
    scene.wait(60)
    assert scene.outcome("alpha") is None
    assert scene.outcome("beta") is Outcome.KEPT


def test_a_preview_that_is_removed_leaves_the_suggestion_open() -> None:
    scene = Scene("‸\n")
    scene.offer("alpha beta")
    scene.insert("alpha beta", after_s=0.2)
    scene.insert("", after_s=0.5, delete=10)
    scene.wait(2)
    assert scene.states() == []
    scene.insert("alpha beta")
    scene.wait(1.1)
    assert scene.states() == [ACCEPTED]


def test_editing_a_text_right_after_it_arrived_confirms_that_it_was_accepted() -> None:
    scene = Scene("‸\n")
    scene.offer("result = compute(1)")
    scene.insert("result = compute(1)")
    scene.replace("(1)", "(2)", after_s=0.4)
    assert scene.states() == [ACCEPTED]
    scene.wait(60)
    settled = scene.settlement()
    assert settled is not None
    assert (settled.outcome, settled.final_text) == (Outcome.EDITED, "result = compute(2)")
    assert settled.retained_chars == len("result = compute()")


def test_an_explicit_report_wins_over_what_was_inferred_for_another() -> None:
    scene = Scene("‸\n")
    scene.offer("alpha", "alpha", request="r1")
    scene.wait(0.5)
    scene.offer("alpha", "twin", request="r2")
    scene.insert("alpha")
    scene.wait(1.1)
    assert scene.states("twin") == [ACCEPTED]
    scene.accept("alpha")
    assert scene.states("alpha")[-1] is ACCEPTED
    assert scene.states("twin") == [ACCEPTED, State.SUPERSEDED]
    scene.wait(60)
    assert scene.outcome("twin") is None
    assert scene.outcome("alpha") is Outcome.KEPT


def test_a_late_report_confirms_an_inference_once() -> None:
    scene = Scene("‸\n")
    scene.offer("alpha beta")
    scene.insert("alpha beta")
    scene.wait(1.1)
    scene.accept()
    scene.accept()
    evidences = [moved.evidence for moved in scene.transitions()]
    assert evidences == [Evidence.INFERRED, Evidence.REPORTED]
    scene.wait(60)
    settled = scene.settlement()
    assert settled is not None
    assert settled.evidence is Evidence.REPORTED


def test_a_report_that_comes_before_its_text_waits_for_it() -> None:
    scene = Scene("x = ‸\n")
    scene.offer("foo(1)")
    scene.accept()
    assert scene.states() == [ACCEPTED]
    scene.insert("foo(1)", after_s=0.5)
    scene.wait(31)
    assert scene.outcome() is Outcome.KEPT


def test_a_reported_text_that_landed_nearby_is_found() -> None:
    scene = Scene("x = ‸\nimport os\n")
    scene.offer("foo(1)")
    scene.edit(Edit(5, 5, "y = foo(1)\n"))
    scene.accept()
    scene.wait(31)
    assert scene.outcome() is Outcome.KEPT


def test_a_reported_text_that_never_comes_is_censored() -> None:
    scene = Scene("x = ‸\n")
    scene.offer("foo(1)")
    scene.accept()
    scene.wait(5)
    assert scene.outcome() is Outcome.CENSORED


def test_an_acceptance_reported_after_a_newer_request_still_counts() -> None:
    scene = Scene("x = ‸\n")
    scene.offer("foo(1)")
    scene.supersede()
    scene.insert("foo(1)")
    scene.accept()
    assert scene.states() == [State.SUPERSEDED, ACCEPTED]


def test_of_two_suggestions_that_one_text_completes_the_newest_open_one_is_accepted() -> None:
    scene = Scene("f‸\n")
    scene.offer("oobar", "old", request="r1")
    scene.type("o")
    scene.supersede()
    scene.offer("obar", "new", request="r2")
    scene.insert("obar")
    scene.wait(1.1)
    assert scene.states("new") == [ACCEPTED]
    assert scene.states("old") == [State.SUPERSEDED]


def test_a_new_offer_behind_an_accepted_text_is_not_passed_over() -> None:
    scene = Scene("‸\n")
    scene.offer("alpha ", "first", request="r1")
    scene.insert("alpha ")
    scene.offer("beta", "second", request="r2")
    scene.type("b")
    scene.wait(1.1)
    assert scene.states("first") == [ACCEPTED]
    assert scene.states("second") == []
