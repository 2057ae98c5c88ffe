"""Whole lines that somebody works on, with what stood there before.

Promises that putting `was` back in place of the lines gives the document with only those
edits that were made elsewhere. Composes edits, never searches; knows no diagnostics.
"""

from __future__ import annotations

from typing import Self

from habitus_server.edits import Edit
from habitus_server.text import Buffer

_BREAKS = ("\r", "\n")


class Site:
    """Lines from `start` to before the break at `end`, moved along by `follow`."""

    __slots__ = ("end", "start", "was")

    def __init__(self, buffer: Buffer, start: int, end: int) -> None:
        """The lines that hold a stretch; one that ends with a break ends there."""
        if end > start and end == buffer.line_start(buffer.line_at(end)):
            end -= 1
        self.start = buffer.line_start(buffer.line_at(start))
        self.end = max(self.start, buffer.line_end(buffer.line_at(end)))
        self.was = ""
        self.restart(buffer)

    @classmethod
    def of_edit(cls, buffer: Buffer, edit: Edit) -> Self:
        """The lines that an edit of `buffer` changes, as they are after it."""
        site = cls(buffer, edit.start, edit.start)
        site._take(buffer, edit)
        return site

    def restart(self, buffer: Buffer) -> None:
        """From now on what stands here is what stood here before."""
        self.was = buffer.slice(self.start, self.end)

    def copy(self) -> Site:
        """The same lines, to be followed apart."""
        twin = Site.__new__(Site)
        twin.start, twin.end, twin.was = self.start, self.end, self.was
        return twin

    def follow(self, buffer: Buffer, edit: Edit, *, takes_new_lines: bool = False) -> bool:
        """Move through an edit of `buffer`; whether it changed these lines.

        A line put right after the last one, by a break at its end, belongs to the site only
        when it `takes_new_lines`; one put before the first never does.
        """
        if edit.end < self.start or (edit.end == self.start and edit.text.endswith("\n")):
            self.start += edit.growth
            self.end += edit.growth
            return False
        begins_line = edit.start == self.end and edit.text.startswith(_BREAKS)
        if edit.start > self.end or (begins_line and not takes_new_lines):
            return False
        self._take(buffer, edit)
        return True

    def _take(self, buffer: Buffer, edit: Edit) -> None:
        low = min(self.start, buffer.line_start(buffer.line_at(edit.start)))
        high = max(self.end, edit.end, buffer.line_end(buffer.line_at(edit.end)))
        self.was = buffer.slice(low, self.start) + self.was + buffer.slice(self.end, high)
        self.start, self.end = low, high + edit.growth

    def meets(self, other: Site) -> bool:
        """Whether two sites share a line."""
        return self.start <= other.end and other.start <= self.end

    def text(self, buffer: Buffer) -> str:
        """What stands there now."""
        return buffer.slice(self.start, self.end)
