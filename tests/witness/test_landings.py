"""Where text stands in a commit, and what is left of it; texts marked with `+` and `-`."""

from __future__ import annotations

from collections import Counter

from habitus_server.landings import Stretch, find_stretch, moved_to, share_left
from habitus_server.repository import find_hunks

NONE: Counter[str] = Counter()


def diff(marked: str) -> tuple[str, str]:
    """Old and new text of a marked one: `+` lines are new, `-` lines old."""
    lines = marked.strip("\n").split("\n")
    old = "".join(line[1:] + "\n" for line in lines if line[0] != "+")
    new = "".join(line[1:] + "\n" for line in lines if line[0] != "-")
    return old, new


def found(wanted: str, marked: str, near: int | None = None) -> Stretch | None:
    old, new = diff(marked)
    return find_stretch(wanted, new, find_hunks(old, new), near=near)


def left(stretch: Stretch, marked: str, moved: Counter[str] = NONE) -> float:
    old, new = diff(marked)
    return share_left(stretch, find_hunks(old, new), new, moved)


ADDED = """
 import math
+def area(radius):
+    return math.pi * radius
 print(area(2))
"""


def test_text_within_an_added_line_is_found_as_that_line() -> None:
    assert found("math.pi * radius", ADDED) == Stretch(2, "    return math.pi * radius")


def test_text_over_several_added_lines_is_found_whole() -> None:
    stretch = found("area(radius):\n    return math.pi * radius", ADDED)
    assert stretch == Stretch(1, "def area(radius):\n    return math.pi * radius")


def test_text_that_the_commit_did_not_add_is_not_found() -> None:
    assert found("print(area(2))", ADDED) is None


def test_text_that_only_half_was_added_is_not_found() -> None:
    assert found("math.pi * radius\nprint(area(2))", ADDED) is None


def test_text_that_ends_within_a_word_is_not_found() -> None:
    assert found("math.pi * radi", ADDED) is None


TWICE = """
+left = compute(1, 2)
 middle
+left = compute(1, 2)
"""


def test_text_that_was_added_twice_has_no_certain_place() -> None:
    assert found("compute(1, 2)", TWICE) is None


def test_text_that_was_added_twice_is_found_where_the_editor_has_it() -> None:
    assert found("compute(1, 2)", TWICE, near=2) == Stretch(2, "left = compute(1, 2)")


def test_text_as_near_to_two_places_has_no_certain_place() -> None:
    assert found("compute(1, 2)", TWICE, near=1) is None


def test_a_short_text_is_not_found_by_its_words_alone() -> None:
    assert found("x + 1", " a\n+y = x + 1\n") is None


def test_a_short_text_is_found_where_the_editor_has_it() -> None:
    assert found("x + 1", " a\n+y = x + 1\n", near=1) == Stretch(1, "y = x + 1")


LANDED = Stretch(1, "def area(radius):\n    return math.pi * radius")


def test_lines_that_nobody_touched_are_left() -> None:
    marked = " import math\n def area(radius):\n     return math.pi * radius\n+more = 1\n"
    assert left(LANDED, marked) == 1.0


def test_lines_that_a_hunk_removed_are_gone() -> None:
    marked = " import math\n-def area(radius):\n-    return math.pi * radius\n"
    assert left(LANDED, marked) == 0.0


def test_lines_that_were_replaced_by_others_are_gone() -> None:
    marked = (
        " import math\n-def area(radius):\n-    return math.pi * radius\n+from shapes import disc\n"
    )
    assert left(LANDED, marked) == 0.0


def test_a_line_that_kept_most_of_its_words_is_left() -> None:
    marked = (
        " import math\n def area(radius):\n"
        "-    return math.pi * radius\n+    return math.pi * radius ** 2\n"
    )
    assert left(LANDED, marked) == 1.0


def test_lines_that_were_indented_are_left() -> None:
    marked = (
        " import math\n-def area(radius):\n-    return math.pi * radius\n"
        "+class Disc:\n+    def area(radius):\n+        return math.pi * radius\n"
    )
    assert left(LANDED, marked) == 1.0


def test_lines_that_moved_within_the_file_are_left() -> None:
    marked = (
        " import math\n-def area(radius):\n-    return math.pi * radius\n middle = 1\n"
        "+def area(radius):\n+    return math.pi * radius\n"
    )
    assert left(LANDED, marked) == 1.0


def test_lines_that_moved_to_another_file_are_left() -> None:
    marked = " import math\n-def area(radius):\n-    return math.pi * radius\n"
    elsewhere = Counter({"def area(radius):": 1, "return math.pi * radius": 1})
    assert left(LANDED, marked, elsewhere) == 1.0


def test_one_line_elsewhere_explains_one_line_that_went() -> None:
    twice = Stretch(0, "step(total, 1)\nstep(total, 1)")
    assert left(twice, "-step(total, 1)\n-step(total, 1)\n", Counter({"step(total, 1)": 1})) == 0.5


def test_brackets_alone_are_not_counted() -> None:
    block = Stretch(0, "call(\n    argument,\n)")
    assert left(block, "-call(\n-    argument,\n )\n") == 0.0


def test_lines_are_found_again_below_what_was_added_above() -> None:
    old, new = diff("+first = 1\n import math\n def area(radius):\n     return math.pi * radius\n")
    assert moved_to(LANDED, find_hunks(old, new), new) == Stretch(2, LANDED.text)
