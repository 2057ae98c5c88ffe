"""What else a request may show the model, on what stands now.

Promises that no text of a document which gets no suggestions becomes part of another's
prompt: ignored, excluded, switched off or too large.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from habitus_server.context import RecentEdit, View
from habitus_server.permits import Permits
from habitus_server.records import Chunk
from habitus_server.session import Document, Snapshot

if TYPE_CHECKING:
    from habitus_server.context import Gatherer


class Gathering:
    """The chunks for one place; `documents` are the open ones, most recently viewed first."""

    def __init__(
        self,
        gatherer: Gatherer,
        permits: Permits,
        snapshot: Snapshot,
        *,
        documents: Sequence[Document],
        recent: Sequence[RecentEdit],
        max_chars: int,
    ) -> None:
        self._gatherer = gatherer
        self._permits = permits
        self._snapshot = snapshot
        self._documents = [one for one in documents if len(one.buffer) <= max_chars]
        self._recent = recent

    def known(self) -> tuple[Chunk, ...] | None:
        """The chunks, where no text must be looked at; None where one must."""
        shown = set()
        for document in self._documents:
            reason = self._permits.known(document.path, document.language)
            if reason is None:
                return None
            if not reason:
                shown.add(document.path)
        at = self._snapshot
        line = at.document.buffer.line_at(at.start)
        return self._gatherer.known(at.path, line, shown, self._recent_in(shown))

    def gather(self) -> tuple[Chunk, ...]:
        """The chunks; called in a thread."""
        at = self._snapshot
        open_files = {
            document.path: document.buffer.text
            for document in self._documents
            if not self._permits.look(document.path, document.language)
        }
        return self._gatherer.gather(
            View(
                path=at.path,
                language=at.language,
                prefix=at.prefix,
                suffix=at.suffix,
                open_files=open_files,
                recent_edits=self._recent_in(open_files.keys()),
            )
        )

    def _recent_in(self, shown: Collection[str]) -> tuple[RecentEdit, ...]:
        return tuple(edit for edit in self._recent if edit.path in shown)
