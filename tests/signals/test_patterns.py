"""Hand-written code: what becomes a pattern, and what never does."""

from __future__ import annotations

import itertools
import random

from habitus_server.edits import Edit
from habitus_server.outcomes import Settlement, Tracker
from habitus_server.patterns import MAX_TEXT_CHARS, Notebook
from habitus_server.positions import PositionEncoding
from habitus_server.records import Pattern
from habitus_server.spans import track
from habitus_server.text import Buffer, Change, ContentChange, replay
from signals.scene import change_of, suggestion, unmark


class Desk:
    """One document in which somebody writes."""

    def __init__(self, marked: str) -> None:
        text, self.cursor = unmark(marked)
        self.buffer = Buffer(text)
        ids = (f"p{n}" for n in itertools.count())
        self.notebook = Notebook(self.buffer, "a.py", "python", "s1", lambda: next(ids))
        self.now = 100.0
        self.found: list[Pattern] = []

    def apply(self, change: Change, after_s: float = 1.0) -> None:
        self.now += after_s
        self.buffer = change.after
        self.found += self.notebook.edit(change, self.now)

    def edit(self, *edits: Edit, after_s: float = 1.0) -> None:
        self.apply(change_of(self.buffer, *edits), after_s)

    def type(self, text: str) -> None:
        for key in text:
            self.edit(Edit(self.cursor, self.cursor, key), after_s=0.1)
            self.cursor += 1

    def replace(self, old: str, new: str) -> None:
        assert self.buffer.text.count(old) == 1
        at = self.buffer.text.index(old)
        self.edit(Edit(at, at + len(old), new))

    def rewrite(self, text: str) -> None:
        self.apply(replay(self.buffer, [ContentChange(text)], PositionEncoding.UTF16))

    def wait(self, seconds: float = 11.0) -> list[Pattern]:
        self.now += seconds
        self.found += self.notebook.tick(self.now)
        return self.found


def test_a_typed_line_becomes_a_pattern_once_it_rests() -> None:
    desk = Desk("import os\n‸\nprint(os)\n")
    desk.type("path = os.getcwd()")
    assert desk.wait(9) == []
    (pattern,) = desk.wait(2)
    assert pattern.text == "path = os.getcwd()"
    assert pattern.prefix == "import os\n"
    assert pattern.suffix == "\nprint(os)\n"
    assert (pattern.replaced.strip(), pattern.session, pattern.path) == ("", "s1", "a.py")
    assert pattern.written_at < pattern.settled_at
    assert desk.notebook.due is None


def test_a_changed_line_is_the_whole_line_and_knows_what_it_replaced() -> None:
    desk = Desk("total = price * count\n‸")
    desk.replace("price", "unit_price")
    (pattern,) = desk.wait()
    assert pattern.text == "total = unit_price * count"
    assert pattern.replaced == "total = price * count\n"


def test_lines_written_one_after_the_other_are_one_pattern() -> None:
    desk = Desk("def f():\n    ‸\n")
    desk.type("a = 1\n    b = 2\n    return a + b")
    (pattern,) = desk.wait()
    assert pattern.text == "    a = 1\n    b = 2\n    return a + b"


def test_changes_in_different_places_are_different_patterns() -> None:
    desk = Desk("alpha = 1\n" + "x\n" * 20 + "omega = 2\n‸")
    desk.replace("alpha = 1", "alpha = one()")
    desk.replace("omega = 2", "omega = two()")
    texts = [pattern.text for pattern in desk.wait()]
    assert texts == ["alpha = one()", "omega = two()"]


def test_what_was_typed_and_taken_back_is_no_pattern() -> None:
    desk = Desk("value = 1\n‸")
    desk.replace("value = 1", "value = compute()")
    desk.replace("value = compute()", "value = 1")
    assert desk.wait() == []


def test_deletions_and_trifles_are_no_patterns() -> None:
    desk = Desk("value = compute()\nx = 1\n‸")
    desk.replace("value = compute()\n", "")
    desk.type("y=2")
    assert desk.wait() == []


