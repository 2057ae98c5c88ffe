"""Laws of the prompt's cuts, against the plain definition of each."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from habitus_server.engine.fim import (
    GRID_LINES,
    Budget,
    FimTokens,
    Template,
    build_prompt,
    cut_prefix,
    cut_suffix,
    split_lines,
    template_from_vocabulary,
    visible_suffix,
)
from habitus_server.errors import ModelError
from habitus_server.records import Chunk

TEXT = st.text(alphabet="ab \n\r\t\x0b\x0c\x1c\x85\u2028é", max_size=200)
TOKENS = FimTokens(prefix=1001, suffix=1002, middle=1003, end=1000, pad=1000, file_sep=1004)


def by_character(text: str) -> list[int]:
    return [ord(character) for character in text]


@given(TEXT)
def test_only_newlines_end_lines(text: str) -> None:
    lines = split_lines(text)
    assert "".join(lines) == text
    assert all("\n" not in line[:-1] for line in lines)
    assert all(line.endswith("\n") for line in lines[:-1])
    assert len(lines) == text.count("\n") + (not text.endswith("\n") and text != "")


@given(TEXT, st.integers(1, 60))
@settings(max_examples=200)
def test_a_cut_prefix_is_a_tail_that_fits(prefix: str, budget: int) -> None:
    text, ids = cut_prefix(by_character, prefix, budget)
    assert prefix.endswith(text)
    assert ids == by_character(text)
    assert len(ids) <= budget


@given(TEXT, st.integers(1, 60))
@settings(max_examples=200)
def test_a_cut_suffix_is_a_head_that_fits(suffix: str, budget: int) -> None:
    text, ids = cut_suffix(by_character, suffix, budget)
    assert suffix.startswith(text)
    assert len(ids) <= budget
    if len(suffix) <= budget:
        assert text == suffix


def test_long_prefixes_are_cut_on_the_grid_and_stay_there_while_one_types() -> None:
    lines = [f"line number {number}\n" for number in range(500)]
    starts = set()
    for typed in ("", "v", "va", "val", "value"):
        text, _ = cut_prefix(by_character, "".join(lines) + typed, 1500)
        number = int(text.split("\n")[0].rsplit(" ", 1)[1])
        assert number % GRID_LINES == 0
        starts.add(number)
    assert len(starts) == 1


def test_the_grid_counts_lines_of_the_whole_file_when_only_its_tail_is_looked_at() -> None:
    prefix = "x" * 50 + "\n" + "".join(f"{number:04}\n" for number in range(1, 3000))
    text, _ = cut_prefix(by_character, prefix, 400)
    assert int(text[:4]) % GRID_LINES == 0


def test_a_line_longer_than_the_budget_keeps_its_end() -> None:
    text, ids = cut_prefix(by_character, "a" * 1000 + "b", 10)
    assert text == "a" * 9 + "b"
    assert len(ids) == 10


@pytest.mark.parametrize(
    ("suffix", "visible"),
    [
        (")\n  next\n", "\n  next\n"),
        (" })\nx", "\nx"),
        ('"]', ""),
        (" + 1)\nx", " + 1)\nx"),
        ("", ""),
    ],
)
def test_closers_that_an_editor_added_are_not_shown(suffix: str, visible: str) -> None:
    assert visible_suffix(suffix) == visible


def test_suffix_first_puts_the_prefix_last() -> None:
    prompt = build_prompt(
        Template(TOKENS, suffix_first=True), by_character, path="p", prefix="a", suffix="b"
    )
    path = [1004, ord("p"), ord("\n")]
    assert list(prompt.ids) == [*path, 1001, 1002, ord("b"), 1003, ord("a")]


def test_prefix_first_puts_the_middle_sentinel_last() -> None:
    prompt = build_prompt(
        Template(TOKENS, suffix_first=False), by_character, path="p", prefix="a", suffix="b"
    )
    assert list(prompt.ids)[3:] == [1001, ord("a"), 1002, ord("b"), 1003]


def test_chunks_come_before_the_file_and_those_too_large_are_left_out() -> None:
    prompt = build_prompt(
        Template(TOKENS, suffix_first=False),
        by_character,
        path="p",
        prefix="",
        suffix="",
        chunks=(Chunk("q", "yes"), Chunk("r", "n" * 500)),
        budget=Budget(context=50),
    )
    assert list(prompt.ids)[:6] == [1004, *by_character("q\nyes")]
    assert ord("n") not in prompt.ids


def test_a_tokenizer_without_sentinels_is_refused_by_name() -> None:
    with pytest.raises(ModelError, match="some/model has no fill-in-the-middle"):
        template_from_vocabulary({"<|endoftext|>": 0}, name="some/model", suffix_first=False)
