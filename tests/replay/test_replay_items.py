"""Which lines are asked for, and where."""

from __future__ import annotations

from collections import Counter

from habitus_learner.history import Commit, FileChange
from habitus_learner.replay.items import (
    MIN_ANSWER_CHARACTERS,
    Place,
    count_code_characters,
    digest,
    list_items,
    sample_lines,
)

COMMIT = Commit("c1", 0.0, "m")


def items_of(old: str, new: str, *, seed: int = 0, path: str = "a.py"):
    return list_items(COMMIT, [FileChange(path, path, old, new)], seed=seed)


def asked_lines(old: str, new: str) -> list[str]:
    lines = new.split("\n")
    return list(dict.fromkeys(lines[item.line] for item in items_of(old, new)))


def test_each_line_is_asked_at_its_indentation_and_within() -> None:
    first, second = items_of("", "if x:\n    value = compute(x)\n")
    assert (first.place, first.line, first.column) == (Place.INDENTATION, 1, 4)
    assert first.answer == "value = compute(x)"
    assert second.place is Place.WITHIN and second.column > 4
    assert ("    value = compute(x)")[second.column :] == second.answer
    assert len(second.answer) >= MIN_ANSWER_CHARACTERS


def test_short_lines_are_not_asked() -> None:
    assert asked_lines("", "x = 12\nreturn_value = 1\n") == ["return_value = 1"]


def test_comments_and_docstrings_are_not_asked() -> None:
    text = (
        "# a comment of some length\n"
        "def compute(value):\n"
        '    """What it does, at length.\n'
        "\n"
        "    And more of it.\n"
        '    """\n'
        "    total = value + 1  # noqa\n"
        "    x = 1  # a long comment on a short line\n"
        '    sql = """\n'
        "    select all_of_it from there\n"
        '    """\n'
    )
    assert asked_lines("", text) == [
        "def compute(value):",
        "    total = value + 1  # noqa",
        "    select all_of_it from there",
    ]


def test_moved_lines_are_not_asked() -> None:
    old = "first_call(one, two)\nsecond_call(three)\n"
    new = "second_call(three)\nthird_call(four)\nfirst_call(one, two)\n"
    assert asked_lines(old, new) == ["third_call(four)"]


def test_unchanged_lines_are_not_asked() -> None:
    assert asked_lines("unchanged = 1\n", "unchanged = 1\nwritten_now = 2\n") == ["written_now = 2"]


def test_code_characters_count_multibyte_text_once() -> None:
    assert count_code_characters("s = 'äöü'  # ß\n") == [7]


def test_code_characters_are_counted_in_broken_code() -> None:
    assert count_code_characters("def broken(:\n    value = (1,\n") == [12 - 1, 9 - 0]


def test_the_fingerprint_depends_on_every_answer_and_on_the_order() -> None:
    items = items_of("", "alpha = one_thing\nbeta = another_thing\n")
    assert digest(items) == digest(list(items))
    assert digest(items) != digest(items[::-1])
    assert digest(items) != digest(items_of("", "alpha = one_thinG\nbeta = another_thing\n"))


def test_the_same_seed_gives_the_same_columns_and_another_seed_others() -> None:
    text = "".join(f"a_rather_long_line_of_code_{n} = compute_it({n})\n" for n in range(20))
    assert items_of("", text, seed=1) == items_of("", text, seed=1)
    assert items_of("", text, seed=1) != items_of("", text, seed=2)


def test_a_sample_is_even_over_files_and_keeps_lines_whole() -> None:
    big = items_of("", "".join(f"some_value_{n} = {n}\n" for n in range(90)), path="big.py")
    small = items_of("", "".join(f"some_value_{n} = {n}\n" for n in range(5)), path="small.py")
    chosen = sample_lines([*big, *small], 20, seed=3)
    counts = Counter(item.path for item in chosen)
    assert counts == {"big.py": 30, "small.py": 10}
    assert [i for i in [*big, *small] if i in set(chosen)] == chosen
    assert Counter((i.path, i.line) for i in chosen).most_common(1)[0][1] == 2