def test_text_of_an_accepted_suggestion_is_cut_out() -> None:
    desk = Desk("‸\n")
    desk.type("result = transform(")
    accepted = "items, key=str)"
    desk.edit(Edit(desk.cursor, desk.cursor, accepted))
    desk.notebook.exclude({"a": track(desk.cursor, accepted)})
    desk.cursor += len(accepted)
    desk.type(" or default_items")
    texts = [pattern.text for pattern in desk.wait()]
    assert texts == ["result = transform(", " or default_items"]


def test_an_edited_suggestion_is_a_correction_and_no_pattern() -> None:
    desk = Desk("‸\n")
    desk.edit(Edit(0, 0, "compute(alpha, beta)"))
    desk.notebook.exclude({"a": track(0, "compute(alpha, beta)")})
    desk.replace("beta", "gamma_rays_of_stars")
    assert desk.wait() == []


def test_exclusion_outlives_the_suggestions_settlement() -> None:
    desk = Desk("‸\n")
    desk.edit(Edit(0, 0, "accepted_call(1)\n"))
    desk.notebook.exclude({"a": track(0, "accepted_call(1)")})
    desk.cursor = 17
    for _ in range(20):
        desk.type("written_by_hand()")
        desk.edit(Edit(17, desk.cursor, ""))
        desk.cursor = 17
    desk.type("written_by_hand()")
    assert [pattern.text for pattern in desk.wait()] == ["\nwritten_by_hand()"]


def test_a_tracker_and_a_notebook_read_the_same_changes() -> None:
    """The way in which a session drives both: tracker, exclusions, notebook."""
    text, cursor = unmark("‸\n")
    buffer = Buffer(text)
    tracker = Tracker(buffer)
    desk = Desk("‸\n")

    def apply(edit: Edit, after_s: float) -> None:
        nonlocal buffer
        change = change_of(buffer, edit)
        desk.apply(change, after_s)
        tracker.edit(change, desk.now)
        desk.notebook.exclude(tracker.accepted_spans())
        buffer = change.after

    for key in "value = ":
        apply(Edit(cursor, cursor, key), 0.1)
        cursor += 1
    tracker.offer(suggestion("compute_it(alpha)"), cursor, cursor, desk.now)
    apply(Edit(cursor, cursor, "compute_it(alpha)"), 1.0)
    cursor += len("compute_it(alpha)")
    for key in " if ready_now else None":
        apply(Edit(cursor, cursor, key), 0.1)
        cursor += 1
    assert desk.notebook.due is not None
    tracker.tick(desk.notebook.due)
    desk.notebook.exclude(tracker.accepted_spans())
    assert [pattern.text for pattern in desk.wait()] == [" if ready_now else None"]


def test_accepted_text_stays_excluded_when_time_jumps_past_its_life() -> None:
    desk = Desk("‸\n")
    tracker = Tracker(desk.buffer)
    tracker.offer(suggestion("compute_it(alpha)"), 0, 0, desk.now)
    change = change_of(desk.buffer, Edit(0, 0, "compute_it(alpha)"))
    desk.apply(change)
    tracker.edit(change, desk.now)
    tracker.accept("a", desk.now)
    signals = tracker.tick(desk.now + 500)
    assert any(isinstance(signal, Settlement) for signal in signals)
    tracker.shown("nobody", desk.now + 500)
    desk.notebook.exclude(tracker.accepted_spans())
    assert desk.wait(500) == []


def test_a_formatter_starts_no_pattern_and_keeps_those_under_way() -> None:
    desk = Desk("x=1\ny=2\n‸\nz=3\n")
    desk.type("value=compute( 1,2 )")
    desk.rewrite("x = 1\ny = 2\nvalue = compute(1, 2)\nz = 3\n")
    assert [pattern.text for pattern in desk.wait()] == ["value = compute(1, 2)"]


def test_edits_in_many_places_at_once_are_a_tools() -> None:
    lines = [f"value_{n} = old_name({n})\n\n" for n in range(6)]
    desk = Desk("".join(lines) + "‸")
    edits = []
    for n in range(6):
        at = sum(len(line) for line in lines[:n]) + lines[n].index("old_name")
        edits.append(Edit(at, at + 8, "new_name"))
    desk.edit(*edits)
    assert desk.wait() == []


