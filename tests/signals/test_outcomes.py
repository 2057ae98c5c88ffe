"""The life of a suggestion, told as scenes at a marked cursor."""

from __future__ import annotations

import random

import pytest

from habitus_server.edits import Edit
from habitus_server.outcomes import Transition
from habitus_server.records import Evidence, Outcome, State
from habitus_server.transitions import TRANSITIONS
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


# What becomes of accepted text.


def accepted(marked: str, text: str) -> Scene:
    scene = Scene(marked)
    scene.offer(text)
    scene.insert(text)
    scene.accept()
    return scene


def test_deleting_an_accepted_text_reverts_it() -> None:
    scene = accepted("x = ‸\n", "foo(1)")
    scene.wait(3)
    scene.replace("foo(1)", "")
    scene.wait(40)
    settled = scene.settlement()
    assert settled is not None
    assert (settled.outcome, settled.retained_chars) == (Outcome.REVERTED, 0)


def test_undoing_an_acceptance_and_redoing_it_keeps_it() -> None:
    scene = accepted("x = ‸\n", "foo(1)")
    scene.replace("foo(1)", "")
    scene.edit(Edit(4, 4, "foo(1)"))
    scene.wait(40)
    settled = scene.settlement()
    assert settled is not None
    assert (settled.outcome, settled.retained_chars) == (Outcome.KEPT, 6)


def test_writing_something_else_in_its_place_reverts_it_and_tells_what() -> None:
    scene = accepted("x = ‸\n", "foo(1)")
    scene.backspace(6)
    scene.type("quux")
    scene.type("\ny = 2")
    scene.wait(40)
    settled = scene.settlement()
    assert settled is not None
    assert (settled.outcome, settled.final_text) == (Outcome.REVERTED, "quux")


def test_correcting_a_part_edits_it() -> None:
    scene = accepted("x = ‸\n", "compute(alpha, beta)")
    scene.replace("beta", "gamma")
    scene.wait(40)
    settled = scene.settlement()
    assert settled is not None
    assert (settled.outcome, settled.final_text) == (Outcome.EDITED, "compute(alpha, gamma)")


def test_backspacing_the_end_and_typing_another_belongs_to_the_correction() -> None:
    scene = accepted("x = ‸\n", "compute(alpha)")
    scene.backspace(6)
    scene.type("beta) + 1")
    scene.wait(40)
    settled = scene.settlement()
    assert settled is not None
    # The bracket at the end is the original one again, so what follows it is outside.
    assert (settled.outcome, settled.final_text) == (Outcome.EDITED, "compute(beta)")


def test_indenting_an_accepted_block_keeps_it() -> None:
    scene = accepted("‸\n", "a = 1\nb = 2")
    scene.edit(Edit(0, 0, "    "), Edit(10, 10, "    "))
    scene.wait(40)
    assert scene.outcome() is Outcome.KEPT


def test_what_a_formatter_does_in_ranges_keeps_it() -> None:
    scene = accepted("x = ‸\n", "compute('alpha', 'beta',)")
    scene.replace("'alpha', 'beta',", '\n    "alpha",\n    "beta",\n')
    scene.wait(40)
    assert scene.outcome() is Outcome.KEPT


def test_a_region_that_is_still_worked_on_waits_for_rest() -> None:
    scene = accepted("x = ‸\n", "compute(alpha, beta)")
    scene.wait(27)
    scene.replace("beta", "gamma")
    scene.wait(9.5)
    assert scene.outcome() is None
    scene.wait(1.0)
    assert scene.outcome() is Outcome.EDITED


def test_a_region_that_never_rests_settles_at_the_last_horizon() -> None:
    scene = accepted("x = ‸\n", "compute(alpha)")
    for _ in range(160):
        scene.replace("alpha", "omega", after_s=2.0)
        scene.replace("omega", "alpha", after_s=2.0)
        if scene.outcome():
            break
    settled = scene.settlement()
    assert settled is not None
    assert settled.at - scene.transitions()[0].at == pytest.approx(600.0, abs=2.1)
    assert [one.moment for one in scene.measurements()] == ["30s", "120s", "300s", "600s"]


def test_a_late_tick_judges_the_text_as_it_was_left() -> None:
    scene = accepted("x = ‸\n", "foo(1)")
    scene.replace("foo(1)", "", after_s=500.0)
    settled = scene.settlement()
    assert settled is not None
    assert settled.outcome is Outcome.KEPT
    counts = [(one.moment, one.retained_chars) for one in scene.measurements()]
    assert counts == [("30s", 6), ("120s", 6), ("300s", 6)]


def test_a_formatter_that_rewrites_the_document_does_not_edit_the_suggestion() -> None:
    scene = accepted("def f( a ):\n    return ‸\nx=1\n", "g(a,b,'c')")
    scene.rewrite('def f(a):\n    return g(a, b, "c")\n\n\nx = 1\n')
    scene.wait(40)
    settled = scene.settlement()
    assert settled is not None
    assert settled.outcome is Outcome.KEPT
    assert settled.final_text == 'g(a, b, "c")'


def test_a_rewrite_that_takes_the_text_away_censors_it() -> None:
    scene = accepted("def f():\n    return ‸\n", "compute_everything(1)")
    scene.rewrite("import other\n\n\nclass Else:\n    pass\n")
    scene.wait(1)
    assert scene.outcome() is Outcome.CENSORED


def test_a_branch_switch_censors_everything_unsettled() -> None:
    scene = accepted("x = ‸\n", "foo(1)")
    scene.signals += scene.tracker.censor(scene.now)
    assert scene.outcome() is Outcome.CENSORED
    assert scene.tracker.due is None


def test_closing_the_document_is_no_rejection() -> None:
    scene = accepted("x = ‸\n", "foo(1)")
    scene.offer("bar", "b", request="r2")
    scene.close()
    settled = scene.settlement()
    assert settled is not None
    assert (settled.outcome, settled.retained_chars) == (Outcome.CENSORED, 6)
    assert scene.states("b") == [State.EXPIRED]


def test_closing_right_after_an_unreported_acceptance_still_records_it() -> None:
    scene = Scene("x = ‸\n")
    scene.offer("foo(1)")
    scene.insert("foo(1)")
    scene.close()
    assert scene.states() == [ACCEPTED]
    assert scene.outcome() is Outcome.CENSORED


def test_a_save_measures_what_stands() -> None:
    scene = accepted("x = ‸\n", "foo(1)")
    scene.replace("(1)", "()")
    scene.signals += scene.tracker.saved(scene.now)
    (measured,) = scene.measurements()
    assert (measured.moment, measured.retained_chars, measured.accepted_chars) == ("saved", 5, 6)


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
