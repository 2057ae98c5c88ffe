"""Sites and symptoms against naive versions, on random documents."""

from __future__ import annotations

import random

import pytest

from habitus_server.casebook import Casebook
from habitus_server.diagnostics import Diagnostic
from habitus_server.edits import Edit
from habitus_server.symptoms import Symptom
from habitus_server.text import Buffer
from habitus_server.worksite import Site
from signals.scene import change_of

PARTS = ("a", "é", "😀", "\n", "\r\n", "x = 1\n", "  ", "\n\n", "e\u0301", "word ")


def random_text(dice: random.Random, most: int) -> str:
    return "".join(dice.choice(PARTS) for _ in range(dice.randrange(most)))


def cut_points(text: str) -> list[int]:
    """Offsets an editor can name: not between CR and LF."""
    return [at for at in range(len(text) + 1) if text[at - 1 : at + 1] != "\r\n"]


@pytest.mark.parametrize("seed", range(40))
def test_what_a_site_says_stood_there_gives_the_document_without_the_work(seed: int) -> None:
    """`shadow` is the document that gets only the edits outside the site."""
    dice = random.Random(seed)
    text = random_text(dice, 40)
    points = cut_points(text)
    low, high = sorted(dice.choice(points) for _ in range(2))
    buffer, shadow = Buffer(text), text
    site = Site(buffer, low, high)
    for _ in range(60):
        points = cut_points(buffer.text)
        low, high = sorted(dice.choice(points) for _ in range(2))
        edit = Edit(low, min(high, low + dice.choice((0, 0, 1, 3, 20))), random_text(dice, 4))
        if edit.end not in points:
            continue
        is_before = edit.start < site.start or edit.end == site.start
        moved = site.end - site.start - len(site.was)
        touched = site.follow(buffer, edit, takes_new_lines=dice.random() < 0.5)
        if not touched:
            shift = 0 if is_before and edit.end <= site.start - edit.growth else moved
            shadow = shadow[: edit.start - shift] + edit.text + shadow[edit.end - shift :]
        buffer = buffer.apply(edit)
        now = buffer.text
        assert now[: site.start] + site.was + now[site.end :] == shadow
        assert site.start == 0 or now[site.start - 1] in "\r\n"
        assert site.end == len(now) or now[site.end] in "\r\n"


@pytest.mark.parametrize("seed", range(40))
def test_symptoms_alike_in_name_keep_their_identity_through_edits(seed: int) -> None:
    """Every `bad` is tagged by where it came from; a naive list carries the tags along."""
    dice = random.Random(seed)
    text = "".join(dice.choice(("bad\n", "x = 1\n", "\n", "é = '😀'\n")) for _ in range(30))
    tags: list[int] = list(range(len(text)))
    buffer = Buffer(text)
    book = Casebook(buffer, "a.py", "python", "s", lambda: "f")
    now = 0.0
    book.report(found(buffer), now)
    origin = {id(one): tags[one.start] for one in book._symptoms}
    for _ in range(80):
        now += 1.0
        at = dice.choice([p for p in range(len(buffer) + 1) if not inside_word(buffer.text, p)])
        new = dice.choice(("\n", "y = 2\n", "z", "# note\n"))
        change = change_of(buffer, Edit(at, at, new))
        (edit,) = change.edits
        book.edit(change, now)
        tags[edit.start : edit.start] = [-1] * len(edit.text)
        buffer = change.after
        if dice.random() < 0.3:
            book.report(found(buffer), now)
    stands = {id(one): one for one in book._symptoms if id(one) in origin}
    assert len(stands) == text.count("bad")
    assert all(tags[one.start] == origin[key] for key, one in stands.items())


def found(buffer: Buffer) -> list[Diagnostic]:
    """A checker to which every `bad` is the same mistake."""
    text, at = buffer.text, -1
    diagnostics = []
    while (at := text.find("bad", at + 1)) >= 0:
        diagnostics.append(Diagnostic("undefined name `bad`", at, at + 3, "lint"))
    return diagnostics


def inside_word(text: str, at: int) -> bool:
    """Whether an edit here would change what a checker finds."""
    return text[max(0, at - 3) : at + 3].find("bad") >= 0


def test_a_symptom_at_the_very_end_of_a_text_is_about_its_last_line() -> None:
    buffer = Buffer("x = foo(\n\n\n")
    symptom = Symptom(
        Diagnostic("unexpected EOF", 11, 11, "lint", code="invalid-syntax"),
        buffer,
        0.0,
        None,
        is_left=True,
    )
    assert symptom.site.text(buffer).startswith("x = foo(")
