"""Everything that a window asks the engine: suggestions, fixes, scores.

Promises an empty answer with a reason wherever there is none to be had, and that an
answer about a text that has changed meanwhile is not given.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from habitus_server import fixes
from habitus_server.choosing import Chooser, Habits
from habitus_server.config import Config
from habitus_server.diagnostics import Diagnostic
from habitus_server.engine.client import EngineClient, SupersededError
from habitus_server.engine.wire import Completed, Place, Stop
from habitus_server.errors import EngineError, HabitusError
from habitus_server.lsp.root import Root
from habitus_server.offers import Ask, Offer
from habitus_server.options import Options
from habitus_server.records import Chunk
from habitus_server.session import Location, Session, Snapshot, why_unsuitable
from habitus_server.suggest import Answer, Suggester
from habitus_server.whys import SILENT, Stage, Why

log = logging.getLogger(__name__)


class Answers:
    """One window's questions to the engine; all calls on the event loop."""

    def __init__(
        self,
        window_id: str,
        options: Options,
        config: Config,
        session: Session,
        *,
        clock: Callable[[], float],
        find_root: Callable[[Location], Root],
        client: Callable[[], Awaitable[EngineClient]],
        is_loading: Callable[[], bool],
        on_offers: Callable[[Root, Snapshot, Sequence[Offer]], None],
        on_trouble: Callable[[str], None],
    ) -> None:
        self._window_id = window_id
        self._options = options
        self._config = config
        self._session = session
        self._find_root = find_root
        self._client = client
        self._is_loading = is_loading
        self._on_offers = on_offers
        self._on_trouble = on_trouble
        # In a replay no developer waits, and the next request is known to be the next.
        self._is_live = not options.replay_clock
        chooser = Chooser(clock, self._is_declined, self._habits_of)
        self.suggester = Suggester(
            self._complete,
            self._context_of,
            chooser,
            known_context_of=self._known_context_of,
            waits=self._is_live,
        )

    async def suggest(self, snapshot: Snapshot, *, invoked: bool = False) -> tuple[Offer, ...]:
        """What to offer at a place; why, or why nothing, is noted with its workspace."""
        root = self._find_root(snapshot.document.location)
        with root.lull.request():
            answer = await self._answer(snapshot, invoked=invoked)
        root = self._find_root(snapshot.document.location)  # it may have opened anew
        root.notes.explain(snapshot, answer.why)
        if answer.why.stage in SILENT:
            root.notes.silent(snapshot, root.adapter.version if root.adapter else None)
        if self._is_live:
            # The lines typed since are in the prompt; memory has them by the next request.
            root.knowledge.catch_up(snapshot)
        if answer.offers:
            self._on_offers(root, snapshot, answer.offers)
        return answer.offers

    async def _answer(self, snapshot: Snapshot, *, invoked: bool) -> Answer:
        try:
            _, ask = await self._ask(snapshot, invoked=invoked)
            if isinstance(ask, Why):
                return Answer((), ask)
            answer = await self.suggester.suggest(ask)
        except SupersededError:
            return Answer((), Why(Stage.SUPERSEDED))
        except HabitusError as error:
            self._fail(error)
            return Answer((), Why(Stage.FAILED, str(error)))
        self._on_trouble("")
        now = self._session.document(snapshot.uri)
        if now is None or now.version != snapshot.version:
            return Answer((), Why(Stage.SUPERSEDED))
        return answer

    async def fix(
        self, snapshot: Snapshot, diagnostics: tuple[Diagnostic, ...]
    ) -> tuple[fixes.Fix, ...]:
        """Edits that may answer what is wrong between the snapshot's `start` and `end`."""
        try:
            root, ask = await self._ask(snapshot, invoked=True)
            if isinstance(ask, Why):
                return ()
            found = await fixes.propose(
                snapshot.document.buffer.text,
                language=snapshot.language,
                diagnostics=diagnostics,
                infill=lambda *gap: self._infill(ask, *gap),
                span=(snapshot.start, snapshot.end),
            )
        except SupersededError:
            return ()
        except HabitusError as error:
            self._fail(error)
            return ()
        if found and root.notes.checkups is not None:
            root.notes.checkups.fix_offered(snapshot, found)
        return found

    async def score(self, snapshot: Snapshot, text: str) -> dict[str, Any] | None:
        """What `text` would have cost at a place, in bits."""
        root, ask = await self._ask(snapshot, invoked=False)
        if isinstance(ask, Why):
            return None
        await root.knowledge.before_request(snapshot)
        place = await self.suggester.place(ask)
        client = await self._client()
        scored = await client.score(place, text, adapter=ask.adapter, use_memory=ask.use_memory)
        return {"bits": scored.bits, "chars": scored.chars}

    async def _ask(self, snapshot: Snapshot, *, invoked: bool) -> tuple[Root, Ask | Why]:
        root = self._find_root(snapshot.document.location)
        if not root.ready.is_set():
            try:
                await asyncio.wait_for(root.ready.wait(), self._timeout_s)
            except TimeoutError as error:
                raise EngineError(f"The workspace {root.folder} is still being opened.") from error
        limit = root.config.completion.max_file_bytes
        reason = why_unsuitable(snapshot.document, limit) or await root.knowledge.why_silent(
            snapshot
        )
        root.set_problem("document", reason)
        if reason:
            return root, Why(Stage.IGNORED, reason)
        completion = root.config.completion
        if not completion.enabled:
            return root, Why(Stage.DISABLED)
        if not self._is_live:
            completion = msgspec.structs.replace(completion, speculates=False)
        return root, Ask(
            snapshot=snapshot,
            workspace=root.memory_key,
            completion=completion,
            adapter=root.adapter,
            invoked=invoked,
            use_memory=self._options.memory and root.config.memory.enabled,
            window=self._window_id,
            model=self._config.model,
        )

    @property
    def _timeout_s(self) -> float:
        return self._config.completion.timeout_ms / 1000

    async def _complete(
        self,
        ask: Ask,
        place: Place,
        stop: Stop,
        on_text: Callable[[str], None] | None = None,
        *,
        window: str = "",
    ) -> Completed:
        if not self._is_live:
            await self._find_root(ask.snapshot.document.location).knowledge.before_request(
                ask.snapshot
            )
        client = await self._client()
        try:
            completed = await asyncio.wait_for(
                client.complete(
                    self._wary(place, ask),
                    window=window or self._window_id,
                    adapter=ask.adapter,
                    candidates=ask.candidates,
                    stop=stop,
                    use_memory=ask.use_memory,
                    is_guess=ask.is_guess,
                    on_delta=on_text,
                ),
                self._timeout_s,
            )
        except TimeoutError as error:
            if self._is_loading():
                raise EngineError("The model is still loading.") from error
            raise EngineError(
                f"The model took longer than {self._timeout_s:g} s; choose a smaller one, or "
                "raise completion.timeout_ms."
            ) from error
        if completed.lacks_memory:
            self._find_root(ask.snapshot.document.location).knowledge.connect(client)
        return completed

    def _wary(self, place: Place, ask: Ask) -> Place:
        """A place with what was turned down there; asked for by hand, that may come again."""
        declined = self._find_root(ask.snapshot.document.location).notes.declined
        rejected = () if ask.invoked else declined.texts_at(ask.snapshot.prefix)
        return msgspec.structs.replace(place, rejected=rejected) if rejected else place

    async def _infill(self, ask: Ask, prefix: str, suffix: str, stop: Stop) -> list[str]:
        place = Place(ask.workspace, ask.snapshot.path, ask.snapshot.language, prefix, suffix)
        # A window of its own: a fix must not supersede the completion being typed at.
        completed = await self._complete(ask, place, stop, window=f"{self._window_id}/fix")
        return [candidate.text for candidate in completed.candidates]

    def _context_of(self, snapshot: Snapshot) -> Callable[[], Sequence[Chunk]]:
        return self._find_root(snapshot.document.location).knowledge.context_of(snapshot)

    def _known_context_of(self, snapshot: Snapshot) -> Sequence[Chunk] | None:
        return self._find_root(snapshot.document.location).knowledge.known_context(snapshot)

    def _is_declined(self, snapshot: Snapshot, text: str) -> bool:
        declined = self._find_root(snapshot.document.location).notes.declined
        return declined.is_declined(snapshot.prefix, text, snapshot.language)

    def _habits_of(self, snapshot: Snapshot) -> Habits:
        return self._find_root(snapshot.document.location).notes.habits

    def _fail(self, error: HabitusError) -> None:
        log.info("No answer: %s", error)
        self._on_trouble(str(error))
