"""Which places are equivalent, and how long a rejection counts."""

from __future__ import annotations

import time

import msgspec
import pytest

from habitus_server.records import Rejection
from habitus_server.rejections import (
    HALF_LIFE_S,
    KEPT,
    Rejections,
    Why,
    key_of,
    keys_of,
    place_of,
)

DAY_S = 86_400.0


def key(marked: str, language: str = "python") -> str:
    """The key of a suggestion: what stands between `‸` and `‸` in a place."""
    prefix, text, *_ = marked.split("‸")
    return key_of(prefix, text, language)


def turned_down(why: Why, at: float = 0.0, times: int = 1, name: str = "k") -> Rejection:
    return Rejection(name, "a.py", "python", "place", "text", why.value, times, at)


AREA = "def area(radius):\n    return ‸3.14 * radius‸"


@pytest.mark.parametrize(
    "equivalent",
    [
        "def area(r):\n    return ‸3.14 * r‸",
        "def area( radius ) :\n        return  ‸3.14*radius‸",
        "import math\n\n\ndef area(radius):\n    return ‸3.14 * radius‸",
    ],
)
def test_layout_and_local_names_make_no_other_place(equivalent: str) -> None:
    assert key(AREA) == key(equivalent)


@pytest.mark.parametrize(
    "other",
    [
        "def perimeter(radius):\n    return ‸3.14 * radius‸",
        "def area(radius):\n    return ‸3 * radius‸",
        "def area(radius):\n    result = ‸3.14 * radius‸",
        "def area(radius, unit):\n    return ‸3.14 * unit‸",
        "def area(radius):\n    return ‸3.14 * diameter‸",
        "if ready:\n    return ‸3.14 * radius‸",
    ],
)
def test_another_function_text_or_line_is_another_place(other: str) -> None:
    assert key(AREA) != key(other)


def test_values_of_literals_before_the_cursor_do_not_count() -> None:
    one = key('def f(log):\n    log.info("saved %s", ‸log.name)‸')
    assert one == key("def f(log):\n    log.info('loaded %s and more', ‸log.name)‸")


def test_values_of_literals_in_the_suggestion_count() -> None:
    assert key("timeout = ‸30‸") != key("timeout = ‸60‸")


def test_words_of_a_string_that_is_being_written_count() -> None:
    assert key('print("saving ‸the file")‸') != key('print("loading ‸the file")‸')


def test_names_of_keyword_arguments_count() -> None:
    one = key("def f(size, name):\n    return make(‸size=size)‸")
    assert one != key("def f(size, name):\n    return make(‸name=name)‸")


def test_attributes_are_no_local_names() -> None:
    one = key("def f(size):\n    return ‸self.size + size‸")
    assert one != key("def f(width):\n    return ‸self.width + width‸")


def test_globals_keep_their_names() -> None:
    assert key("total = ‸count + 1‸") != key("total = ‸index + 1‸")


def test_assigned_and_loop_names_are_local() -> None:
    one = key("def f(rows):\n    total = 0\n    for row in rows:\n        total += ‸row.size‸")
    assert one == key("def f(xs):\n    summed = 0\n    for x in xs:\n        summed += ‸x.size‸")


def test_parameters_of_other_languages_are_local() -> None:
    one = key("function area(radius: number) {\n  return ‸3.14 * radius;‸", "typescript")
    assert one == key("function area(r: number) {\n  return ‸3.14 * r;‸", "typescript")


def test_a_signature_of_several_lines_is_read_whole() -> None:
    one = key("def area(\n    radius,\n    unit,\n):\n    return ‸unit * radius‸")
    assert one != key("def other(\n    radius,\n    unit,\n):\n    return ‸unit * radius‸")


def test_at_the_start_of_a_line_the_line_above_says_where_it_is() -> None:
    one = key("def f(a):\n    check(a)\n    ‸return a‸")
    assert one == key("def f(b):\n    check(b)\n\n    ‸return b‸")
    assert one != key("def f(a):\n    log(a)\n    ‸return a‸")