BLOCK = "".join(f"    self.total_{n} = compute(total_{n}, rate)\n" for n in range(4))


def test_a_pattern_that_came_in_one_piece_says_that_it_was_pasted() -> None:
    desk = Desk("def f(self):\n‸\n\n\ndef g(self):\n    pass\n")
    desk.edit(Edit(desk.cursor, desk.cursor, BLOCK))
    (pattern,) = desk.wait()
    assert pattern.origin == "pasted"


def test_what_was_typed_stays_typed_beside_a_small_paste_and_a_suggestion() -> None:
    desk = Desk("def f(self):\n‸\n")
    desk.type("    rate = self.rate")
    desk.edit(Edit(desk.cursor, desk.cursor, "_of_today()"))
    (pattern,) = desk.wait()
    assert pattern.origin == "typed"
    desk = Desk("def f(self):\n‸\n")
    desk.type("    rate = self.rate\n")
    desk.edit(Edit(desk.cursor, desk.cursor, BLOCK))
    span = track(desk.cursor, BLOCK)
    desk.notebook.exclude({"s1": span})
    assert {pattern.origin for pattern in desk.wait()} == {"typed"}


def test_a_pasted_file_is_not_writing() -> None:
    desk = Desk("‸")
    desk.edit(Edit(0, 0, "some_line = 1\n" * 400))
    assert desk.wait() == []


def test_a_branch_switch_discards_what_was_under_way() -> None:
    desk = Desk("‸\n")
    desk.type("path = os.getcwd()")
    desk.notebook.discard()
    assert desk.wait() == []


def test_closing_the_document_hands_out_what_was_written() -> None:
    desk = Desk("‸\n")
    desk.type("path = os.getcwd()")
    assert [p.text for p in desk.notebook.close(desk.now)] == ["path = os.getcwd()"]
    assert desk.notebook.due is None


def test_long_passages_are_cut_between_lines_and_lose_nothing() -> None:
    desk = Desk("‸")
    body = "".join(f"line_number_{n} = compute({n})\n" for n in range(120))
    desk.edit(Edit(0, 0, body[:3900]))
    desk.edit(Edit(3900, 3900, body[3900:]))
    patterns = desk.wait()
    assert len(patterns) > 1
    assert all(len(pattern.text) <= MAX_TEXT_CHARS for pattern in patterns)
    assert "".join(pattern.text for pattern in patterns) == body.rstrip()


def test_the_excerpts_around_a_pattern_are_bounded() -> None:
    desk = Desk("a = 1\n" * 3000 + "‸\n" + "b = 2\n" * 3000)
    desk.type("middle_of_it = 1")
    (pattern,) = desk.wait()
    assert (len(pattern.prefix), len(pattern.suffix)) == (6_000, 2_000)
    at = desk.buffer.text.index("middle_of_it")
    assert pattern.prefix == desk.buffer.text[at - 6_000 : at]


def test_random_writing_gives_patterns_that_stand_in_the_document() -> None:
    rng = random.Random(8)
    given = 0
    for _ in range(400):
        desk = Desk("".join(rng.choice("ab \n") for _ in range(60)) + "‸")
        for _ in range(rng.randrange(1, 12)):
            size = len(desk.buffer)
            at = rng.randrange(size + 1)
            end = min(size, at + rng.choice([0, 0, 2, 9]))
            new = rng.choice(["abc_def_ghi", "x", "\n", "one_line()\ntwo_line()", ""])
            desk.edit(Edit(at, end, new), after_s=rng.choice([0.1, 12.0]))
            before = len(desk.found)
            desk.wait(0.0)
            given += len(desk.found) - before
        before = len(desk.found)
        desk.wait(11)
        for pattern in desk.found[before:]:
            whole = pattern.prefix + pattern.text + pattern.suffix
            assert whole == desk.buffer.text
            given += 1
        assert desk.notebook.due is None
    assert given > 300
