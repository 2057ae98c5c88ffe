"""`lexing.scan` against a naive scanner that walks one character at a time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from habitus_server.lexing import comment_marker, inside_at, is_balanced, quotes_of, scan

PAIRS = {"(": ")", "[": "]", "{": "}"}


def scan_naively(
    text: str, language: str, inside: str
) -> tuple[list[bool], list[int], list[str], str]:
    """Whether each boundary is home, what was closed, what is open, and where the end is."""
    marker, quotes = comment_marker(language), quotes_of(language)
    start, state = inside, inside
    home: list[bool] = []
    closed: list[int] = []
    waiting: list[str] = []
    left = False
    at = 0
    while at < len(text):
        home.append(not left and not closed and not waiting and state == start)
        here, step = text[at], 1
        if state and state != marker:
            if here == "\\":
                step = 2
            elif text.startswith(state, at):
                step = len(state)
                if waiting:
                    waiting.pop()
                else:
                    closed.append(at)
                state = ""
            elif here == "\n" and len(state) == 1 and state != "`":
                if waiting:
                    waiting.pop()
                else:
                    left = True
                state = ""
        elif state:
            if here == "\n":
                left = left or start == marker
                state = ""
        elif marker and text.startswith(marker, at):
            state, step = marker, len(marker)
        elif here in quotes:
            triple = language == "python" and text.startswith(here * 3, at)
            state = here * 3 if triple else here
            waiting.append(state)
            step = len(state)
        elif here in PAIRS:
            waiting.append(PAIRS[here])
        elif here in PAIRS.values():
            if waiting and waiting[-1] == here:
                waiting.pop()
            elif not waiting:
                closed.append(at)
        escaped = home[-1] and here == "\\"
        home += [escaped] * (min(step, len(text) - at) - 1)
        at += step
    home.append(not left and not closed and not waiting and state == start)
    return home, closed, waiting, state


TEXTS = st.text(alphabet="ab(){}[]\"'`#/-\\\n ", max_size=24)


@settings(derandomize=True, max_examples=3000, deadline=None)
@given(text=TEXTS, language=st.sampled_from(["python", "javascript", "lua", "rust", "markdown"]))
def test_code_is_followed_like_the_naive_scanner_does(text: str, language: str) -> None:
    assert scan_compared(text, language, "") == scan_naively(text, language, "")


@settings(derandomize=True, max_examples=2000, deadline=None)
@given(text=TEXTS, inside=st.sampled_from(["'", '"', '"""', "'''", "#"]))
def test_a_text_that_starts_inside_something_is_followed_too(text: str, inside: str) -> None:
    assert scan_compared(text, "python", inside) == scan_naively(text, "python", inside)


def scan_compared(
    text: str, language: str, inside: str
) -> tuple[list[bool], list[int], list[str], str]:
    """What `scan` finds, in the form in which the naive scanner says it."""
    found = scan(text, language=language, inside=inside)
    home = [found.is_home(at) for at in range(len(text) + 1)]
    return home, list(found.closed), list(found.opened), found.inside


@pytest.mark.parametrize(
    ("prefix", "inside"),
    [
        ("x = f(", ""),
        ("x = 'it", "'"),
        ("x = \"it's", '"'),
        ("x = 1  # it's", "#"),
        ('"""Doc', '"""'),
        ('"""Doc.\n\nmore (', '"""'),
        ('"""Doc."""\nx = ', ""),
        ("x = 'unclosed\ny = ", ""),
    ],
)
def test_the_string_or_comment_at_a_cursor_is_known(prefix: str, inside: str) -> None:
    assert inside_at(prefix, "python") == inside


def test_balance_counts_brackets_in_code_only() -> None:
    assert is_balanced("f(a, ')')", "python")
    assert not is_balanced("f(a", "python")
    assert not is_balanced("f)a(", "python")
