"""Tracked text against a naive list of tagged characters."""

from __future__ import annotations

import random

import msgspec
import pytest

from habitus_server.edits import Edit
from habitus_server.spans import GrowingSpan, TrackedSpan, track
from habitus_server.text import Buffer
from signals.scene import unmark


class Page:
    """A document with an accepted text in it: `before[accepted]after`."""

    def __init__(self, bracketed: str) -> None:
        self.text = bracketed.replace("[", "").replace("]", "")
        start, end = bracketed.index("["), bracketed.index("]") - 1
        self.span = track(start, self.text[start:end])

    def edit(self, start: int, end: int, new: str) -> None:
        edit = Buffer(self.text).trim(Edit(start, end, new))
        self.text = self.text[: edit.start] + edit.text + self.text[edit.end :]
        self.span = self.span.after(edit)

    def replace(self, old: str, new: str) -> None:
        assert self.text.count(old) == 1
        at = self.text.index(old)
        self.edit(at, at + len(old), new)

    def insert(self, marked: str, new: str) -> None:
        """Insert where the cursor stands in the marked form of the present text."""
        text, at = unmark(marked)
        assert text == self.text
        self.edit(at, at, new)

    @property
    def shown(self) -> str:
        low, high = self.span.start, self.span.end
        return f"{self.text[:low]}[{self.text[low:high]}]{self.text[high:]}"


def test_text_at_the_edges_of_an_untouched_span_stays_outside() -> None:
    page = Page("x = [foo(1)] # y")
    page.insert("x = foo(1)‸ # y", ".bar")
    page.insert("x = ‸foo(1).bar # y", "not ")
    assert page.shown == "x = not [foo(1)].bar # y"
    assert page.span.retained == 6


def test_text_inside_a_span_belongs_to_it() -> None:
    page = Page("x = [foo(1)]")
    page.insert("x = foo(‸1)", "a, ")
    assert page.shown == "x = [foo(a, 1)]"
    assert page.span.retained == 6


def test_text_typed_where_the_end_was_deleted_replaces_it() -> None:
    page = Page("[foo(bar)]\n")
    page.edit(4, 8, "")
    for key in "quux":
        page.edit(page.span.end, page.span.end, key)
    assert page.shown == "[foo(quux]\n"
    assert page.span.retained == 4


def test_an_open_end_closes_at_a_line_break() -> None:
    page = Page("[foo(bar)]")
    page.edit(4, 8, "")
    page.edit(4, 4, "x)\nnext = 1")
    assert page.shown == "[foo(x)]\nnext = 1"
    page.insert("foo(x)‸\nnext = 1", " + 1")
    assert page.shown == "[foo(x)] + 1\nnext = 1"


def test_text_typed_where_the_beginning_was_deleted_replaces_it() -> None:
    page = Page("x = [foo(bar)]")
    page.edit(4, 7, "")
    page.insert("x = ‸(bar)", "quux")
    assert page.shown == "x = [quux(bar)]"
    assert page.span.retained == 5


@pytest.mark.parametrize("start", [0, 4, 6])
def test_edits_cut_differently_count_the_same(start: int) -> None:
    page = Page("x = [value] + 1")
    new = "x = variable"
    page.edit(start, 9, new[start:])
    assert page.text == "x = variable + 1"
    assert page.span.survivors == "vae"


def test_retyping_a_deleted_word_restores_it() -> None:
    page = Page("a [bcd] e")
    page.edit(2, 5, "")
    assert page.span.retained == 0
    for at, key in enumerate("bcd"):
        page.edit(2 + at, 2 + at, key)
    assert page.shown == "a [bcd] e"
    assert page.span.retained == 3
    page.insert("a bcd‸ e", "x")
    assert page.shown == "a [bcd]x e"


def test_taking_back_a_deletion_with_its_surroundings_restores_the_span() -> None:
    page = Page("one two [three four] five six")
    page.edit(4, 25, "")
    assert page.span.text == ""
    page.edit(4, 4, "two three four five s")
    assert page.shown == "one two [three four] five six"
    assert page.span.retained == 10


def test_a_span_knows_what_touches_it() -> None:
    span = track(4, "abc")
    assert span.touches(Edit(5, 5, "x"))
    assert span.touches(Edit(0, 5, ""))
    assert not span.touches(Edit(4, 4, "x"))
    assert not span.touches(Edit(7, 7, "x"))
    assert not span.touches(Edit(0, 4, "x"))
    assert span.after(Edit(6, 7, "")).touches(Edit(6, 6, "x")), "an open edge"


