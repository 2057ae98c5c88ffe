"""The rooms of one editor window, joined.

Handlers delegate to this value; it routes each document to its workspace, and turns
every failure into silence with a reason. It runs on one event loop, and what may block
is done elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from habitus_server import fixes
from habitus_server.diagnostics import Diagnostic
from habitus_server.engine.client import EngineClient
from habitus_server.errors import EngineError
from habitus_server.executor import Executor
from habitus_server.lsp.answers import Answers
from habitus_server.lsp.background import Background
from habitus_server.lsp.fates import Fates
from habitus_server.lsp.root import Root
from habitus_server.lsp.roots import Roots
from habitus_server.lsp.telling import Telling
from habitus_server.lsp.window import Window
from habitus_server.offers import Offer
from habitus_server.positions import PositionEncoding
from habitus_server.session import (
    Closed,
    Document,
    Event,
    Location,
    Opened,
    Session,
    Snapshot,
    file_path,
)
from habitus_server.status import EngineFacts, Status
from habitus_server.supervisor import EngineSupervisor
from habitus_server.whys import Stage, Why

TICK_S = 1.0
OPENING_S = 2.0
"""How long a question about the status waits for its workspace to open."""


class Rooms:
    """Everything behind a window's handlers; `start` it once the editor is answered."""

    def __init__(self, window: Window) -> None:
        self.options = window.options
        self.config = window.config
        self.checks_versions = window.checks_versions
        self.is_paused = False
        self.clock: Callable[[], float] = (
            (lambda: self._virtual_now) if window.options.replay_clock else time.time
        )
        self.session = Session(
            PositionEncoding(window.encoding), max_chars=self.config.completion.max_file_bytes
        )
        for uri in window.folder_uris:
            if (folder := file_path(uri)) is not None:
                self.session.add_folder(folder)
        self._background = Background()
        self.fates = Fates(lambda: self.about(None))
        self.answers = Answers(
            window.id,
            self.options,
            self.config,
            self.session,
            clock=self.clock,
            find_root=self._root_of,
            client=self._client,
            is_loading=lambda: self._facts.state in ("starting", "loading"),
            on_offers=self.fates.offered,
            on_trouble=self._say,
        )
        self._window = window
        self._telling = Telling(window, self.answers.suggester)
        self._virtual_now = 0.0
        self.roots = Roots(
            window,
            self.session,
            self._background,
            clock=self.clock,
            client=self._client,
            engine=lambda: self._engine.client if self._engine else None,
            on_change=self.tell,
            on_stale=self.answers.suggester.forget_answers,
        )
        self._focus: str | None = None
        self._engine: EngineSupervisor | None = None
        self._executor = Executor(window.id, self.clock)

    # --- beginning and end ----------------------------------------------------------

    async def start(self) -> None:
        """Start the engine's supervisor, open the roots, begin to tick."""
        self._engine = EngineSupervisor(
            self._window.state,
            self.config,
            on_connected=self._engine_connected,
            on_facts=self._engine_changed,
        )
        self._background.spawn(self._engine.run())
        for folder in self.session.folders:
            self.roots.open(folder, is_inside=True)
        self._background.spawn(self._tick_for_ever())
        self.tell()

    async def close(self) -> None:
        """Settle and write everything, then leave the engine and the sidecar."""
        for root in self.roots.all():
            await root.close()
        await self._background.end()

    def leave(self) -> None:
        """Last words when the loop is gone: write what is known, however we got here."""
        for root in self.roots.all():
            root.leave()

    # --- documents --------------------------------------------------------------------

    def apply(self, event: Event) -> None:
        """Take in what happened to a document."""
        step = self.session.apply(event)
        if step is None:
            return
        uri = step.document.uri
        root = self.roots.of(step.document.location)
        if isinstance(event, Closed):
            self.answers.suggester.forget(uri)
            if self._focus == uri:
                self._focus = None
        else:
            self._focus = uri
        root.took(step)
        if step.change is not None:
            self.answers.suggester.changed(uri)
        if isinstance(event, Opened):
            self.tell()

    def diagnosed(self, document: Document, diagnostics: Sequence[Diagnostic]) -> None:
        """The editor says what is wrong in a document."""
        if (checkups := self.roots.of(document.location).notes.checkups) is not None:
            checkups.reported(document.uri, diagnostics)

    def focus(self, uri: str) -> None:
        """The user looks at a document."""
        if self.session.document(uri) is not None:
            self._focus = uri
            self.tell()

    def renamed(self, old_uri: str, new_uri: str) -> None:
        """A file of the workspace has a new name."""
        location = self.session.locate(new_uri)
        self.roots.of(location).notes.renamed(old_uri, new_uri, location.path)

    def add_folder(self, folder: Path) -> None:
        """A root joins the window."""
        self.session.add_folder(folder)
        self.roots.open(folder, is_inside=True)

    def remove_folder(self, folder: Path) -> None:
        """A root leaves the window; what it knew is written."""
        self.session.remove_folder(folder)
        self.roots.remove(folder)

    def _root_of(self, location: Location) -> Root:
        return self.roots.of(location)

    # --- suggestions and their fate -------------------------------------------------------

    async def suggest(self, snapshot: Snapshot, *, invoked: bool = False) -> tuple[Offer, ...]:
        """What to offer at a place; () with a reason in the status when that is nothing."""
        if self.is_paused:
            root = self.roots.of(snapshot.document.location)
            root.notes.explain(snapshot, Why(Stage.PAUSED))
            return ()
        return await self.answers.suggest(snapshot, invoked=invoked)

    async def fix(
        self, snapshot: Snapshot, diagnostics: tuple[Diagnostic, ...]
    ) -> tuple[fixes.Fix, ...]:
        """Edits that may answer what is wrong around a place."""
        return () if self.is_paused else await self.answers.fix(snapshot, diagnostics)

    # --- commands -----------------------------------------------------------------------

    def executor(self, about: Any) -> Executor:
        """Where a command runs: in the workspace that its argument names, or the one last used."""
        named = about if isinstance(about, dict) else {}
        owner = self.fates.owner(str(named.get("id")))
        uri = named.get("uri")
        root = owner or self.about(uri if isinstance(uri, str) else None)
        return self._executor if root is None else root.notes.executor

    async def learn_now(self, uri: str | None) -> dict[str, Any]:
        """Ask the learner of a workspace for a cycle."""
        root = self.about(uri)
        reason = "No folder is open." if root is None else await root.learn_now()
        return {"requested": not reason, "reason": reason}

    async def roll_back(self, uri: str | None) -> dict[str, Any]:
        """Put the workspace's earlier adapter into service."""
        root = self.about(uri)
        if root is None:
            return {"rolledBack": False, "reason": "No folder is open."}
        reason = await root.roll_back()
        return {"rolledBack": not reason, "reason": reason, "adapter": root.adapter_version}

    def pause(self, *, is_paused: bool) -> None:
        """Suggest and record nothing until resumed."""
        self.is_paused = is_paused
        self.roots.pause(is_paused=is_paused)
        self.tell()

    async def status(self, uri: str | None = None) -> Status:
        """The status of a workspace as it is now."""
        root = self.about(uri)
        if root is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(root.ready.wait(), OPENING_S)
            await root.refresh()
        return self._telling.describe(root, self._facts, is_paused=self.is_paused)

    # --- time ---------------------------------------------------------------------------

    def set_clock(self, now: float) -> None:
        """Move the virtual clock; time never runs backwards."""
        self._virtual_now = max(self._virtual_now, now)
        for root in self.roots.all():
            root.tick()

    async def _client(self) -> EngineClient:
        if self._engine is None:
            raise EngineError("The editor has not finished its handshake (`initialized`).")
        return await self._engine.connected(self.config.completion.timeout_ms / 1000)

    async def flush(self) -> dict[str, Any]:
        """Returns when memory is full, everything due settled and everything on disk."""
        for root in self.roots.all():
            await root.ready.wait()
            root.tick()
            await root.flush()
        client = await self._client()
        await client.status(settled=True)
        return {"now": self.clock()}

    async def _tick_for_ever(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            for root in self.roots.all():
                if not self.options.replay_clock:
                    root.tick()
                await root.refresh()

    # --- what the user sees -----------------------------------------------------------

    def tell(self) -> None:
        """Send the status of the focused workspace, when it changed."""
        self._telling.tell(self.about(None), self._facts, is_paused=self.is_paused)

    @property
    def _facts(self) -> EngineFacts:
        return self._engine.facts if self._engine else EngineFacts()

    def about(self, uri: str | None) -> Root | None:
        """The workspace of a document, of the one last used, or of the first folder."""
        chosen = uri or self._focus
        document = self.session.document(chosen) if chosen else None
        if document is not None:
            return self.roots.of(document.location)
        inside = (root for root in self.roots.all() if root.is_inside)
        return next(inside, None) or next(iter(self.roots.all()), None)

    def _say(self, trouble: str) -> None:
        if self._telling.has_new_trouble(trouble):
            self.tell()

    def _engine_connected(self, client: EngineClient) -> None:
        for root in self.roots.all():
            self._background.spawn(root.remember_everything(client))

    def _engine_changed(self, facts: EngineFacts) -> None:
        self._telling.engine_changed(facts)
        self.tell()
