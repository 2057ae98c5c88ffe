"""Which diagnostics become bug fixes, told as scenes."""

from __future__ import annotations

import pytest

from habitus_server.diagnostics import Diagnostic
from habitus_server.edits import Edit
from signals.ward import Ward, unknown

CIRCLE = "def area(radius):\n    return 3.14 * radios\n\n\nprint(area(2))\n"


def repaired(ward: Ward) -> Ward:
    """The usual story: a wrong name stands for a while, is corrected, and stays away."""
    ward.report(unknown("radios"))
    ward.wait(10)
    ward.replace("radios", "radius")
    ward.wait(1)
    ward.report()
    ward.wait(31)
    return ward


def test_a_symptom_that_was_worked_on_and_stays_away_is_a_bug_fix() -> None:
    ward = repaired(Ward(CIRCLE))
    (fix,) = ward.fixes
    assert (fix.before, fix.after) == ("    return 3.14 * radios", "    return 3.14 * radius")
    assert (fix.message, fix.source, fix.approach) == ("undefined name `radios`", "lint", "by hand")
    assert fix.prefix == "def area(radius):\n"
    assert fix.suffix.startswith("\n\n\nprint")
    assert (fix.recurrences, fix.effectiveness) == (0, 1.0)
    assert fix.appeared_at < fix.fixed_at < fix.settled_at


def test_nothing_is_told_before_it_has_stayed_away_for_half_a_minute() -> None:
    ward = Ward(CIRCLE)
    ward.report(unknown("radios"))
    ward.wait(10)
    ward.replace("radios", "radius")
    ward.report()
    ward.wait(29)
    assert ward.fixes == []
    ward.wait(2)
    assert len(ward.fixes) == 1


def test_a_symptom_that_comes_back_within_that_time_was_not_repaired() -> None:
    ward = Ward(CIRCLE)
    ward.report(unknown("radios"))
    ward.wait(10)
    ward.type_after("return 3.14 * radios", " ")
    ward.report()
    ward.wait(5)
    ward.report(unknown("radios"))
    ward.wait(60)
    assert ward.fixes == []


def test_what_flickers_while_a_line_is_typed_is_no_bug() -> None:
    ward = Ward("radius = 1\n\n")
    ward.wait(5)
    ward.type_after("radius = 1\n", "x = rad")
    ward.report(unknown("rad", at=ward.buffer.text.rindex("rad")))
    ward.wait(6)
    ward.type_after("x = rad", "ius\n")
    ward.report()
    ward.wait(60)
    assert ward.fixes == []


def test_a_line_that_was_left_with_its_mistake_is_a_bug() -> None:
    ward = Ward("radius = 1\n\nprint()\n")
    ward.type_after("radius = 1\n", "x = radios")
    ward.report(unknown("radios"))
    ward.type_after("print(", "1")
    ward.wait(4)
    ward.replace("radios", "radius")
    ward.report()
    ward.wait(31)
    (fix,) = ward.fixes
    assert (fix.before, fix.after) == ("x = radios", "x = radius")


def test_saving_shortens_the_time_after_which_a_line_counts_as_left() -> None:
    ward = Ward("radius = 1\n\nprint()\n")
    ward.type_after("radius = 1\n", "x = radios")
    ward.report(unknown("radios"))
    ward.book.saved()
    ward.wait(9)
    ward.replace("radios", "radius")
    ward.report()
    ward.wait(31)
    assert len(ward.fixes) == 1


def test_a_symptom_that_goes_though_nobody_touched_it_was_not_repaired() -> None:
    ward = Ward(CIRCLE)
    ward.report(unknown("radios"), Diagnostic("line too long", 0, 3, "lint"))
    ward.wait(10)
    ward.replace("print(area(2))", "print(area(3))")
    ward.report(Diagnostic("line too long", 0, 3, "lint"))
    ward.wait(60)
    assert ward.fixes == []


def test_a_checker_that_falls_silent_has_repaired_nothing() -> None:
    ward = Ward("a = foo\nb = bar\nc = 1\n")
    ward.report(unknown("foo"), unknown("bar"))
    ward.wait(10)
    ward.replace("a = foo", "a = fo")
    ward.report()
    ward.wait(60)
    assert ward.fixes == []


def test_the_silence_of_one_checker_says_nothing_of_another() -> None:
    ward = Ward("a = foo\nb = bar\nc = 1\n")
    ward.report(unknown("foo"), unknown("bar", source="types"))
    ward.wait(10)
    ward.replace("a = foo", "a = 1")
    ward.report(unknown("bar", source="types"))
    ward.wait(31)
    assert [fix.after for fix in ward.fixes] == ["a = 1"]


