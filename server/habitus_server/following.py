"""One document with everything that is followed in it.

Promises that suggestions and handwriting see the same changes in the same order, under one
name after another, and that what another program did to the file is not taken for the
user's doing. Takes no clock: times come in as values.
"""

from __future__ import annotations

from collections import deque
from secrets import token_hex

import msgspec

from habitus_server.edits import reconcile
from habitus_server.outcomes import Signal, Tracker
from habitus_server.patterns import Notebook
from habitus_server.records import Pattern, Suggestion
from habitus_server.session import Document
from habitus_server.text import Buffer, Change
from habitus_server.verdicts import is_leap

RECENT_OFFERS = 16
RELOAD_S = 2.0
"""How far apart a change of the file on disk and its arrival in the editor may be."""

Came = tuple[list[Signal], list[Pattern]]


class Following:
    """The suggestions and the handwriting that are followed in one document."""

    def __init__(self, document: Document, session: str, tracker: Tracker) -> None:
        self.document = document
        self.tracker = tracker
        self.notebook = Notebook(
            document.buffer, document.path, document.language, session, lambda: token_hex(8)
        )
        self.suggestions: dict[str, Suggestion] = {}
        self.recent: deque[str] = deque(maxlen=RECENT_OFFERS)
        self._saved_at = float("-inf")
        self._changed_on_disk_at: float | None = None

    @property
    def due(self) -> float | None:
        """When time alone next brings something."""
        both = (self.tracker.due, self.notebook.due, self._doubt_ends_at)
        return min((due for due in both if due is not None), default=None)

    def remember(self, suggestion: Suggestion) -> None:
        """A suggestion was offered, perhaps again."""
        self.suggestions.pop(suggestion.id, None)
        self.suggestions[suggestion.id] = suggestion
        self.recent.append(suggestion.text)

    def forget(self, suggestion_id: str) -> bool:
        """Drop a suggestion, unless anything can still become of it."""
        if self.tracker.watches(suggestion_id):
            return False
        self.suggestions.pop(suggestion_id, None)
        return True

    def edit(self, change: Change, now: float) -> Came:
        """Follow an edit. Accepted text is told to the notebook before and after it."""
        signals = self._tick_tracker(now)
        if self._is_reload(change, now):
            change = msgspec.structs.replace(change, is_rewrite=True)
        self.notebook.exclude(self.tracker.accepted_spans())
        signals += self.tracker.edit(change, now)
        patterns = self.notebook.edit(change, now)
        self.notebook.exclude(self.tracker.accepted_spans())
        return signals, patterns

    def tick(self, now: float) -> Came:
        """What time alone has brought."""
        signals = self._tick_tracker(now)
        self.notebook.exclude(self.tracker.accepted_spans())
        return signals, self.notebook.tick(now)

    def saved(self, now: float) -> list[Signal]:
        """The editor wrote the document to disk."""
        self._saved_at = now
        return self.tracker.saved(now)

    def changed_on_disk(self, now: float) -> None:
        """The file has changed on disk; a save tells, before or after, that it was us."""
        self._changed_on_disk_at = now

    def close(self, now: float) -> Came:
        """The document closed."""
        signals, patterns = self.tick(now)
        return signals + self.tracker.close(now), patterns + self.notebook.close(now)

    def take_up(self, document: Document, now: float) -> Came:
        """Go on under another name, or with the text as it was opened again."""
        came: Came = ([], [])
        before = self.document
        self.document = document
        if before.buffer.text != document.buffer.text:
            came = self.edit(reload_of(before.buffer, document.buffer), now)
        if before.path != document.path:
            came[0].extend(self.tracker.moved(now))
        self.notebook.relabel(document.path, document.language)
        return came

    @property
    def _doubt_ends_at(self) -> float | None:
        changed_at = self._changed_on_disk_at
        return None if changed_at is None else changed_at + RELOAD_S

    def _tick_tracker(self, now: float) -> list[Signal]:
        """Let time pass; a change on disk that no save explains disowns what came with it."""
        ends_at = self._doubt_ends_at
        if ends_at is not None and now >= ends_at:
            changed_at, self._changed_on_disk_at = ends_at - RELOAD_S, None
            if abs(self._saved_at - changed_at) > RELOAD_S:
                self.tracker.disown(changed_at - RELOAD_S)
        return self.tracker.tick(now)

    def _is_reload(self, change: Change, now: float) -> bool:
        """Whether an edit brings what another program has just written to disk."""
        changed_at = self._changed_on_disk_at
        if changed_at is None or abs(self._saved_at - changed_at) <= RELOAD_S:
            return False
        return any(edit.end - edit.start > 1 or is_leap(edit.text) for edit in change.edits)


def reload_of(before: Buffer, after: Buffer) -> Change:
    """The change from one text to another that nobody was seen to make."""
    return Change(before, after, tuple(reconcile(before.text, after.text)), is_rewrite=True)
