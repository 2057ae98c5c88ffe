"""A small theatre for the signal tests: a document, a cursor, a clock and a tracker.

Texts are marked with `‸` where the cursor stands. Every action takes a second before it
happens unless told otherwise, as a person's would.
"""

from __future__ import annotations

from habitus_server.edits import Edit
from habitus_server.outcomes import Measurement, Settlement, Signal, Tracker, Transition
from habitus_server.positions import PositionEncoding
from habitus_server.records import Outcome, State, Suggestion
from habitus_server.text import Buffer, Change, ContentChange, replay

CURSOR = "‸"


def unmark(marked: str) -> tuple[str, int]:
    """A marked text as text and cursor offset."""
    assert marked.count(CURSOR) == 1
    return marked.replace(CURSOR, ""), marked.index(CURSOR)


def change_of(buffer: Buffer, *edits: Edit) -> Change:
    """One notification's edits, each relative to the result of the last."""
    after = buffer
    trimmed = []
    for edit in edits:
        for part in after.parts(edit):
            trimmed.append(part)
            after = after.apply(part)
    return Change(buffer, after, tuple(trimmed))


def suggestion(
    text: str,
    suggestion_id: str = "a",
    *,
    request: str = "r",
    rank: int = 0,
    at: float = 0.0,
    path: str = "a.py",
) -> Suggestion:
    """A suggestion with the fields that the rooms under test look at."""
    return Suggestion(
        suggestion_id, request, rank, "w", path, "python", "m", None, at, "p", "s", text, -1.0, 3
    )


class Scene:
    """One document under a tracker."""

    def __init__(self, marked: str) -> None:
        text, self.cursor = unmark(marked)
        self.buffer = Buffer(text)
        self.tracker = Tracker(self.buffer)
        self.now = 100.0
        self.signals: list[Signal] = []

    def offer(
        self,
        text: str,
        suggestion_id: str = "a",
        *,
        request: str = "r",
        rank: int = 0,
        to: int = 0,
        lead: str = "",
    ) -> None:
        """Offer a text at the cursor, in place of `to` characters after it."""
        one = suggestion(text, suggestion_id, request=request, rank=rank, at=self.now)
        start = self.cursor - len(lead)
        self._note(self.tracker.offer(one, start, self.cursor + to, self.now, lead=lead))

    def insert(self, text: str, *, after_s: float = 1.0, delete: int = 0) -> None:
        """One notification that puts text at the cursor, over `delete` characters before it."""
        self.edit(Edit(self.cursor - delete, self.cursor, text), after_s=after_s)
        self.cursor += len(text) - delete

    def type(self, text: str, *, after_s: float = 0.1) -> None:
        """One notification per key."""
        for key in text:
            self.insert(key, after_s=after_s)

    def backspace(self, count: int, *, after_s: float = 0.1) -> None:
        """One notification per press."""
        for _ in range(count):
            self.insert("", after_s=after_s, delete=1)

    def edit(self, *edits: Edit, after_s: float = 1.0) -> None:
        """One notification with several edits."""
        self.now += after_s
        change = change_of(self.buffer, *edits)
        self.buffer = change.after
        self._note(self.tracker.edit(change, self.now))

    def replace(self, old: str, new: str, *, after_s: float = 1.0) -> None:
        """One notification that replaces the one place where `old` stands."""
        assert self.buffer.text.count(old) == 1, self.buffer.text
        at = self.buffer.text.index(old)
        self.edit(Edit(at, at + len(old), new), after_s=after_s)

    def rewrite(self, text: str, *, after_s: float = 1.0) -> None:
        """A notification that replaces the whole document."""
        self.now += after_s
        change = replay(self.buffer, [ContentChange(text)], PositionEncoding.UTF16)
        self.buffer = change.after
        self._note(self.tracker.edit(change, self.now))

    def wait(self, seconds: float) -> None:
        """Time passes, and the tracker is told of it when it asked to be."""
        end = self.now + seconds
        while self.tracker.due is not None and self.tracker.due <= end:
            self.now = max(self.now, self.tracker.due)
            self._note(self.tracker.tick(self.now))
        self.now = end
        self._note(self.tracker.tick(end))

    def shown(self, suggestion_id: str = "a") -> None:
        """The editor reports that a suggestion is on the screen."""
        self._note(self.tracker.shown(suggestion_id, self.now))

    def accept(self, suggestion_id: str = "a") -> None:
        """The editor reports an acceptance."""
        self._note(self.tracker.accept(suggestion_id, self.now))

    def partial(self, chars: int, suggestion_id: str = "a") -> None:
        """The editor reports a partial acceptance."""
        self._note(self.tracker.partial(suggestion_id, chars, self.now))

    def dismiss(self, suggestion_id: str = "a") -> None:
        """The editor reports a rejection."""
        self._note(self.tracker.dismiss(suggestion_id, self.now))

    def supersede(self, *keep: str) -> None:
        """A newer request comes."""
        self._note(self.tracker.supersede(self.now, keep))

    def close(self) -> None:
        """The document closes."""
        self._note(self.tracker.close(self.now))

    def standing(self) -> list[tuple[str, int, str]]:
        """What stands of accepted suggestions: id, first line, text."""
        found = self.tracker.standing(self.now)
        return [(one.suggestion_id, one.first_line, one.text) for one in found]

    def states(self, suggestion_id: str = "a") -> list[State]:
        """The states that a suggestion went through."""
        return [one.state for one in self.transitions(suggestion_id)]

    def transitions(self, suggestion_id: str = "a") -> list[Transition]:
        """The transitions of a suggestion."""
        return [
            one
            for one in self.signals
            if isinstance(one, Transition) and one.suggestion_id == suggestion_id
        ]

    def measurements(self, suggestion_id: str = "a") -> list[Measurement]:
        """The measurements of a suggestion."""
        return [
            one
            for one in self.signals
            if isinstance(one, Measurement) and one.suggestion_id == suggestion_id
        ]

    def settlement(self, suggestion_id: str = "a") -> Settlement | None:
        """The settlement of a suggestion, once there is one; there is never a second."""
        found = [
            one
            for one in self.signals
            if isinstance(one, Settlement) and one.suggestion_id == suggestion_id
        ]
        assert len(found) <= 1
        return found[0] if found else None

    def outcome(self, suggestion_id: str = "a") -> Outcome | None:
        """The outcome of a suggestion, once it has settled."""
        settled = self.settlement(suggestion_id)
        return settled.outcome if settled else None

    def _note(self, signals: list[Signal]) -> None:
        self.signals += signals
