"""A small editor window over a recorder: files, a cursor, and what reaches the store.

Texts are marked with `‸` where the cursor stands. Every action takes a second before it
happens unless told otherwise, as a person's would.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from habitus_server.checkups import Checkups
from habitus_server.diagnostics import Diagnostic
from habitus_server.edits import Edit
from habitus_server.offers import Offer
from habitus_server.outcomes import Measurement, Settlement, Signal, Transition
from habitus_server.positions import PositionEncoding
from habitus_server.recorder import Recorder
from habitus_server.records import BugFix, Pattern, Suggestion
from habitus_server.scribe import Scribe
from habitus_server.session import Changed, Closed, Document, Event, Opened, Saved, Session
from habitus_server.text import Buffer, ContentChange
from signals.scene import suggestion, unmark


class Ledger(Scribe):
    """In place of the scribe: keeps the signals as they come."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[Signal] = []
        self.patterns: list[Pattern] = []
        self.repairs: dict[str, BugFix] = {}
        self.diagnostics: dict[str, tuple[int | None, int | None]] = {}
        self.silences: list[tuple[str | None, float]] = []

    def note(self, document: Document, job: Callable[[Any], Any]) -> Future[None]:
        """Keep what would be written, in place of the store."""
        job(self)
        return Future()

    def add_fix(self, fix: BugFix) -> None:
        """A repair, or one that is known already, lowered."""
        self.repairs[fix.id] = fix

    def fixes(self, *, since: float = 0.0) -> list[BugFix]:
        """The repairs, in order."""
        return [fix for fix in self.repairs.values() if fix.settled_at >= since]

    def add_silence(self, _window: str, adapter: str | None, at: float) -> None:
        """An adapter answered and nothing was shown."""
        self.silences.append((adapter, at))

    def note_diagnostics(
        self, suggestion_id: str, before: int | None, after: int | None, at: float
    ) -> None:
        """How many diagnostics there were on a suggestion's lines."""
        self.diagnostics[suggestion_id] = before, after

    def offers(self, document: Document, suggestions: Sequence[Suggestion]) -> None:
        """Offers are not looked at."""

    def signals(
        self, document: Document, signals: Sequence[Signal], patterns: Sequence[Pattern]
    ) -> Future[None]:
        """Keep what happened."""
        for listener in self._listeners:
            listener(document, signals)
        self.written += signals
        self.patterns += patterns
        done: Future[None] = Future()
        done.set_result(None)
        return done


