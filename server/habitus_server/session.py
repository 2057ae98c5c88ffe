"""The mutable state of one editor window: its documents, and where they belong.

Promises one door, `Session.apply`, through which every open, change, save and close
passes as one value, and frozen snapshots for whoever works elsewhere meanwhile. It is
touched only on the event loop. Knows no model, no store and no protocol types.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from habitus_server.positions import Position, PositionEncoding
from habitus_server.text import Buffer, Change, ContentChange, replay

BINARY_PROBE_CHARS = 65_536
MAX_CHARS = 2_000_000
"""Documents above this cost nothing but their buffer, unless the settings say otherwise."""


class Opened(msgspec.Struct, frozen=True):
    """A document is shown; from now on its text is what the editor says."""

    uri: str
    language: str
    version: int
    text: str


class Changed(msgspec.Struct, frozen=True):
    """The changes of one notification, each relative to the result of the last."""

    uri: str
    version: int
    changes: tuple[ContentChange, ...]


class Saved(msgspec.Struct, frozen=True):
    """A document was written to disk; `text` when the editor included it."""

    uri: str
    text: str | None = None


class Closed(msgspec.Struct, frozen=True):
    """A document is no longer shown; its text is what the disk says."""

    uri: str


Event = Opened | Changed | Saved | Closed


class Location(msgspec.Struct, frozen=True):
    """Where a document belongs: a workspace folder, and its POSIX path in there.

    `folder` is None for what lies in no folder on disk; `is_inside` is False for
    files outside every root, whose folder is their own directory.
    """

    folder: Path | None
    path: str
    is_inside: bool


class Document(msgspec.Struct, frozen=True):
    """One open document as it stands."""

    uri: str
    location: Location
    language: str
    version: int
    buffer: Buffer

    @property
    def path(self) -> str:
        """Its path relative to its workspace."""
        return self.location.path


class Step(msgspec.Struct, frozen=True):
    """What one event did: the document after it (or as it closed), and how it got there.

    `change` is None when no text changed.
    """

    event: Event
    document: Document
    change: Change | None = None


class Snapshot(msgspec.Struct, frozen=True):
    """A document and a place in it, for work away from the event loop.

    Code points `start` to `end` are what a completion will replace and `pending` what
    it begins with (both empty but for an item selected in the editor's own popup);
    `prefix` ends with `pending`. Prefix and suffix are "" in a document that is too large
    to be suggested in (`why_unsuitable`).
    """

    document: Document
    start: int
    end: int
    pending: str
    prefix: str
    suffix: str

    @property
    def uri(self) -> str:
        """The document's URI."""
        return self.document.uri

    @property
    def path(self) -> str:
        """The document's path relative to its workspace."""
        return self.document.location.path

    @property
    def language(self) -> str:
        """The document's language, as the editor names it."""
        return self.document.language

    @property
    def version(self) -> int:
        """The version of the text."""
        return self.document.version


class Session:
    """The documents of one window; every method is instant."""

    def __init__(
        self, encoding: PositionEncoding = PositionEncoding.UTF16, *, max_chars: int = MAX_CHARS
    ) -> None:
        self.encoding = encoding
        self._max_chars = max_chars
        self._folders: list[Path] = []
        self._documents: dict[str, Document] = {}

    @property
    def folders(self) -> tuple[Path, ...]:
        """The workspace folders, in the order in which they were added."""
        return tuple(self._folders)

    def add_folder(self, folder: Path) -> None:
        """A root joins; documents that are open move to it when it is their innermost."""
        if folder not in self._folders:
            self._folders.append(folder)
            self._relocate()

    def remove_folder(self, folder: Path) -> None:
        """A root leaves."""
        if folder in self._folders:
            self._folders.remove(folder)
            self._relocate()

    def document(self, uri: str) -> Document | None:
        """An open document as it stands, or None."""
        return self._documents.get(uri)

    def documents(self) -> tuple[Document, ...]:
        """Every open document, the one opened or changed last at the end."""
        return tuple(self._documents.values())

    def apply(self, event: Event) -> Step | None:
        """Take one event in; None when it is about a document that is not open."""
        if isinstance(event, Opened):
            document = Document(
                event.uri,
                self.locate(event.uri),
                event.language,
                event.version,
                Buffer(event.text),
            )
            self._documents[event.uri] = document
            return Step(event, document)
        known = self._documents.get(event.uri)
        if known is None:
            return None
        if isinstance(event, Changed):
            return self._change(known, event, event.changes, event.version)
        if isinstance(event, Saved):
            changes = () if event.text is None else (ContentChange(event.text),)
            return self._change(known, event, changes, known.version)
        del self._documents[event.uri]
        return Step(event, known)

    def snapshot(
        self, uri: str, position: Position, selected: tuple[Position, Position, str] | None = None
    ) -> Snapshot | None:
        """A place in an open document, clamped; None when the document is not open."""
        document = self._documents.get(uri)
        if document is None:
            return None
        buffer = document.buffer
        start = end = buffer.offset_at(position, self.encoding)
        pending = ""
        if selected is not None:
            low, high, pending = selected
            start, end = sorted(buffer.offset_at(at, self.encoding) for at in (low, high))
        text = buffer.text if len(buffer) <= self._max_chars else ""
        return Snapshot(document, start, end, pending, text[:start] + pending, text[end:])

    def locate(self, uri: str) -> Location:
        """The innermost root that holds a document, or its own directory."""
        path = file_path(uri)
        if path is None:
            return Location(None, unquote(uri.partition(":")[2]).lstrip("/") or "untitled", False)
        holding = [folder for folder in self._folders if path.is_relative_to(folder)]
        if holding:
            folder = max(holding, key=lambda folder: len(folder.parts))
            return Location(folder, path.relative_to(folder).as_posix(), True)
        return Location(path.parent, path.name, False)

    def _change(
        self, known: Document, event: Event, changes: Iterable[ContentChange], version: int
    ) -> Step:
        change = replay(known.buffer, changes, self.encoding)
        document = msgspec.structs.replace(known, version=version, buffer=change.after)
        # Moved to the end: most recently touched last.
        del self._documents[known.uri]
        self._documents[known.uri] = document
        return Step(event, document, change if change.edits else None)

    def _relocate(self) -> None:
        for uri, document in self._documents.items():
            location = self.locate(uri)
            if location != document.location:
                self._documents[uri] = msgspec.structs.replace(document, location=location)


def file_path(uri: str) -> Path | None:
    """The path of a `file:` URI, or None for any other."""
    parts = urlsplit(uri)
    if parts.scheme != "file" or not parts.path:
        return None
    return Path(unquote(parts.path))


def why_unsuitable(document: Document, max_chars: int) -> str:
    """Why nothing is suggested in a document, or "": it is too large, or not text."""
    if len(document.buffer) > max_chars:
        return (
            f"{document.path} has {len(document.buffer):,} characters; files above "
            f"{max_chars:,} get no suggestions (completion.max_file_bytes)."
        )
    if "\0" in document.buffer.slice(0, BINARY_PROBE_CHARS):
        return f"{document.path} is binary, so it gets no suggestions."
    return ""
