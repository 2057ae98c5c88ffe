"""The decision records of one workspace, carried into its store.

Promises that each file in `docs/adr` and `docs/decisions` that the workspace's rules allow is
one decision in the store, without secrets, and changes there when the file does. What it
says of a file that has gone stays: the decision was made. Everything here may block; call it
off the event loop.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import msgspec

from habitus_server.adr import Record, read_record
from habitus_server.records import Decision
from habitus_server.store import Store

FOLDERS = ("docs/adr", "docs/decisions")
MAX_FILES = 1_000
ORIGIN = "adr"


class Texts(Protocol):
    """Where texts come from."""

    def read(self, path: str) -> str | None:
        """A file's text without secrets, or None where it is refused."""


def is_record(path: str) -> bool:
    """Whether a path, relative to the root, is one of a decision record."""
    return path.endswith(".md") and any(path.startswith(f"{folder}/") for folder in FOLDERS)


class DecisionFiles:
    """One root's decision records."""

    def __init__(self, root: Path, texts: Texts, store: Store) -> None:
        self._root = root
        self._texts = texts
        self._store = store

    def read_all(self, now: float) -> None:
        """Carry over every record there is."""
        found = [
            path.relative_to(self._root).as_posix()
            for folder in FOLDERS
            for path in sorted((self._root / folder).rglob("*.md"))
        ]
        self.read(found[:MAX_FILES], now)

    def read(self, paths: Iterable[str], now: float) -> None:
        """Carry over what these files say now; a decision that is stored already stays."""
        known: dict[str, Decision] | None = None
        for path in filter(is_record, paths):
            text = self._texts.read(path)
            record = None if text is None else read_record(text)
            if record is None:
                continue
            if known is None:
                known = {one.id: one for one in self._store.decisions() if one.origin == ORIGIN}
            stored = known.get(_id_of(path))
            decision = _decision(path, record, stored, now)
            if stored is None or msgspec.structs.replace(stored, changed_at=now) != decision:
                self._store.add_decision(decision).result()


def _decision(path: str, record: Record, stored: Decision | None, now: float) -> Decision:
    """The decision as its file tells it; what was added by command stays."""
    return Decision(
        id=_id_of(path),
        origin=ORIGIN,
        path=path,
        title=record.title,
        problem=record.problem,
        constraints=record.constraints,
        options=record.options,
        choice=record.choice,
        reason=record.reason,
        outcome=record.outcome or (stored.outcome if stored else ""),
        decided_at=record.decided_on or (stored.decided_at if stored else now),
        changed_at=now,
    )


def _id_of(path: str) -> str:
    return hashlib.sha256(path.encode()).hexdigest()[:16]
