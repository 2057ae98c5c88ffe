"""Where completions end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus_server.engine.stop import find_end, indent_columns
from habitus_server.engine.wire import Stop

LINE = Stop("line")


def cut(text: str, stop: Stop) -> str:
    end = find_end(text, stop)
    return text if end is None else text[:end]


@pytest.mark.parametrize(
    ("text", "stop", "kept"),
    [
        ("return x\nmore", LINE, "return x"),
        ("return x", LINE, "return x"),
        ("\nreturn", LINE, ""),
        ("a\n    b\n    c\nd", Stop("block", 4, 9), "a\n    b\n    c"),
        ("a\n    b\n\n\n  d", Stop("block", 4, 9), "a\n    b"),
        ("a\n\tb\n    c\n   d", Stop("block", 4, 9), "a\n\tb\n    c"),
        ("a\n    b\n    c\n", Stop("block", 4, 2), "a\n    b"),
        ("a\nb\nc\nd", Stop("block", 0, 3), "a\nb\nc"),
        ("x\nb\nb\nb\nb", Stop("block", 0, 9), "x\nb\nb"),
        ("a\n   ", Stop("block", 4, 9), "a\n   "),
    ],
)
def test_text_ends_where_its_mode_says(text: str, stop: Stop, kept: str) -> None:
    assert cut(text, stop) == kept


@given(
    st.text(alphabet="ab \t\n", max_size=60),
    st.sampled_from([LINE, Stop("block", 4, 3), Stop("block", 0, 5), Stop("block", 2, 99)]),
)
def test_the_cut_does_not_depend_on_how_the_text_arrives(text: str, stop: Stop) -> None:
    arrived = ""
    for character in text:
        arrived += character
        end = find_end(arrived, stop)
        if end is not None:
            assert arrived[:end] == cut(text, stop)
            return
    assert cut(text, stop) == text


def test_tabs_reach_the_next_multiple_of_four() -> None:
    assert [indent_columns(line) for line in ("\tx", " \tx", "    x", "  \t x", "x")] == [
        4,
        4,
        4,
        5,
        0,
    ]