def test_a_file_that_does_not_parse_hides_its_symptoms() -> None:
    ward = Ward("a = foo\nb = 1\n")
    ward.report(unknown("foo"))
    ward.wait(10)
    ward.replace("a = foo", "a = (foo")
    ward.report(Diagnostic("Expected `)`", 0, 1, "lint", code="invalid-syntax"))
    ward.wait(60)
    assert ward.fixes == []
    ward.replace("a = (foo", "a = (1)")
    ward.report()
    ward.wait(31)
    (fix,) = ward.fixes
    assert (fix.before, fix.after) == ("a = foo", "a = (1)")


def test_a_repair_with_a_wrong_turn_is_told_from_its_start_to_its_end() -> None:
    ward = Ward(CIRCLE)
    ward.report(unknown("radios"))
    ward.wait(10)
    ward.replace("radios", "radiu")
    ward.report(unknown("radiu", at=ward.buffer.text.index("radiu\n")))
    ward.wait(60)
    assert ward.fixes == []
    ward.replace("radiu\n", "radius\n")
    ward.report()
    ward.wait(31)
    (fix,) = ward.fixes
    assert (fix.message, fix.before.strip(), fix.after.strip()) == (
        "undefined name `radios`",
        "return 3.14 * radios",
        "return 3.14 * radius",
    )


def test_an_unknown_name_is_repaired_by_an_import_elsewhere() -> None:
    ward = Ward('"""Doc."""\n\nprint(os.sep)\nprint(os.name)\n')
    text = ward.buffer.text
    ward.report(unknown("os", at=text.index("os.sep")), unknown("os", at=text.index("os.name")))
    ward.wait(10)
    ward.type_after('"""Doc."""\n', "import os\n")
    ward.report()
    ward.wait(31)
    (fix,) = ward.fixes
    assert (fix.before, fix.after.strip()) == ("", "import os")


def test_two_checkers_that_name_one_mistake_are_one_repair() -> None:
    ward = Ward(CIRCLE)
    ward.report(unknown("radios"), unknown("radios", source="types"))
    ward.wait(10)
    ward.replace("radios", "radius")
    ward.report(unknown("radios", source="types", at=ward.buffer.text.index("radius\n")))
    ward.wait(2)
    ward.report()
    ward.wait(40)
    assert len(ward.fixes) == 1


def test_of_two_alike_the_one_that_was_repaired_is_told() -> None:
    ward = Ward("a = foo\n" + "\n" * 20 + "b = foo + 1\n")
    text = ward.buffer.text
    ward.report(unknown("foo", at=4), unknown("foo", at=text.rindex("foo")))
    ward.wait(10)
    ward.replace("b = foo + 1", "b = food + 1")
    ward.report(unknown("foo", at=4))
    ward.wait(31)
    assert [fix.after for fix in ward.fixes] == ["b = food + 1"]


def test_a_symptom_whose_line_was_moved_was_not_repaired() -> None:
    ward = Ward("a = foo\n" + "x = 1\n" * 20)
    ward.report(unknown("foo"))
    ward.wait(10)
    ward.replace("a = foo\n", "")
    end = len(ward.buffer)
    ward.type_after(ward.buffer.text[: end - 1], "\na = foo", key_s=0.0)
    ward.report(unknown("foo"))
    ward.wait(60)
    assert ward.fixes == []


def test_a_rewrite_of_the_document_repairs_nothing() -> None:
    ward = Ward("a = foo\nb = 1\nc = foo2\n")
    ward.report(unknown("foo", at=4))
    ward.wait(10)
    ward.rewrite("a = 2\nb = 1\nc = 3\n")
    ward.report()
    ward.wait(60)
    assert ward.fixes == []


def test_a_formatter_between_repair_and_report_changes_nothing() -> None:
    ward = Ward("a = foo( 1,2)\nb=1\nc=2\n")
    ward.report(unknown("foo"))
    ward.wait(10)
    ward.replace("foo", "fool")
    ward.rewrite("a = fool(1, 2)\nb = 1\nc = 2\n")
    ward.report()
    ward.wait(31)
    (fix,) = ward.fixes
    assert (fix.before, fix.after) == ("a = foo( 1,2)", "a = fool(1, 2)")


def test_another_branch_repairs_nothing() -> None:
    ward = Ward(CIRCLE)
    ward.report(unknown("radios"))
    ward.wait(10)
    ward.replace("radios", "radius")
    ward.book.discard()
    ward.report()
    ward.wait(60)
    assert ward.fixes == []


