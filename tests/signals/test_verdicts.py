"""What a text at a suggestion's place is taken for."""

from __future__ import annotations

import pytest

from habitus_server.verdicts import (
    Kind,
    Verdict,
    is_leap,
    judge,
    raw_size,
    unify,
    without_layout,
)


@pytest.mark.parametrize(
    ("expected", "found", "replaced", "leapt", "kind", "size"),
    [
        ("foo(1)", "", "", False, Kind.UNTOUCHED, 0),
        ("foo(1)", "f", "", False, Kind.TYPING, 1),
        ("foo(1)", "foo", "", False, Kind.TYPING, 3),
        ("foo(1)", "foo", "", True, Kind.PARTIAL, 3),
        ("foo(1)", "f", "", True, Kind.TYPING, 1),
        ("foo(1)", "foo(1)", "", True, Kind.COMPLETE, 6),
        ("foo(1)", "foo(1)", "", False, Kind.COMPLETE, 6),
        ("foo(1)", "foo(1) + 2", "", True, Kind.COMPLETE, 6),
        ("foo", "foobar", "", False, Kind.DIVERGED, 0),
        ("foo", "foobar", "", True, Kind.DIVERGED, 0),
        ("foo", "foo.bar", "", False, Kind.COMPLETE, 3),
        ("foo(1)", "bar", "", True, Kind.DIVERGED, 0),
        ("foo(1)", "foo()", "", False, Kind.TYPING, 4),
        ("foo(1)", "foo(1", "", True, Kind.PARTIAL, 5),
        ("a)", ")", ")", False, Kind.UNTOUCHED, 0),
        ("a, b)", "a)", ")", False, Kind.TYPING, 1),
        ("a, b)", "a, b)", ")", True, Kind.COMPLETE, 5),
        ("x\ny", "x\r\ny", "", True, Kind.COMPLETE, 4),
        ("x\ny\nz", "x\r\ny", "", True, Kind.PARTIAL, 4),
        ("if x:\n    y", "if x:\n        y", "", True, Kind.COMPLETE, 15),
        ("if x:\n    y", "if x:\n        y", "", False, Kind.DIVERGED, 0),
        ("foo", ")", "", False, Kind.TYPING, 0),
    ],
)
def test_a_judgement(
    expected: str, found: str, replaced: str, leapt: bool, kind: Kind, size: int
) -> None:
    assert judge(expected, found, replaced, leapt) == Verdict(kind, size)


@pytest.mark.parametrize(
    ("inserted", "leaps"),
    [
        ("a", False),
        ("()", False),
        ('""', False),
        ("\n        ", False),
        ("😀", False),
        ("    ", False),
        ("", False),
        ("ab", True),
        ("(x", True),
        ("return", True),
        ("\n    pass", True),
    ],
)
def test_a_keystroke_is_no_leap(inserted: str, leaps: bool) -> None:
    assert is_leap(inserted) is leaps


def test_sizes_are_those_of_the_raw_text() -> None:
    raw = "a\r\nb\rc\nd"
    for size in range(len(unify(raw)) + 1):
        assert unify(raw[: raw_size(raw, size)]) == unify(raw)[:size]


def test_layout_is_what_formatters_change() -> None:
    before = "f( 'a',[1,2,],\n)"
    assert without_layout(before) == without_layout('f("a", [1, 2])')
    assert without_layout(before) != without_layout('f("a", [1, 3])')
