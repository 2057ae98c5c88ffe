"""A small theatre for symptoms: a document, a checker that speaks when told to, a clock.

Texts are replaced by naming what stands there; a report names each diagnostic by the word it
is about. Times are seconds.
"""

from __future__ import annotations

from itertools import count

from habitus_server.casebook import Casebook
from habitus_server.diagnostics import Diagnostic
from habitus_server.edits import Edit
from habitus_server.positions import PositionEncoding
from habitus_server.records import BugFix
from habitus_server.text import Buffer, ContentChange, replay
from signals.scene import change_of


def unknown(word: str, *, source: str = "lint", at: int | None = None) -> Diagnostic:
    """A checker does not know a name; `at` says where, when the word stands there twice."""
    return Diagnostic(f"undefined name `{word}`", -1 if at is None else at, len(word), source)


class Ward:
    """One document under a casebook; `fixes` are those of all times, the last word of each."""

    def __init__(self, text: str, session: str = "s1") -> None:
        self.buffer = Buffer(text)
        ids = count(1)
        self.book = Casebook(self.buffer, "a.py", "python", session, lambda: f"f{next(ids)}")
        self.now = 1_000.0
        self.by_id: dict[str, BugFix] = {}

    @property
    def fixes(self) -> list[BugFix]:
        return list(self.by_id.values())

    def report(self, *diagnostics: Diagnostic) -> None:
        """The checker's whole list; a diagnostic without a place is where its word stands."""
        placed = []
        for one in diagnostics:
            word = one.message.split("`")[1] if "`" in one.message else ""
            start = self.buffer.text.index(word) if one.start < 0 else one.start
            placed.append(
                Diagnostic(
                    one.message, start, start + len(word), one.source, one.code, one.severity
                )
            )
        self._note(self.book.report(placed, self.now))

    def edit(self, *edits: Edit) -> None:
        change = change_of(self.buffer, *edits)
        self.buffer = change.after
        self._note(self.book.edit(change, self.now))

    def replace(self, old: str, new: str) -> None:
        """One edit of the one place where `old` stands."""
        assert self.buffer.text.count(old) == 1, self.buffer.text
        at = self.buffer.text.index(old)
        self.edit(Edit(at, at + len(old), new))

    def type_after(self, place: str, text: str, *, key_s: float = 0.2) -> None:
        """Key by key, after the end of a text."""
        assert self.buffer.text.count(place) == 1, self.buffer.text
        at = self.buffer.text.index(place) + len(place)
        for offset, key in enumerate(text):
            self.now += key_s
            self.edit(Edit(at + offset, at + offset, key))

    def rewrite(self, text: str) -> None:
        """The whole document is replaced in one notification."""
        change = replay(self.buffer, [ContentChange(text)], PositionEncoding.UTF16)
        self.buffer = change.after
        self._note(self.book.edit(change, self.now))

    def wait(self, seconds: float) -> None:
        """Time passes; the casebook is woken when it asked to be."""
        end = self.now + seconds
        while self.book.due is not None and self.book.due <= end:
            self.now = max(self.now, self.book.due)
            self._note(self.book.tick(self.now))
        self.now = end

    def _note(self, fixes: list[BugFix]) -> None:
        self.by_id |= {fix.id: fix for fix in fixes}
