"""One workspace's documents, in runs that can be searched.

Promises that a path stands for its newest text alone, that no more documents and tokens
are held than fit, and that one segment can take the place of others while documents
change. Not safe for several threads: memory guards it.
"""

from __future__ import annotations

from collections.abc import Sequence

from habitus_server.engine.gates import Gates
from habitus_server.engine.segment import Document, Run, SortedSegment

MERGE_RATIO = 3
"""A segment is merged with the smaller ones once they are more than a third of it."""

MAX_TOKENS = 8_000_000
MAX_DOCUMENTS = 40_000
"""What one workspace may hold; its window sends what changed last first."""


class Collection:
    """One workspace's segments, from the oldest and largest to the live one."""

    def __init__(self, gates: dict[bool, Gates]) -> None:
        self.sorted: list[SortedSegment] = []
        self.live = Run(())
        self.numbers: dict[str, int] = {}
        """The number of each document's newest text."""
        self.gates = gates
        self.kept_steps = 0
        """How many steps the gates had taken when they were kept last."""
        self.used_at = 0

    @property
    def runs(self) -> tuple[Run, ...]:
        """All that can be searched, the live documents last."""
        return *self.sorted, self.live

    @property
    def tokens(self) -> int:
        """Tokens of all documents."""
        return sum(run.visible_tokens for run in self.runs)

    @property
    def steps(self) -> int:
        """How often the gates have learned."""
        return sum(gates.steps for gates in self.gates.values())

    def has_room_for(self, document: Document) -> bool:
        """Whether a document fits; one that is known already always does."""
        return document.path in self.numbers or (
            self.tokens + len(document.ids) <= MAX_TOKENS and len(self.numbers) < MAX_DOCUMENTS
        )

    def put(self, document: Document) -> None:
        """Take a document in, in place of its older text."""
        self.hide(document.path)
        self.numbers[document.path] = document.number
        self.live = Run((*self.live.visible(), document))

    def find(self, path: str) -> Document | None:
        """A document as it was taken in last."""
        return next((run.document(path) for run in self.runs if path in run), None)

    def hide(self, path: str) -> None:
        """Drop a document."""
        if self.numbers.pop(path, None) is None:
            return
        for run in self.runs:
            run.hide(path)

    def swap(self, old: Sequence[Run], new: SortedSegment, documents: Sequence[Document]) -> None:
        """Put one segment in the place of runs whose `documents` it was made of."""
        # What changed while it was being sorted is hidden in it too.
        for document in documents:
            if self.numbers.get(document.path) != document.number:
                new.hide(document.path)
        self.sorted = [segment for segment in self.sorted if segment not in old]
        if new.visible_tokens:
            self.sorted.append(new)
        self.sorted.sort(key=len, reverse=True)
        done = {document.number for document in documents}
        self.live = Run([d for d in self.live.visible() if d.number not in done])

    def due(self) -> list[SortedSegment]:
        """Segments to make one of: the largest that is not much larger than all smaller ones,
        or one of which more than half is hidden."""
        for at in range(len(self.sorted) - 1):
            smaller = sum(len(segment) for segment in self.sorted[at + 1 :])
            if len(self.sorted[at]) < MERGE_RATIO * smaller:
                return self.sorted[at:]
        return [s for s in self.sorted if 2 * s.visible_tokens < len(s)][:1]
