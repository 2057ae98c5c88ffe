"""One root of an editor window, with a recording stand-in for the engine or none at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from habitus_server.config import Config
from habitus_server.engine.client import EngineClient
from habitus_server.errors import EngineError
from habitus_server.lsp.root import Root
from habitus_server.offers import Offer
from habitus_server.options import Options
from habitus_server.records import Suggestion
from habitus_server.session import Changed, Closed, Opened, Saved, Session, Snapshot
from habitus_server.text import ContentChange


class Engine:
    """Keeps what memory holds, and all that it ever held."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.told: list[str] = []

    def remember(self, _key: str, path: str, text: str, *, learn: bool = False) -> None:
        """Take a document in."""
        self.texts[path] = text
        self.told.append(text)

    def forget(self, _key: str, path: str = "") -> None:
        """Drop a document, or all."""
        for name in [path] if path else list(self.texts):
            self.texts.pop(name, None)

    async def status(self, *, settled: bool = False) -> None:
        """Nothing to wait for."""


class OneRoot:
    """A root, on a virtual clock unless said otherwise, and the documents of its window."""

    def __init__(
        self,
        folder: Path,
        config: Config,
        engine: Engine | None = None,
        *,
        has_virtual_clock: bool = True,
    ) -> None:
        self.folder, self.state = folder / "project", folder / "state"
        self.folder.mkdir(exist_ok=True)
        self.state.mkdir(exist_ok=True)
        self.now = 1_000.0
        self.changes = 0
        self.offered = 0
        self.engine = engine
        self.session = Session()
        self.session.add_folder(self.folder)
        self.root = Root(
            self.folder,
            is_inside=True,
            window_id="w",
            options=Options(learn=False, memory=engine is not None, replay_clock=has_virtual_clock),
            config=config,
            state=self.state,
            clock=lambda: self.now,
            engine=lambda: None,
            on_change=lambda: None,
            on_stale=lambda: None,
            on_settings=self._noticed,
            progress=lambda _title: None,  # type: ignore[arg-type,return-value]
        )

    def _noticed(self) -> None:
        self.changes += 1

    async def open(self) -> None:
        """Open the root's rooms."""

        async def connect() -> EngineClient:
            if self.engine is None:
                raise EngineError("There is none.")
            client: Any = self.engine
            return client  # type: ignore[no-any-return]

        await self.root.open(connect)

    def take(self, event: Opened | Changed | Saved | Closed) -> None:
        """Something happens in the editor, a moment later."""
        self.now += 0.1
        step = self.session.apply(event)
        assert step is not None
        self.root.took(step)

    def text(self, uri: str) -> str:
        """A document as it stands."""
        document = self.session.document(uri)
        assert document is not None
        return document.buffer.text

    def insert(self, uri: str, at: int, text: str) -> None:
        """Type or paste."""
        document = self.session.document(uri)
        assert document is not None
        place = document.buffer.position_at(at, self.session.encoding)
        self.take(Changed(uri, document.version + 1, (ContentChange(text, place, place),)))

    def snapshot(self, uri: str, at: int | None = None) -> Snapshot:
        """A place in a document, its end unless told otherwise."""
        document = self.session.document(uri)
        assert document is not None
        offset = len(document.buffer) if at is None else at
        place = document.buffer.position_at(offset, self.session.encoding)
        snapshot = self.session.snapshot(uri, place)
        assert snapshot is not None
        return snapshot

    def offer(self, uri: str, text: str, at: int | None = None) -> str:
        """Offer a text; returns its id."""
        snapshot = self.snapshot(uri, at)
        self.offered += 1
        name = f"s{self.offered}"
        one = Suggestion(
            name, f"r{self.offered}", 0, "w", snapshot.path, "python", "m", None, self.now,
            snapshot.prefix, snapshot.suffix, text, logprob=-1.0, token_count=3,
        )  # fmt: skip
        self.root.notes.offered(snapshot, [Offer(one)])
        self.now += 2
        return name

    async def end_of_day(self, uri: str) -> None:
        """Save, let everything settle and be written, close the document."""
        self.take(Saved(uri))
        self.now += 1_000
        self.root.tick()
        await self.root.flush()
        self.take(Closed(uri))
        await self.root.flush()


def found_in(folder: Path, texts: Iterable[str]) -> list[str]:
    """The files of a folder in which the bytes of one of these texts are found."""
    wanted = [text.encode() for text in texts]
    found: list[str] = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            if any(one in data for one in wanted):
                found.append(os.fspath(path.relative_to(folder)))
    return found
