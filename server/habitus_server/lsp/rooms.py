"""The rooms of one editor window, joined.

Handlers delegate to this value; it routes each document to its workspace, and turns
every failure into silence with a reason. It runs on one event loop, and what may block
is done elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from habitus_server import fixes
from habitus_server.diagnostics import Diagnostic
from habitus_server.engine.client import EngineClient
from habitus_server.errors import EngineError
from habitus_server.executor import Executor
from habitus_server.lsp.answers import Answers
from habitus_server.lsp.outbox import Progress
from habitus_server.lsp.root import Root
from habitus_server.lsp.window import Window
from habitus_server.records import Rating
from habitus_server.session import (
    Closed,
    Document,
    Event,
    Location,
    Opened,
    Session,
    Snapshot,
    Step,
    file_path,
)
from habitus_server.status import EngineFacts, Facts, Status, describe
from habitus_server.suggest import Offer, Source
from habitus_server.supervisor import EngineSupervisor
from habitus_server.text import PositionEncoding

log = logging.getLogger(__name__)

TICK_S = 1.0
OPENING_S = 2.0
"""How long a question about the status waits for its workspace to open."""
NO_FOLDER = Path()
"""Stands for the place of documents that are not files."""


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
        self.answers = Answers(
            window.id,
            self.options,
            self.config,
            self.session,
            clock=self.clock,
            find_root=self._root_of,
            client=self._client,
            is_loading=lambda: self._facts.state in ("starting", "loading"),
            on_trouble=self._say,
        )
        self._window = window
        self._outbox = window.outbox
        self._virtual_now = 0.0
        self._roots: dict[Path, Root] = {}
        self._focus: str | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._loading: Progress | None = None
        self._trouble = ""
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
        self.spawn(self._engine.run())
        for folder in self.session.folders:
            self._open(folder, is_inside=True)
        self.spawn(self._tick_for_ever())
        self.tell()

    async def close(self) -> None:
        """Settle and write everything, then leave the engine and the sidecar."""
        for root in self._roots.values():
            await root.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def leave(self) -> None:
        """Last words when the loop is gone: write what is known, however we got here."""
        for root in self._roots.values():
            root.leave()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something in the background; its failure is logged, never silent."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("A background task failed", exc_info=error)

    # --- documents --------------------------------------------------------------------

    def apply(self, event: Event) -> None:
        """Take in what happened to a document."""
        step = self.session.apply(event)
        if step is None:
            return
        uri = step.document.uri
        root = self._root_of(step.document.location)
        if isinstance(event, Closed):
            self.answers.suggester.forget(uri)
            if self._focus == uri:
                self._focus = None
        else:
            self._focus = uri
        root.took(step)
        if isinstance(event, Opened):
            self.tell()

    def diagnosed(self, document: Document, diagnostics: Sequence[Diagnostic]) -> None:
        """The editor says what is wrong in a document."""
        if (checkups := self._root_of(document.location).checkups) is not None:
            checkups.reported(document.uri, diagnostics)

    def focus(self, uri: str) -> None:
        """The user looks at a document."""
        if self.session.document(uri) is not None:
            self._focus = uri
            self.tell()

    def renamed(self, old_uri: str, new_uri: str) -> None:
        """A file of the workspace has a new name."""
        location = self.session.locate(new_uri)
        self._root_of(location).renamed(old_uri, new_uri, location.path)

    def add_folder(self, folder: Path) -> None:
        """A root joins the window."""
        self.session.add_folder(folder)
        self._open(folder, is_inside=True)

    def remove_folder(self, folder: Path) -> None:
        """A root leaves the window; what it knew is written."""
        self.session.remove_folder(folder)
        root = self._roots.pop(folder, None)
        if root is not None:
            self.spawn(root.close())

    def _root_of(self, location: Location) -> Root:
        folder = location.folder or NO_FOLDER
        return self._roots.get(folder) or self._open(folder, is_inside=location.is_inside)

    def _open(self, folder: Path, *, is_inside: bool) -> Root:
        if folder in self._roots:
            return self._roots[folder]
        root = Root(
            folder,
            is_inside=is_inside,
            window_id=self._window.id,
            options=self.options,
            config=self.config,
            state=self._window.state,
            clock=self.clock,
            on_change=self.tell,
            on_stale=self.answers.suggester.forget_answers,
            on_settings=lambda: self.spawn(self._reopen(folder)),
            progress=self._outbox.progress,
        )
        self._roots[folder] = root
        self.spawn(root.open(self._client))
        return root

    async def _reopen(self, folder: Path) -> None:
        """Other settings hold for a root: open it anew on the documents that are shown."""
        old = self._roots[folder]
        await old.retire()
        if self._roots.pop(folder, None) is not old:
            return  # The folder left the window meanwhile.
        new = self._open(folder, is_inside=old.is_inside)
        new.is_paused = self.is_paused
        for one in self.session.documents():
            if one.location.folder == folder:
                shown = Opened(one.uri, one.language, one.version, one.buffer.text)
                new.took(Step(shown, one))
        self.answers.suggester.forget_answers()

    # --- suggestions and their fate -------------------------------------------------------

    async def suggest(self, snapshot: Snapshot, *, invoked: bool = False) -> tuple[Offer, ...]:
        """What to offer at a place; () with a reason in the status when that is nothing."""
        return () if self.is_paused else await self.answers.suggest(snapshot, invoked=invoked)

    async def fix(
        self, snapshot: Snapshot, diagnostics: tuple[Diagnostic, ...]
    ) -> tuple[fixes.Fix, ...]:
        """Edits that may answer what is wrong around a place."""
        return () if self.is_paused else await self.answers.fix(snapshot, diagnostics)

    def shown(self, suggestion_id: str) -> None:
        """The editor reports that a suggestion is visible."""
        if root := self.answers.owner(suggestion_id):
            root.shown(suggestion_id)

    def partially_accepted(self, suggestion_id: str, chars: int) -> None:
        """The editor reports that the first `chars` of a suggestion were taken."""
        if root := self.answers.owner(suggestion_id):
            root.partially_accepted(suggestion_id, chars)

    async def accept(self, suggestion_id: str) -> dict[str, Any]:
        """A suggestion was taken whole; returns once that is on disk."""
        root = self.answers.owner(suggestion_id)
        if root is None:
            return {"recorded": False, "reason": "This suggestion is not known here any more."}
        reason = await root.accept(suggestion_id)
        return {"recorded": not reason, "reason": reason}

    async def dismiss(self, suggestion_id: str) -> dict[str, Any]:
        """A suggestion was turned down; it is not offered in such a place again unasked."""
        root = self.answers.owner(suggestion_id)
        if root is None:
            return {"recorded": False, "reason": "This suggestion is not known here any more."}
        reason = await root.dismiss(suggestion_id)
        return {"recorded": not reason, "reason": reason}

    async def rate(
        self, suggestion_id: str | None, rating: Rating, word: str | None
    ) -> dict[str, Any]:
        """A suggestion was rated, the last one seen where none is named."""
        focused = self.about(None)
        chosen = suggestion_id or (focused.judgements.last_seen if focused else "")
        root = self.answers.owner(chosen) or focused
        if root is None or not chosen:
            return {"recorded": False, "reason": "No suggestion has been seen here yet."}
        reason = await root.rate(chosen, rating, word)
        return {"recorded": not reason, "reason": reason, "id": chosen}

    # --- commands -----------------------------------------------------------------------

    def executor(self, about: Any) -> Executor:
        """Where a command runs: in the workspace that its argument names, or the one last used."""
        named = about if isinstance(about, dict) else {}
        owner = self.answers.owner(str(named.get("id")))
        uri = named.get("uri")
        root = owner or self.about(uri if isinstance(uri, str) else None)
        return self._executor if root is None else root.executor

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
        for root in self._roots.values():
            root.is_paused = is_paused
        self.tell()

    async def status(self, uri: str | None = None) -> Status:
        """The status of a workspace as it is now."""
        root = self.about(uri)
        if root is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(root.ready.wait(), OPENING_S)
            await root.refresh()
        return self._describe(root)

    # --- time ---------------------------------------------------------------------------

    def set_clock(self, now: float) -> None:
        """Move the virtual clock; time never runs backwards."""
        self._virtual_now = max(self._virtual_now, now)
        for root in self._roots.values():
            root.tick()

    async def _client(self) -> EngineClient:
        if self._engine is None:
            raise EngineError("The editor has not finished its handshake (`initialized`).")
        return await self._engine.connected(self.config.completion.timeout_ms / 1000)

    async def flush(self) -> dict[str, Any]:
        """Returns when memory is full, everything due settled and everything on disk."""
        for root in tuple(self._roots.values()):
            await root.ready.wait()
            root.tick()
            await root.flush()
        client = await self._client()
        await client.status(settled=True)
        return {"now": self.clock()}

    async def _tick_for_ever(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            for root in tuple(self._roots.values()):
                if not self.options.replay_clock:
                    root.tick()
                await root.refresh()

    # --- what the user sees -----------------------------------------------------------

    def tell(self) -> None:
        """Send the status of the focused workspace, when it changed."""
        self._outbox.status(self._describe(self.about(None)))

    def _describe(self, root: Root | None) -> Status:
        facts = Facts(
            root=str(root.folder) if root else "",
            model=self.config.model,
            engine=self._facts,
            adapter=root.adapter_version if root else None,
            examples_waiting=root.examples_waiting if root else 0,
            cycle=root.cycle if root else None,
            paused=self.is_paused,
            not_recording=root.not_recording if root else "No folder is open.",
            memory_files=root.memory_files if root else 0,
            answered_by_engine=self.answers.suggester.answered[Source.ENGINE],
            answered_by_typing_through=self.answers.suggester.answered[Source.TYPED_THROUGH],
            problems=[
                *([self._trouble] if self._trouble else []),
                *(root.problems if root else []),
                *self._window.problems,
            ],
        )
        return describe(facts)

    @property
    def _facts(self) -> EngineFacts:
        return self._engine.facts if self._engine else EngineFacts()

    def about(self, uri: str | None) -> Root | None:
        """The workspace of a document, of the one last used, or of the first folder."""
        chosen = uri or self._focus
        document = self.session.document(chosen) if chosen else None
        if document is not None:
            return self._root_of(document.location)
        inside = (root for root in self._roots.values() if root.is_inside)
        return next(inside, None) or next(iter(self._roots.values()), None)

    def _say(self, trouble: str) -> None:
        if trouble != self._trouble:
            if trouble:
                log.warning("No suggestion: %s", trouble)
            self._trouble = trouble
            self.tell()

    def _engine_connected(self, client: EngineClient) -> None:
        for root in self._roots.values():
            self.spawn(root.remember_everything(client))

    def _engine_changed(self, facts: EngineFacts) -> None:
        if facts.state == "loading" and self._loading is None:
            self._loading = self._outbox.progress(f"Habitus: loading {self.config.model}")
        if self._loading is not None:
            self._loading.report(facts.detail, facts.progress)
            if facts.state not in ("starting", "loading"):
                self._loading.end()
                self._loading = None
        self.tell()