def test_it_makes_no_difference_how_much_of_the_line_was_typed() -> None:
    prefix, text = "def area(radius):\n    return ", "3.14 * radius"
    rejected = key_of(prefix, text, "python")
    for typed in range(1, len(text)):
        assert rejected in keys_of(prefix + text[:typed], text[typed:], "python")
    assert rejected not in keys_of(f"{prefix}2 * ", text, "python")


def test_a_rejection_counts_until_it_has_faded() -> None:
    for why, days in ((Why.DISMISSED, 14), (Why.REVERTED, 28), (Why.RATED, 42)):
        held = Rejections()
        held.add(turned_down(why))
        assert held.hold(["k"], (days - 1) * DAY_S)
        assert not held.hold(["k"], (days + 1) * DAY_S)


def test_what_is_turned_down_twice_counts_one_half_life_longer() -> None:
    held = Rejections()
    held.add(turned_down(Why.DISMISSED))
    held.add(turned_down(Why.DISMISSED))
    assert held.hold(["k"], 2 * HALF_LIFE_S - 1)
    assert not held.hold(["k"], 2 * HALF_LIFE_S + 1)


def test_typing_over_counts_from_the_third_time_on() -> None:
    held = Rejections()
    for times, is_held in ((1, False), (2, False), (3, True)):
        held.add(turned_down(Why.TYPED_OVER))
        assert held.hold(["k"], 60.0) is is_held, times


def test_the_strongest_reason_stays() -> None:
    held = Rejections()
    held.add(turned_down(Why.RATED))
    now = held.add(turned_down(Why.DISMISSED))
    assert (now.why, now.times) == ("rated", 2)


def test_what_was_only_typed_over_counts_as_dismissed_once_it_is() -> None:
    held = Rejections()
    held.add(turned_down(Why.TYPED_OVER))
    assert held.add(turned_down(Why.DISMISSED)).times == 1
    assert held.add(turned_down(Why.TYPED_OVER)).why == "dismissed"


def test_allowing_it_again_ends_a_rejection() -> None:
    held = Rejections()
    held.add(turned_down(Why.RATED))
    assert held.remove("k")
    assert not held.hold(["k"], 0.0)
    assert not held.remove("k")


def test_only_the_newest_are_kept() -> None:
    held = Rejections()
    for number in range(KEPT + 10):
        held.add(turned_down(Why.RATED, at=float(number), name=f"k{number}"))
    assert "k9" not in held and "k10" in held
    held.replace(turned_down(Why.RATED, at=float(-n), name=f"n{n}") for n in range(KEPT + 1))
    assert f"n{KEPT}" not in held and "n0" in held


def test_a_place_is_shown_by_its_opening_lines_and_its_own() -> None:
    prefix = "class A:\n    def f(self):\n        x = 1\n        if x:\n            return "
    assert place_of(prefix) == "    def f(self):\n        if x:\n            return "


def test_a_large_file_costs_no_more_than_a_small_one() -> None:
    line = "def f(a, b):\n    return "
    small, large = line, "x = [1, 2, 3]  # filler\n" * 50_000 + line
    assert key_of(large, "a + b", "python") == key_of(small, "a + b", "python")
    begun = time.process_time()
    for _ in range(100):
        assert list(keys_of(large, "a + b * (a - b)", "python"))
    assert time.process_time() - begun < 0.5, "more than 5 ms a question"


def test_what_was_turned_down_at_a_place_is_told_as_it_goes_on_from_there() -> None:
    rejections = Rejections()
    prefix = "def area(radius):\n    return "
    one = msgspec.structs.replace(
        turned_down(Why.DISMISSED), place=place_of(prefix), text="3.14 * radius"
    )
    rejections.add(one)
    assert rejections.texts_at(prefix, 0.0) == ("3.14 * radius",)
    assert rejections.texts_at("import math\n\n" + prefix + "3.1", 0.0) == ("4 * radius",)
    for other in ("def edge(radius):\n    return ", prefix + "4", prefix + "3.14 * radius", "x = "):
        assert rejections.texts_at(other, 0.0) == ()
    assert rejections.texts_at(prefix, 40 * HALF_LIFE_S) == ()