def test_a_growing_span_takes_in_what_touches_it() -> None:
    place = GrowingSpan(4, 4)
    assert place.after(Edit(4, 4, "ab")) == GrowingSpan(4, 6)
    assert place.after(Edit(2, 4, "ab")) == GrowingSpan(2, 4)
    assert place.after(Edit(0, 3, "")) == GrowingSpan(1, 1)
    assert place.after(Edit(5, 9, "x")) == place


def random_edit(rng: random.Random, text: str, alphabet: str) -> Edit:
    start = rng.randrange(len(text) + 1)
    end = min(len(text), start + rng.choice([0, 0, 0, 1, 2, 8]))
    new = "".join(rng.choice(alphabet) for _ in range(rng.choice([0, 1, 1, 2, 6])))
    return Buffer(text).trim(Edit(start, end, new))


def test_survivors_are_those_of_a_list_of_tagged_characters() -> None:
    """With new characters that never equal old ones, nothing can be restored."""
    rng = random.Random(5)
    edits = 0
    for _ in range(1_500):
        original = "".join(rng.choice("abc(\n") for _ in range(rng.randrange(1, 14)))
        text = "...." + original + "...."
        span = track(4, original)
        naive = [(char, index) for index, char in enumerate(original)]
        tagged = [("", -1)] * 4 + naive + [("", -1)] * 4
        for _ in range(rng.randrange(1, 14)):
            edit = random_edit(rng, text, "XYZ\r")
            text = text[: edit.start] + edit.text + text[edit.end :]
            tagged[edit.start : edit.end] = [("", -1)] * len(edit.text)
            span = span.after(edit)
            edits += 1
            assert span.text == text[span.start : span.end]
            survivors = [(char, tag) for char, tag in tagged if tag >= 0]
            assert span.survivors == "".join(char for char, _ in survivors)
            if survivors:
                first = next(i for i, (_, tag) in enumerate(tagged) if tag >= 0)
                assert span.start <= first < span.end
    assert edits > 9_000


def test_random_edits_keep_the_laws_of_a_span() -> None:
    rng = random.Random(6)
    edits = 0
    for _ in range(2_000):
        original = "".join(rng.choice("abcx(\n") for _ in range(rng.randrange(1, 12)))
        text = "ab \n" + original + "ca\n"
        span = track(4, original)
        for _ in range(rng.randrange(1, 14)):
            edit = random_edit(rng, text, "abcxy(\n")
            text = text[: edit.start] + edit.text + text[edit.end :]
            span = span.after(edit)
            edits += 1
            assert span.text == text[span.start : span.end]
            assert 0 <= span.retained <= len(original)
            assert is_subsequence(span.survivors, original)
            assert is_subsequence(span.survivors, span.text)
    assert edits > 12_000


def test_taking_back_edits_in_reverse_order_restores_the_span() -> None:
    """Each edit reaches into the span, as the edits that matter do."""
    rng = random.Random(7)
    undone = 0
    for _ in range(3_000):
        original = "".join(rng.choice("abcdefgh(\n") for _ in range(rng.randrange(2, 14)))
        text = "one two\n" + original + " three\nfour"
        span = track(8, original)
        past: list[tuple[Edit, TrackedSpan]] = []
        for _ in range(rng.randrange(1, 8)):
            if span.end - span.start < 2:
                break
            low = rng.randrange(max(0, span.start - 3), span.end)
            high = rng.randrange(max(low, span.start) + 1, min(len(text), span.end + 4) + 1)
            new = "".join(rng.choice("stuvw\n") for _ in range(rng.randrange(4)))
            edit = Edit(low, high, new)
            past.append((Edit(low, low + len(new), text[low:high]), span))
            text = text[:low] + new + text[high:]
            span = span.after(edit)
        for back, was in reversed(past):
            text = text[: back.start] + back.text + text[back.end :]
            span = span.after(back)
            undone += 1
            assert (span.start, span.text, span.retained) == (was.start, was.text, was.retained)
    assert undone > 5_000


def test_an_edit_that_is_clear_of_a_span_only_moves_it() -> None:
    """Also between an edit of the span and the one that takes it back."""
    rng = random.Random(8)
    clear = 0
    for _ in range(1_500):
        original = "".join(rng.choice("abc(\n") for _ in range(rng.randrange(1, 12)))
        text = "one two\n" + original + " three\nfour"
        span = track(8, original)
        for _ in range(rng.randrange(1, 14)):
            edit = random_edit(rng, text, "abcx(\n")
            was, text = span, text[: edit.start] + edit.text + text[edit.end :]
            span = span.after(edit)
            if was.is_clear_of(edit):
                clear += 1
                by = edit.growth if edit.start < was.start else 0
                assert span == msgspec.structs.replace(was, start=was.start + by)
                assert span.text == text[span.start : span.end]
    assert clear > 2_000


def is_subsequence(small: str, large: str) -> bool:
    rest = iter(large)
    return all(char in rest for char in small)
