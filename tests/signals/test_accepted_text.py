"""What becomes of accepted text, as scenes at a marked cursor."""

from __future__ import annotations

import pytest

from habitus_server.edits import Edit
from habitus_server.records import Outcome, State
from signals.scene import Scene

ACCEPTED = State.ACCEPTED
PARTIAL = State.PARTIALLY_ACCEPTED


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
