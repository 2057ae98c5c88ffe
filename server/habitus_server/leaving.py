"""Documents that have closed: a moment ago, or some time today.

Promises that a document which closes and opens again within `RETURN_S`, under its own name
or a new one, goes on as the same document; and that what stands of accepted text in closed
files can be asked for. A new name is believed when the editor said so, or when the text is
exactly the same and the old file is no more: a copy proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from habitus_server.following import Following
from habitus_server.outcomes import Tracker
from habitus_server.session import Document
from habitus_server.standing import Standing

RETURN_S = 3.0
MAX_CLOSED = 64
"""Closed documents whose accepted text is remembered; past this the oldest are forgotten."""


class _Left(msgspec.Struct):
    following: Following
    at: float


class Departures:
    """The closed documents of one window."""

    def __init__(self) -> None:
        self._left: dict[str, _Left] = {}
        self._closed: dict[str, tuple[str, Tracker]] = {}
        self._renamed: dict[str, tuple[str, float]] = {}

    def __iter__(self) -> Iterator[Following]:
        """Those that may yet return."""
        return iter([one.following for one in self._left.values()])

    def add(self, following: Following, at: float) -> None:
        """A document closed."""
        self._left[following.document.uri] = _Left(following, at)

    def over(self, now: float) -> list[tuple[Following, float]]:
        """Documents that did not return in time, with when they closed."""
        late = [uri for uri, one in self._left.items() if now >= one.at + RETURN_S]
        self._renamed = {
            new: (old, at) for new, (old, at) in self._renamed.items() if now < at + RETURN_S
        }
        return [(one.following, one.at) for one in (self._left.pop(uri) for uri in late)]

    def bury(self, following: Following, now: float) -> None:
        """Keep what stands in a document that is over."""
        if following.tracker.standing(now):
            document = following.document
            self._closed[document.uri] = document.path, following.tracker
        if len(self._closed) > MAX_CLOSED:
            del self._closed[next(iter(self._closed))]

    def rename(self, old: str, new: str, path: str, now: float) -> Following | None:
        """The editor renamed a file; its document, where it has closed and may return."""
        if old in self._closed:
            self._closed[new] = path, self._closed.pop(old)[1]
        if old in self._left:
            return self._left.pop(old).following
        self._renamed[new] = old, now
        return None

    def returning(self, document: Document) -> Following | None:
        """The closed document that is open again as this one."""
        old = document.uri
        if old not in self._left and old in self._renamed:
            old, _ = self._renamed[old]
        if old not in self._left:
            same = [uri for uri, one in self._left.items() if _is_same(one.following, document)]
            old = same[0] if len(same) == 1 else ""
        return self._left.pop(old).following if old in self._left else None

    def tracker_of(self, document: Document, now: float) -> Tracker:
        """The tracker that a document had before it closed, or a new one."""
        if document.uri not in self._closed:
            return Tracker(document.buffer)
        _, tracker = self._closed.pop(document.uri)
        tracker.reopen(document.buffer, now)
        return tracker

    def standing(self, path: str, now: float) -> list[Standing]:
        """What stands in a closed file, as it was when it closed."""
        trackers = [tracker for name, tracker in self._closed.values() if name == path]
        trackers += [one.tracker for one in self if one.document.path == path]
        return [standing for tracker in trackers for standing in tracker.standing(now)]


def _is_same(left: Following, document: Document) -> bool:
    """Whether a document is one that closed, under a new name."""
    before = left.document
    text = document.buffer.text
    if not text.strip() or before.language != document.language or before.buffer.text != text:
        return False
    folder = before.location.folder
    return folder is None or not (folder / before.path).exists()
