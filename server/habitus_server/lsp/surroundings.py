"""What else a request may show the model, gathered in a thread on what stands now.

Promises that no text of a document which gets no suggestions becomes part of another's
prompt: ignored, excluded, switched off or too large.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from habitus_server.context import RecentEdit
from habitus_server.records import Chunk
from habitus_server.session import Document, Snapshot

if TYPE_CHECKING:
    from habitus_server.context import Gatherer
    from habitus_server.library import Library


def gathering(
    gatherer: Gatherer,
    library: Library,
    snapshot: Snapshot,
    *,
    documents: Sequence[Document],
    recent: Sequence[RecentEdit],
    max_chars: int,
) -> Callable[[], tuple[Chunk, ...]]:
    """The chunks for a place, as work for a thread; `documents` are the open ones, most
    recently viewed first."""

    def gather() -> tuple[Chunk, ...]:
        from habitus_server.context import View

        open_files = {
            document.path: document.buffer.text
            for document in documents
            if len(document.buffer) <= max_chars
            and not library.why_silent(document.path, document.language)
        }
        return gatherer.gather(
            View(
                path=snapshot.path,
                language=snapshot.language,
                prefix=snapshot.prefix,
                suffix=snapshot.suffix,
                open_files=open_files,
                recent_edits=tuple(edit for edit in recent if edit.path in open_files),
            )
        )

    return gather
