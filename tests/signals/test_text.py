"""Buffers, positions and edits against naive versions on plain strings."""

from __future__ import annotations

import random
import re
import time

import pytest

from habitus_server import text as text_room
from habitus_server.edits import Edit, common_prefix, common_suffix, minimal_edit, reconcile
from habitus_server.positions import Position, PositionEncoding
from habitus_server.text import Buffer, ContentChange, replay

UTF8, UTF16, UTF32 = PositionEncoding.UTF8, PositionEncoding.UTF16, PositionEncoding.UTF32
ALPHABET = "ab\r\n\n\f😀é\u2028\x85\v \t"


def scribble(rng: random.Random, size: int, alphabet: str = ALPHABET) -> str:
    return "".join(rng.choice(alphabet) for _ in range(size))


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of a few characters, so that random documents have many."""
    monkeypatch.setattr(text_room, "PIECE_CHARS", 12)


def test_random_edits_agree_with_plain_strings(small_pieces: None) -> None:
    rng = random.Random(1)
    for _ in range(400):
        plain = scribble(rng, rng.randrange(160))
        buffer = Buffer(plain)
        for _ in range(50):
            start = rng.randrange(len(plain) + 1)
            end = min(len(plain), start + rng.choice([0, 0, 1, 3, 60]))
            new = scribble(rng, rng.choice([0, 1, 1, 2, 70]))
            plain = plain[:start] + new + plain[end:]
            buffer = buffer.apply(Edit(start, end, new))
            assert len(buffer) == len(plain)
            low, high = sorted(rng.randrange(len(plain) + 1) for _ in range(2))
            assert buffer.slice(low, high) == plain[low:high]
            lines = re.split("\r\n|\n|\r", plain)
            assert buffer.line_count == len(lines)
            line = rng.randrange(len(lines))
            assert buffer.line(line) == lines[line]
        assert buffer.text == plain


def test_the_buffer_before_an_edit_is_untouched() -> None:
    before = Buffer("one\ntwo\n")
    after = before.apply(Edit(4, 7, "2"))
    assert (before.text, after.text) == ("one\ntwo\n", "one\n2\n")


@pytest.mark.parametrize("encoding", list(PositionEncoding))
def test_positions_and_offsets_are_inverse(encoding: PositionEncoding, small_pieces: None) -> None:
    rng = random.Random(2)
    for _ in range(300):
        plain = scribble(rng, rng.randrange(80))
        buffer = Buffer(plain)
        for offset in range(len(plain) + 1):
            if plain[max(0, offset - 1) : offset + 1] == "\r\n":
                continue
            position = buffer.position_at(offset, encoding)
            before = plain[:offset]
            line_text = re.split("\r\n|\n|\r", before)[-1]
            width = {UTF8: "utf-8", UTF16: "utf-16-le", UTF32: "utf-32-le"}[encoding]
            unit = {UTF8: 1, UTF16: 2, UTF32: 4}[encoding]
            assert position.line == len(re.findall("\r\n|\n|\r", before))
            assert position.character == len(line_text.encode(width)) // unit
            assert buffer.offset_at(position, encoding) == offset


def test_only_line_breaks_of_the_protocol_break_lines() -> None:
    buffer = Buffer("a = 1\n\fb = 2\nc\u2028d\x85e\n")
    assert buffer.line_count == 4
    assert buffer.line(1) == "\fb = 2"
    assert buffer.line(2) == "c\u2028d\x85e"


@pytest.mark.parametrize(
    ("line", "character", "offset"),
    [
        (-1, 5, 0),
        (0, -3, 0),
        (0, 99, 3),
        (1, 99, 8),
        (2, 99, 9),
        (99, 0, 9),
        (99, 99, 9),
    ],
)
def test_positions_out_of_range_clamp(line: int, character: int, offset: int) -> None:
    buffer = Buffer("abc\r\ndef\n")
    assert buffer.offset_at(Position(line, character), UTF16) == offset


@pytest.mark.parametrize(("encoding", "character"), [(UTF16, 2), (UTF8, 2), (UTF8, 3), (UTF8, 4)])
def test_a_position_inside_a_character_is_its_start(
    encoding: PositionEncoding, character: int
) -> None:
    assert Buffer("a😀b").offset_at(Position(0, character), encoding) == 1


def test_lone_surrogates_are_characters_like_others() -> None:
    buffer = Buffer("x\ud83d\ude00y")
    for encoding in PositionEncoding:
        at = buffer.position_at(3, encoding)
        assert buffer.offset_at(at, encoding) == 3


def test_an_offset_between_cr_and_lf_is_the_end_of_its_line() -> None:
    buffer = Buffer("ab\r\ncd")
    assert buffer.position_at(3, UTF16) == Position(0, 2)
    assert buffer.line_at(3) == 0


def test_a_cr_and_an_lf_that_meet_become_one_break(small_pieces: None) -> None:
    buffer = Buffer("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\rb" + "c" * 40 + "\n")
    after = buffer.apply(Edit(33, 33, "\n"))
    assert after.line_count == 3
    assert after.line(1) == "b" + "c" * 40


def test_ranges_given_backwards_are_turned() -> None:
    edit = Buffer("abcdef").edit_at(Position(0, 4), Position(0, 1), "x", UTF16)
    assert edit == Edit(1, 4, "x")


def test_changes_of_one_notification_apply_to_each_others_results() -> None:
    change = replay(
        Buffer("one\ntwo\n"),
        [
            ContentChange("zero\n", Position(0, 0), Position(0, 0)),
            ContentChange("ONE", Position(1, 0), Position(1, 3)),
        ],
        UTF16,
    )
    assert change.after.text == "zero\nONE\ntwo\n"
    assert not change.is_rewrite


def test_edits_are_trimmed_to_what_changes() -> None:
    change = replay(
        Buffer("x = print\n"),
        [ContentChange("print(1)", Position(0, 4), Position(0, 9))],
        UTF16,
    )
    assert change.edits == (Edit(9, 9, "(1)"),)


def test_a_whole_document_with_one_small_difference_is_an_edit_like_others() -> None:
    before = "".join(f"line {n}\n" for n in range(50))
    change = replay(Buffer(before), [ContentChange(before.replace("line 7", "line seven"))], UTF16)
    assert len(change.edits) == 1
    assert not change.is_rewrite


def test_a_formatted_document_is_a_rewrite_that_keeps_words() -> None:
    before = "def f( a,b ):\n  return a+b\nx=f(1,2)\n"
    after = "def f(a, b):\n    return a + b\n\n\nx = f(1, 2)\n"
    change = replay(Buffer(before), [ContentChange(after)], UTF16)
    assert change.is_rewrite
    assert change.after.text == after
    gone = sum(edit.end - edit.start for edit in change.edits)
    assert gone <= 4, "only white space goes"


def test_reconciling_gives_the_second_text() -> None:
    rng = random.Random(3)
    for _ in range(1_500):
        left = scribble(rng, rng.randrange(60), "ab \n\r")
        right = scribble(rng, rng.randrange(60), "ab \n\r")
        if rng.random() < 0.5:
            cut = rng.randrange(len(left) + 1)
            right = left[:cut] + scribble(rng, 5) + left[cut + rng.randrange(4) :]
        buffer = Buffer(left)
        for edit in reconcile(left, right):
            buffer = buffer.apply(edit)
        assert buffer.text == right


def test_a_slid_insertion_gives_the_same_text() -> None:
    rng = random.Random(10)
    moved = 0
    for _ in range(2_000):
        plain = scribble(rng, rng.randrange(1, 12), "ab")
        at = rng.randrange(len(plain) + 1)
        edit = Edit(at, at, scribble(rng, rng.randrange(4), "ab"))
        buffer = Buffer(plain)
        target = rng.randrange(len(plain) + 1)
        slid = buffer.slide(edit, target)
        moved += slid != edit
        assert buffer.apply(slid).text == buffer.apply(edit).text
        assert abs(slid.start - target) <= abs(edit.start - target)
    assert moved > 300


def test_common_ends_are_those_of_a_loop() -> None:
    rng = random.Random(4)
    for _ in range(3_000):
        left, right = (scribble(rng, rng.randrange(90), "aaaab") for _ in range(2))
        if rng.random() < 0.5:
            right = left[: rng.randrange(90)] + right
        size = 0
        while size < min(len(left), len(right)) and left[size] == right[size]:
            size += 1
        assert common_prefix(left, right) == size
        assert common_suffix(left[::-1], right[::-1]) == size
        edit = minimal_edit(left, right)
        assert left[: edit.start] + edit.text + left[edit.end :] == right


def test_a_fifty_megabyte_file_is_edited_without_a_pause() -> None:
    buffer = Buffer("def f(x):\n    return x + 1\n" * 1_900_000)
    assert len(buffer) > 50_000_000
    begun = time.thread_time()
    for number in range(20):
        position = Position(1_000_000 + number, 4)
        at = buffer.offset_at(position, UTF16)
        buffer = buffer.apply(Edit(at, at, "x"))
    elapsed_ms = (time.thread_time() - begun) * 1_000 / 20
    assert elapsed_ms < 50, f"{elapsed_ms:.1f} ms an edit"


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("call(1)", "int(call(1))", [("", "int("), ("", ")")]),
        ("call(1)", "call(1).more", [("", ""), ("", ".more")]),
        ("abc", "xabcx", [("abc", "xabcx")]),
        ("same", "same, same", [("", ", same")]),
    ],
)
def test_what_an_edit_puts_back_whole_is_left_alone(
    old: str, new: str, parts: list[tuple[str, str]]
) -> None:
    buffer = Buffer(f"x = {old}\n")
    edits = buffer.parts(Edit(4, 4 + len(old), new))
    found, gone = buffer, []
    for edit in edits:
        gone.append((found.slice(edit.start, edit.end), edit.text))
        found = found.apply(edit)
    assert gone == parts
    assert found.text == f"x = {new}\n"
