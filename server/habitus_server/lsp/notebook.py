"""What one workspace folder notes of what happens in it.

Brings together whoever writes to the store: the recorder of suggestions' fates, the checkups
of documents, the developer's judgements, the witness of what happens outside the editor.
Until it is opened it follows without writing; where there is no store it does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from habitus_server.checkups import Checkups
from habitus_server.choosing import Habits
from habitus_server.decision_files import DecisionFiles
from habitus_server.declined import Declined
from habitus_server.judgements import Judgements
from habitus_server.lsp.explaining import Explaining
from habitus_server.lsp.liking import Liking
from habitus_server.lsp.opening import Opening
from habitus_server.lsp.outside import Outside
from habitus_server.lull import Lull
from habitus_server.offers import Offer
from habitus_server.options import Options
from habitus_server.parses import Parses
from habitus_server.recorder import Recorder
from habitus_server.records import Rating
from habitus_server.rejections import Why as WhyDeclined
from habitus_server.scribe import Scribe
from habitus_server.session import Snapshot, Step
from habitus_server.watcher import Burst
from habitus_server.whys import Why

if TYPE_CHECKING:
    from habitus_server.store import Store
    from habitus_server.workspaces import Workspace


class Notebook:
    """One root's notes; all calls on the event loop, but `leave`."""

    def __init__(
        self,
        folder: Path,
        window_id: str,
        options: Options,
        clock: Callable[[], float],
        *,
        is_recorded: bool,
        lull: Lull,
    ) -> None:
        self.not_recording = ""
        self.is_paused = False
        self._folder = folder
        self._options = options
        self._store: Store | None = None
        scribe = Scribe(lull)
        self.declined = Declined(clock)
        self.judgements = Judgements(clock, scribe)
        self.checkups: Checkups | None = None
        self._recorder: Recorder | None = None
        if is_recorded:
            self._recorder = Recorder(window_id, clock, scribe, self.declined)
            Parses(scribe, suggestion_of=self._recorder.suggestion, spans_of=self._recorder.spans)
            self.checkups = Checkups(
                window_id,
                clock,
                scribe,
                spans_of=self._recorder.spans,
                is_paused=lambda: self.is_paused,
            )
        self.liking = Liking(clock)
        self.explaining = Explaining(clock)
        self._outside = Outside(folder, window_id, clock, lambda: self.is_paused)
        self.executor = self._outside.executor

    # --- beginning and end ------------------------------------------------------------

    async def open(self, opened: Opening) -> None:
        """Begin to write what is seen, and to see what happens outside the editor."""
        self.not_recording = opened.not_recording
        self._store = opened.store
        if opened.store is None:
            self._recorder = self.checkups = None
        elif self._recorder is not None and opened.workspace is not None:
            await self._attach(opened, opened.workspace, opened.store, self._recorder)

    async def _attach(
        self, opened: Opening, workspace: Workspace, store: Store, recorder: Recorder
    ) -> None:
        library = opened.library
        await self.declined.refresh(store)
        self.explaining.write_to(workspace.last_why)
        recorder.attach(store, library)
        self.judgements.attach(store, DecisionFiles(self._folder, library, store))
        if self.checkups is not None:
            # A replay's typing is not a developer's, nor its clock the checker's.
            folder = None if self._options.replay_clock else workspace.folder
            await self.checkups.attach(store, folder, library.why_silent)
        await self._outside.attach(
            workspace, store, library, recorder, self.checkups, opened.config.witness
        )

    async def close(self) -> None:
        """Write everything; the store is closed by whoever opened it, and not used again."""
        if self.checkups is not None:
            self.checkups.close()
        if self._recorder is not None:
            self._recorder.close_all()
            await self._recorder.flush()
        await self._outside.close()
        self._store = None

    def leave(self) -> None:
        """The loop is gone: write what is queued."""
        if self._recorder is not None:
            self._recorder.close_all()
            self._recorder.drain()

    # --- documents --------------------------------------------------------------------

    def took(self, step: Step) -> bool:
        """Something happened to a document; whether the text was a suggestion of ours."""
        is_own_word = False
        if self.checkups is not None:
            self.checkups.took(step)
        if self._recorder is not None and not self.is_paused:
            is_own_word = self._recorder.took(step)
        self._outside.took(step)
        return is_own_word

    def renamed(self, old_uri: str, new_uri: str, path: str) -> None:
        """A file of this root has a new name."""
        if self._recorder is not None:
            self._recorder.renamed(old_uri, new_uri, path)

    def changed_on_disk(self, burst: Burst, paths: Sequence[str]) -> None:
        """Files changed outside the editor, those at `paths` among them."""
        self.judgements.changed_on_disk(self._folder, burst)
        if self._recorder is not None and self.checkups is not None:
            self._recorder.changed_on_disk(paths)
            self.checkups.changed_on_disk(paths)
        self._outside.changed_on_disk(burst)

    # --- suggestions and their fate -----------------------------------------------------

    def offered(self, snapshot: Snapshot, offers: Sequence[Offer]) -> None:
        """Follow what was offered."""
        if self.checkups is not None:
            self.checkups.offered(snapshot, offers)
        if self._recorder is not None and not self.is_paused:
            self._recorder.offered(snapshot, offers)

    def silent(self, snapshot: Snapshot, adapter: str | None) -> None:
        """An adapter answered and nothing was offered."""
        if self._recorder is not None and not self.is_paused:
            self._recorder.silent(snapshot, adapter)

    def shown(self, suggestion_id: str) -> None:
        """Reported: it is visible."""
        if self._recorder is not None:
            self._recorder.shown(suggestion_id)

    def partially_accepted(self, suggestion_id: str, chars: int) -> None:
        """Reported: its first characters were taken."""
        if self._recorder is not None:
            self._recorder.partially_accepted(suggestion_id, chars)

    async def accept(self, suggestion_id: str) -> str:
        """Reported: it was taken. "" once that is on disk, or why it is not."""
        if self._recorder is None:
            return self.not_recording
        return await self._recorder.accept(suggestion_id)

    async def dismiss(self, suggestion_id: str) -> str:
        """Reported: it was turned down. "" once that is on disk, or why it is not."""
        self.liking.dismissed()
        if self._recorder is None:
            return self.not_recording
        return await self._recorder.dismiss(suggestion_id)

    def explain(self, snapshot: Snapshot, why: Why) -> None:
        """A request ended."""
        self.explaining.note(snapshot, why)

    @property
    def habits(self) -> Habits:
        """What is known of how suggestions are received here."""
        return self.liking.habits

    async def rate(self, suggestion_id: str, rating: Rating, word: str | None) -> str:
        """Somebody said what it was worth. "" once that is on disk, or why it is not."""
        if rating is Rating.BAD and self._recorder is not None:
            self._recorder.turn_down(suggestion_id, WhyDeclined.RATED)
        return await self.judgements.rate(suggestion_id, rating, word)

    # --- time ---------------------------------------------------------------------------

    def tick(self) -> None:
        """Time has passed: settle what is due."""
        if self._recorder is not None:
            self._recorder.tick()
        if self.checkups is not None:
            self.checkups.tick()

    async def flush(self) -> None:
        """Return when everything settled is on disk."""
        await self.judgements.flush()
        await self._outside.settle()
        if self._recorder is not None:
            await self._recorder.flush()

    async def refresh(self) -> None:
        """Look at what others did: commits, and what other windows turned down."""
        self._outside.look()
        if self._store is not None:
            await self.declined.refresh(self._store)
            await self.liking.refresh(self._store)
        await self.explaining.write()
