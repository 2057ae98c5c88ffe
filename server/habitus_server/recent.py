"""Where somebody has been writing lately.

Promises the newest stretch of edited lines of each document, as they stand now, and
nothing that a tool rewrote. Takes no clock: times come in as values.
"""

from __future__ import annotations

from collections import OrderedDict

from habitus_server.context import RecentEdit
from habitus_server.text import Buffer, Change

FILES_KEPT = 8
LINES_KEPT = 12
STRETCH_LINES = 3
"""Edits this near each other are one stretch."""


class _Stretch:
    """Lines `first` to `last` of a document."""

    def __init__(self, buffer: Buffer, first: int, last: int, at: float) -> None:
        self.buffer, self.first, self.last, self.at = buffer, first, last, at


class RecentEdits:
    """The edits of one workspace's open documents."""

    def __init__(self) -> None:
        self._stretches: OrderedDict[str, _Stretch] = OrderedDict()

    def took(self, path: str, change: Change, at: float) -> None:
        """Follow one notification's edits."""
        if change.is_rewrite or not change.edits:
            return
        edit, buffer = change.edits[-1], change.after
        first, last = buffer.line_at(edit.start), buffer.line_at(edit.start + len(edit.text))
        known = self._stretches.pop(path, None)
        if (
            known is not None
            and known.first - STRETCH_LINES <= last
            and first <= known.last + STRETCH_LINES
        ):
            first, last = min(first, known.first), max(last, known.last)
        last = min(last, first + LINES_KEPT)
        self._stretches[path] = _Stretch(buffer, first, last, at)
        while len(self._stretches) > FILES_KEPT:
            self._stretches.popitem(last=False)

    def newest_first(self) -> tuple[RecentEdit, ...]:
        """One edit per document."""
        return tuple(
            RecentEdit(
                path,
                stretch.buffer.slice(
                    stretch.buffer.line_start(stretch.first), stretch.buffer.line_end(stretch.last)
                ),
                stretch.at,
            )
            for path, stretch in reversed(self._stretches.items())
        )
