"""Editors that gather what is typed and send it in lumps."""

from __future__ import annotations

from habitus_server.edits import Edit
from habitus_server.lumps import KEY_S, Lumps
from habitus_server.text import Buffer
from signals.scene import change_of


class Typist:
    """Insertions at the end of a document, a second after each other unless told otherwise."""

    def __init__(self, text: str = "") -> None:
        self.buffer = Buffer(text)
        self.lumps = Lumps()
        self.at = 0.0

    def sends(self, text: str, *, after_s: float = 1.0) -> bool:
        size = len(self.buffer.text)
        change = change_of(self.buffer, Edit(size, size, text))
        self.buffer = change.after
        self.at += after_s
        return self.lumps.took(change, self.at)


def test_an_editor_that_cuts_words_gathers_what_is_typed() -> None:
    typist = Typist()
    typist.sends("total = wid")
    typist.sends("th")
    assert typist.sends(" * hei")


def test_whole_words_may_be_put_there_at_once() -> None:
    typist = Typist()
    typist.sends("total = width")
    typist.sends(" * ")
    assert not typist.sends("height")


def test_a_word_that_goes_on_much_later_is_no_sign() -> None:
    typist = Typist()
    typist.sends("total = wid")
    typist.sends("th", after_s=30.0)
    assert not typist.sends(" * hei")


def test_keys_alone_are_no_sign() -> None:
    typist = Typist()
    for char in "total":
        typist.sends(char)
    assert not typist.sends("_width")


def test_what_comes_faster_than_keys_was_not_typed_although_the_editor_gathers() -> None:
    typist = Typist()
    typist.sends("total = wid")
    typist.sends("th")
    assert not typist.sends(" * height", after_s=KEY_S)


def test_a_long_text_is_not_taken_for_a_cut_word() -> None:
    typist = Typist()
    typist.sends("total = width * height + the_margin_on_the_le")
    typist.sends("ft")
    assert not typist.sends(" + 12")