class Window:
    """One editor window; `name` is the file that has the focus."""

    def __init__(
        self,
        marked: str,
        encoding: PositionEncoding = PositionEncoding.UTF16,
        folder: Path = Path("/w"),
    ) -> None:
        self.now = 100.0
        self.session = Session(encoding)
        self.folder = folder
        self.session.add_folder(folder)
        self.ledger = Ledger()
        self.recorder = Recorder("window", lambda: self.now, self.ledger)
        self.checkups = Checkups(
            "window",
            lambda: self.now,
            self.ledger,
            spans_of=self.recorder.spans,
            is_paused=lambda: False,
        )
        self.sends_whole_documents = False
        self.line_break = "\n"
        self.requests = 0
        self.offers: list[Offer] = []
        self._done: list[list[Edit]] = []
        self._undone: list[list[Edit]] = []
        self.cursor = 0
        self.name = ""
        self.open("a.py", marked)

    # --- files ------------------------------------------------------------------------

    @property
    def uri(self) -> str:
        """The file that has the focus."""
        return self.uri_of(self.name)

    @property
    def buffer(self) -> Buffer:
        """The text that has the focus."""
        document = self.session.document(self.uri)
        assert document is not None
        return document.buffer

    @property
    def text(self) -> str:
        """The text that has the focus."""
        return self.buffer.text

    def uri_of(self, name: str) -> str:
        """The URI of a file of the window's folder."""
        return (self.folder / name).as_uri()

    def rename(self, name: str, told: str = "") -> None:
        """Close the file and open it under a new name; `told` says when that is reported."""
        old, text = self.name, self.text
        if told == "first":
            self.recorder.renamed(self.uri_of(old), self.uri_of(name), name)
        self.close()
        self.name = name
        self.take_event(Opened(self.uri, "python", 1, text))
        if told == "last":
            self.recorder.renamed(self.uri_of(old), self.uri_of(name), name)

    def open(self, name: str, marked: str) -> None:
        """Open a file and go to it."""
        text, self.cursor = unmark(marked)
        self.name = name
        self.take_event(Opened(self.uri, "python", 1, text))

    def close(self) -> None:
        """Close the file that has the focus, at once."""
        self.take_event(Closed(self.uri))

    def save(self) -> None:
        """Save the file that has the focus."""
        self.now += 1.0
        self.take_event(Saved(self.uri))

    def take_event(self, event: Event) -> None:
        """Tell the recorder what the editor sent."""
        step = self.session.apply(event)
        assert step is not None
        self.checkups.took(step)
        self.recorder.took(step)

    # --- edits ------------------------------------------------------------------------

    def edit(self, *edits: Edit, after_s: float = 1.0) -> None:
        """One notification with several edits, each in what the earlier ones leave."""
        self.now += after_s
        self._undone.clear()
        self._done.append(self._send(edits))

    def undo(self, after_s: float = 1.0) -> None:
        """Take the latest notification back."""
        self.now += after_s
        self._undone.append(self._take_back(self._done.pop()))

    def redo(self) -> None:
        """Do again what was undone."""
        self.now += 1.0
        self._done.append(self._take_back(self._undone.pop()))

    def _take_back(self, edits: list[Edit]) -> list[Edit]:
        inverse = self._send(edits)
        self.cursor = edits[-1].start + len(edits[-1].text)
        return inverse

    def _send(self, edits: Sequence[Edit]) -> list[Edit]:
        """Send one notification; what takes it back."""
        buffer = self.buffer
        changes: list[ContentChange] = []
        inverse: list[Edit] = []
        for edit in edits:
            inverse.insert(
                0,
                Edit(edit.start, edit.start + len(edit.text), buffer.slice(edit.start, edit.end)),
            )
            start, end = (
                buffer.position_at(at, self.session.encoding) for at in (edit.start, edit.end)
            )
            changes.append(ContentChange(edit.text, start, end))
            buffer = buffer.apply(edit)
        if self.sends_whole_documents:
            changes = [ContentChange(buffer.text)]
        self.take_event(Changed(self.uri, 2, tuple(changes)))
        self.cursor = min(self.cursor, len(self.buffer))
        return inverse

    def rewrite(self, text: str, after_s: float = 1.0) -> None:
        """One notification that replaces the whole document."""
        self.now += after_s
        self.take_event(Changed(self.uri, 2, (ContentChange(text),)))
        self.cursor = min(self.cursor, len(text))

    def insert(self, text: str, *, after_s: float = 1.0, delete: int = 0) -> None:
        """Put text at the cursor, over `delete` characters before it."""
        self.edit(Edit(self.cursor - delete, self.cursor, text), after_s=after_s)
        self.cursor += len(text) - delete

    def replace(self, old: str, new: str, after_s: float = 1.0) -> None:
        """Replace the one place where `old` stands, and go behind it."""
        assert self.text.count(old) == 1, (old, self.text)
        at = self.text.index(old)
        self.edit(Edit(at, at + len(old), new), after_s=after_s)
        self.cursor = at + len(new)

    def wait(self, seconds: float) -> None:
        """Time passes, second by second while something is due."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + 1.0)
            self.recorder.tick()
            self.checkups.tick()

    def written(self) -> None:
        """The file that has the focus has changed on disk."""
        self.recorder.changed_on_disk([self.name])
        self.checkups.changed_on_disk([self.name])

    def check_out(self) -> None:
        """Another branch was checked out."""
        self.recorder.checked_out()
        self.checkups.discard()

    def diagnose(self, diagnostics: Sequence[Diagnostic]) -> None:
        """The editor forwards all that its servers say."""
        self.now += 1.0
        self.checkups.reported(self.uri, diagnostics)

    # --- suggestions ------------------------------------------------------------------

    def get_silence(self, adapter: str | None = None) -> None:
        """Ask at the cursor and get an answer of which nothing is shown."""
        here = self.buffer.position_at(self.cursor, self.session.encoding)
        snapshot = self.session.snapshot(self.uri, here)
        assert snapshot is not None
        self.recorder.silent(snapshot, adapter)

    def offer(
        self,
        text: str,
        name: str = "a",
        *,
        rank: int = 0,
        to: int = 0,
        lead: str = "",
        typed: int = 0,
        keep: bool = False,
    ) -> None:
        """Offer a text at the cursor, as one more alternative (`keep`) or a new request.

        Its first `typed` characters stand before the cursor already.
        """
        self.requests += not keep
        one = suggestion(text, name, request=f"r{self.requests}", rank=rank, at=self.now)
        encoding = self.session.encoding
        here = self.buffer.position_at(self.cursor, encoding)
        selected = None
        if lead:
            start = self.buffer.position_at(self.cursor - len(lead), encoding)
            selected = (start, here, lead)
        snapshot = self.session.snapshot(self.uri, here, selected)
        assert snapshot is not None
        self.offers = [*(self.offers if keep else []), Offer(one, replace_right=to, typed=typed)]
        self.checkups.offered(snapshot, self.offers)
        self.recorder.offered(snapshot, self.offers)

    def take(self, name: str = "a", *, after_s: float = 1.0) -> None:
        """Insert a suggestion without reporting it."""
        one = self.recorder.suggestion(name)
        assert one is not None
        right = next(offer.replace_right for offer in self.offers if offer.suggestion is one)
        text = one.text.replace("\n", self.line_break)
        self.edit(Edit(self.cursor, self.cursor + right, text), after_s=after_s)
        self.cursor += len(text)

    def accept(self, name: str = "a", *, after_s: float = 1.0) -> None:
        """Insert a suggestion and report it."""
        self.take(name, after_s=after_s)
        self.report(name)

    def dismiss(self, name: str = "a") -> None:
        """Report a rejection, as the command does that a client runs."""
        asyncio.run(self.recorder.dismiss(name))

    def report(self, name: str = "a") -> None:
        """Report an acceptance."""
        one = self.recorder.suggestion(name)
        assert one is not None
        self.recorder.partially_accepted(name, len(one.text))

    # --- what came of it --------------------------------------------------------------

    def standing(self, path: str) -> list[tuple[str, int, str]]:
        """What stands of accepted suggestions: id, first line, text."""
        found = self.recorder.standing(path)
        return [(one.suggestion_id, one.first_line, one.text) for one in found]

    def transitions(self, name: str = "a") -> list[Transition]:
        """The transitions of a suggestion."""
        return [
            one
            for one in self.ledger.written
            if isinstance(one, Transition) and one.suggestion_id == name
        ]

    def measurements(self, name: str = "a") -> list[Measurement]:
        """The measurements of a suggestion."""
        return [
            one
            for one in self.ledger.written
            if isinstance(one, Measurement) and one.suggestion_id == name
        ]

    def settlement(self, name: str = "a") -> Settlement | None:
        """The settlement of a suggestion, once there is one; there is never a second."""
        found = [
            one
            for one in self.ledger.written
            if isinstance(one, Settlement) and one.suggestion_id == name
        ]
        assert len(found) <= 1
        return found[0] if found else None