def test_hints_are_no_symptoms() -> None:
    ward = Ward("a = foo\n")
    ward.report(Diagnostic("`foo` could be shorter", 4, 7, "lint", severity=4))
    ward.wait(10)
    ward.replace("foo", "f")
    ward.report()
    ward.wait(60)
    assert ward.fixes == []


@pytest.mark.parametrize(
    ("message", "new", "worth"),
    [
        ("undefined name `foo`", "b = bar\n", 1.0),
        ("undefined name `foo`", "", 0.25),
        ("undefined name `foo`", "# a = foo\n", 0.25),
        ("undefined name `foo`", "a = foo  # noqa: F821\n", 0.1),
        ("`foo` is assigned to but never used", "", 1.0),
    ],
)
def test_a_repair_is_worth_what_was_done(message: str, new: str, worth: float) -> None:
    ward = Ward("x = 1\na = foo\ny = 2\n")
    ward.report(Diagnostic(message, 10, 13, "lint"))
    ward.wait(10)
    ward.replace("a = foo\n", new)
    ward.report()
    ward.wait(31)
    assert [fix.effectiveness for fix in ward.fixes] == [worth]


def test_taking_back_what_brought_the_symptom_is_an_undo() -> None:
    ward = Ward("x = 1\ny = x\nz = 3\n")
    ward.replace("y = x", "y = xs")
    ward.report(unknown("xs"))
    ward.wait(25)
    ward.replace("y = xs", "y = x")
    ward.report()
    ward.wait(31)
    (fix,) = ward.fixes
    assert (fix.approach, fix.effectiveness) == ("undo", 0.5)


def test_a_suggestion_that_repaired_is_named() -> None:
    ward = Ward(CIRCLE)
    ward.report(unknown("radios"))
    ward.wait(10)
    ward.replace("radios", "radius")
    at = ward.buffer.text.rindex("radius")
    ward.book.credit("s7", at, at + 6)
    ward.report()
    ward.wait(31)
    assert [fix.approach for fix in ward.fixes] == ["suggestion:s7"]


def test_a_fix_that_was_offered_and_applied_is_a_code_action() -> None:
    ward = Ward(CIRCLE)
    ward.report(unknown("radios"))
    ward.wait(10)
    at = ward.buffer.text.index("radios")
    ward.book.offer([Edit(at, at + 6, "radius")])
    ward.replace("radios", "radius")
    ward.report()
    ward.wait(31)
    assert [fix.approach for fix in ward.fixes] == ["code action"]


def test_a_symptom_that_returns_within_a_day_lowers_its_fix_to_a_quarter() -> None:
    ward = repaired(Ward(CIRCLE))
    ward.wait(3_600)
    ward.replace("* radius", "* radios")
    ward.report(unknown("radios"))
    ward.wait(25)
    (fix,) = ward.fixes
    assert (fix.recurrences, fix.effectiveness) == (1, 0.25)


def test_a_symptom_that_returns_after_a_day_is_another_story() -> None:
    ward = repaired(Ward(CIRCLE))
    ward.wait(90_000)
    ward.replace("* radius", "* radios")
    ward.report(unknown("radios"))
    ward.wait(25)
    assert [fix.recurrences for fix in ward.fixes] == [0]


def test_a_recurrence_is_known_in_the_next_session_by_its_line() -> None:
    (fix,) = repaired(Ward(CIRCLE)).fixes
    ward = Ward(CIRCLE, session="s2")
    ward.now = fix.settled_at + 600
    ward.book.recall([fix])
    ward.report(unknown("radios"))
    ward.wait(5)
    assert [(one.id, one.recurrences) for one in ward.fixes] == [(fix.id, 1)]


def test_the_same_mistake_elsewhere_is_no_recurrence() -> None:
    ward = repaired(Ward(CIRCLE))
    ward.wait(60)
    ward.replace("print(area(2))", "print(area(radios))")
    ward.report(unknown("radios"))
    ward.wait(25)
    assert [fix.recurrences for fix in ward.fixes] == [0]


def test_lines_are_counted_while_their_symptoms_stand() -> None:
    ward = Ward(CIRCLE)
    assert ward.book.count(0, 5) is None
    ward.report(unknown("radios"))
    at = ward.buffer.text.index("return")
    assert ward.book.count(at, at + 3) == 1
    assert ward.book.count(0, 5) == 0
    ward.replace("def area", "# a comment\ndef area")
    at = ward.buffer.text.index("return")
    assert ward.book.count(at, at + 3) == 1
