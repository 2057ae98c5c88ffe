"""How texts are cut into pieces, and what words they are found by."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from habitus_server.index import cut, words_of
from habitus_server.index.pieces import LONGEST_LINES, WINDOW_LINES

SHAPES = '''"""Shapes."""

import math

LIMIT = 10


@register
class Shape(Base):
    """A shape."""

    sides: int = 0

    def area(
        self, scale: float = 1.0,
    ) -> float:
        r"""How large it is.

        In square metres.
        """
        def inner():
            return scale
        return inner()

    @property
    def name(self):
        return "shape"


def unite(first, second):
    return first
'''


def test_python_is_cut_where_its_definitions_begin() -> None:
    pieces = cut(SHAPES, "python")
    assert [(one.line, one.text.split("\n")[0].strip()) for one in pieces] == [
        (0, '"""Shapes."""'),
        (7, "@register"),
        (13, "def area("),
        (24, "@property"),
        (29, "def unite(first, second):"),
    ]
    assert pieces[1].text.startswith("@register\nclass Shape(Base):")
    assert pieces[1].text.endswith("sides: int = 0")


def test_a_function_inside_a_function_is_no_piece_of_its_own() -> None:
    (area,) = (one for one in cut(SHAPES, "python") if "def area" in one.text)
    assert "def inner" in area.text


def test_a_long_function_is_cut_into_windows() -> None:
    body = "".join(f"    step_{n}()\n" for n in range(LONGEST_LINES + 20))
    sizes = [len(one.text.split("\n")) for one in cut(f"def long():\n{body}", "python")]
    assert sizes == [WINDOW_LINES, WINDOW_LINES, LONGEST_LINES + 21 - 2 * WINDOW_LINES]


def test_definitions_on_one_line_are_one_piece() -> None:
    text = "class A: x = 1; y = 2\ndef f(): pass\n"
    assert [one.text for one in cut(text, "python")] == text.split("\n")[:2]


def test_other_languages_are_cut_into_windows_of_lines() -> None:
    text = "\n".join(f"line {n};" for n in range(60))
    assert [one.line for one in cut(text, "c")] == [0, WINDOW_LINES, 2 * WINDOW_LINES]


def test_blank_texts_have_no_pieces() -> None:
    assert cut("", "python") == cut("\n\n  \n", "python") == cut("\n", "") == ()


@pytest.mark.parametrize("seed", range(20))
def test_pieces_are_whole_lines_that_do_not_overlap_in_any_cut_of_real_code(seed: int) -> None:
    source = Path(cut.__code__.co_filename).read_text("utf-8")
    chance = random.Random(seed)
    start = chance.randrange(len(source))
    text = source[start : chance.randrange(start, len(source) + 1)]
    lines = text.split("\n")
    end = 0
    for one in cut(text, "python"):
        shown = one.text.split("\n")
        begin = next(i for i in range(max(one.line, end), len(lines)) if lines[i] == shown[0])
        assert lines[begin : begin + len(shown)] == shown
        end = begin + len(shown)
    kept = "".join(one.text for one in cut(text, "python"))
    assert sum(map(str.isalnum, kept)) == sum(map(str.isalnum, text))


def test_names_are_found_whole_and_by_the_words_that_they_are_made_of() -> None:
    assert words_of("loadInvoice(HTTPServer, max_retries2)") == [
        *("loadinvoice", "load", "invoice"),
        *("httpserver", "http", "server"),
        *("max_retries2", "max", "retries"),
    ]


def test_words_of_the_language_and_short_names_find_nothing() -> None:
    assert words_of("for i in self: return x is None") == []


def test_runs_of_letters_that_are_data_are_no_words() -> None:
    assert words_of("A" * 500) == []
