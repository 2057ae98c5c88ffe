"""The workspace folders of a window: opened when first needed, and again when settings change.

Promises a root for every document, files in no open folder and texts without a file too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from habitus_server.engine.client import EngineClient
from habitus_server.lsp.background import Background
from habitus_server.lsp.root import Root
from habitus_server.lsp.window import Window
from habitus_server.session import Location, Opened, Session, Step

NO_FOLDER = Path()
"""Stands for the place of documents that are not files."""


class Roots:
    """One window's roots by folder; all calls on the event loop."""

    def __init__(
        self,
        window: Window,
        session: Session,
        background: Background,
        *,
        clock: Callable[[], float],
        client: Callable[[], Awaitable[EngineClient]],
        engine: Callable[[], EngineClient | None],
        on_change: Callable[[], None],
        on_stale: Callable[[], None],
    ) -> None:
        self._window = window
        self._session = session
        self._background = background
        self._clock = clock
        self._client = client
        self._engine = engine
        self._on_change = on_change
        self._on_stale = on_stale
        self._is_paused = False
        self._roots: dict[Path, Root] = {}

    def all(self) -> tuple[Root, ...]:
        """Those that are open now, in the order in which they were opened."""
        return tuple(self._roots.values())

    def of(self, location: Location) -> Root:
        """The root that a document belongs to."""
        folder = location.folder or NO_FOLDER
        return self._roots.get(folder) or self.open(folder, is_inside=location.is_inside)

    def open(self, folder: Path, *, is_inside: bool) -> Root:
        """Begin to open a folder, unless that was done."""
        if folder in self._roots:
            return self._roots[folder]
        root = Root(
            folder,
            is_inside=is_inside,
            window_id=self._window.id,
            options=self._window.options,
            config=self._window.config,
            state=self._window.state,
            clock=self._clock,
            on_change=self._on_change,
            on_stale=self._on_stale,
            on_settings=lambda: self._background.spawn(self._reopen(folder)),
            progress=self._window.outbox.progress,
            engine=self._engine,
        )
        self._roots[folder] = root
        self._background.spawn(root.open(self._client))
        return root

    def remove(self, folder: Path) -> None:
        """A folder leaves the window; what its root knew is written."""
        root = self._roots.pop(folder, None)
        if root is not None:
            self._background.spawn(root.close())

    def pause(self, *, is_paused: bool) -> None:
        """Record nothing until resumed."""
        self._is_paused = is_paused
        for root in self._roots.values():
            root.notes.is_paused = is_paused

    async def _reopen(self, folder: Path) -> None:
        """Other settings hold for a root: open it anew on the documents that are shown."""
        old = self._roots[folder]
        await old.retire()
        if self._roots.pop(folder, None) is not old:
            return  # The folder left the window meanwhile.
        new = self.open(folder, is_inside=old.is_inside)
        new.notes.is_paused = self._is_paused
        for one in self._session.documents():
            if one.location.folder == folder:
                shown = Opened(one.uri, one.language, one.version, one.buffer.text)
                new.took(Step(shown, one))
        self._on_stale()
