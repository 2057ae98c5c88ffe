"""From what happens in the editor to rows of the store.

Promises that signals are written in the order in which they arose, that texts are
redacted on the way and files that may not be stored leave no trace, and that an
acceptance is answered only once it is on disk. The judging is done by pure rooms
(`outcomes`, `patterns`); the store does the SQL.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from habitus_server.engine.fim import GRID_LINES
from habitus_server.errors import StoreError
from habitus_server.lives import Transition
from habitus_server.outcomes import Signal, Tracker
from habitus_server.patterns import Notebook
from habitus_server.records import Pattern, Suggestion
from habitus_server.retention import Measurement, Settlement
from habitus_server.session import Closed, Document, Opened, Saved, Snapshot, Step
from habitus_server.suggest import Offer
from habitus_server.text import Change
from habitus_server.verdicts import unify

if TYPE_CHECKING:
    from habitus_server.store import Store

log = logging.getLogger(__name__)

PREFIX_CHARS = 8_192
SUFFIX_CHARS = 4_096
RECENT_OFFERS = 16

Written = list[Future[None]]


class Rules(Protocol):
    """What may be stored; called off the event loop."""

    def why_not_stored(self, path: str, language: str) -> str:
        """Why nothing of a file is stored, or ""."""

    def redact(self, text: str) -> str:
        """A text without its secrets."""


class _Following:
    """One open document: the suggestions and the handwriting that are followed in it."""

    def __init__(self, document: Document, session: str) -> None:
        self.document = document
        self.tracker = Tracker(document.buffer)
        self.notebook = Notebook(
            document.buffer, document.path, document.language, session, lambda: token_hex(8)
        )
        self.suggestions: dict[str, Suggestion] = {}
        self.recent: deque[str] = deque(maxlen=RECENT_OFFERS)

    @property
    def due(self) -> float | None:
        """When time alone next brings something."""
        both = (self.tracker.due, self.notebook.due)
        return min((due for due in both if due is not None), default=None)

    def edit(self, change: Change, now: float) -> tuple[list[Signal], list[Pattern]]:
        """Follow an edit. Accepted text is told to the notebook before and after it."""
        signals = self.tracker.tick(now)
        self.notebook.exclude(self.tracker.accepted_spans())
        signals += self.tracker.edit(change, now)
        patterns = self.notebook.edit(change, now)
        self.notebook.exclude(self.tracker.accepted_spans())
        return signals, patterns

    def tick(self, now: float) -> tuple[list[Signal], list[Pattern]]:
        """What time alone has brought."""
        signals = self.tracker.tick(now)
        self.notebook.exclude(self.tracker.accepted_spans())
        return signals, self.notebook.tick(now)

    def close(self, now: float) -> tuple[list[Signal], list[Pattern]]:
        """The document closed."""
        signals, patterns = self.tick(now)
        return signals + self.tracker.close(now), patterns + self.notebook.close(now)


class Recorder:
    """One workspace's signals in one window; calls on the event loop, `drain` anywhere."""

    def __init__(self, window_id: str, clock: Callable[[], float]) -> None:
        self._window_id = window_id
        self._clock = clock
        self._open: dict[str, _Following] = {}
        self._owner: dict[str, str] = {}
        self._jobs: deque[tuple[Callable[[], Written], asyncio.Future[None]]] = deque()
        self._wake = asyncio.Event()
        self._store: Store | None = None
        self._rules: Rules | None = None
        self._worker: asyncio.Task[None] | None = None

    def attach(self, store: Store, rules: Rules) -> None:
        """Begin to write; what happened before is written first."""
        self._store, self._rules = store, rules
        self._worker = asyncio.create_task(self._work())

    # --- what happens -----------------------------------------------------------------

    def took(self, step: Step) -> bool:
        """Follow one step of a document; whether it inserted a suggestion's own words."""
        uri, now = step.document.uri, self._clock()
        if isinstance(step.event, Opened):
            if uri in self._open:
                self._forget(uri, now)
            self._open[uri] = _Following(step.document, self._window_id)
            return False
        following = self._open.get(uri)
        if following is None:
            return False
        following.document = step.document
        own_words = False
        if step.change is not None:
            own_words = _is_own_word(step.change, following.recent)
            self._write(following, *following.edit(step.change, now))
        if isinstance(step.event, Saved):
            self._write(following, following.tracker.saved(now))
        if isinstance(step.event, Closed):
            self._forget(uri, now)
        return own_words

    def offered(self, snapshot: Snapshot, offers: Sequence[Offer]) -> None:
        """Follow what was offered at a place; it takes the place of older offers."""
        following = self._open.get(snapshot.uri)
        if following is None or not offers:
            return
        now = self._clock()
        fresh = [o.suggestion for o in offers if o.suggestion.id not in following.suggestions]
        if fresh:
            document = following.document
            self._submit(lambda: self._store_offers(document, fresh))
        tracker = following.tracker
        signals = tracker.supersede(now, keep=[offer.suggestion.id for offer in offers])
        for offer in offers:
            suggestion = offer.suggestion
            following.suggestions[suggestion.id] = suggestion
            following.recent.append(suggestion.text)
            self._owner[suggestion.id] = snapshot.uri
            signals += tracker.offer(
                suggestion,
                snapshot.start,
                snapshot.end + offer.replace_right,
                now,
                lead=snapshot.pending,
            )
        self._write(following, signals)

    def suggestion(self, suggestion_id: str) -> Suggestion | None:
        """A suggestion that was offered in an open document."""
        following = self._followed(suggestion_id)
        return following.suggestions.get(suggestion_id) if following else None

    def shown(self, suggestion_id: str) -> None:
        """Reported: it is visible."""
        if following := self._followed(suggestion_id):
            self._write(following, following.tracker.shown(suggestion_id, self._clock()))

    def partially_accepted(self, suggestion_id: str, chars: int) -> None:
        """Reported: its first `chars` were taken."""
        if following := self._followed(suggestion_id):
            self._write(following, following.tracker.partial(suggestion_id, chars, self._clock()))

    async def accept(self, suggestion_id: str) -> str:
        """Reported: it was taken whole. "" once that is on disk, or why it is not."""
        following = self._followed(suggestion_id)
        if following is None:
            return "This suggestion is not followed any more."
        return await self._report(
            following, suggestion_id, following.tracker.accept(suggestion_id, self._clock())
        )

    async def dismiss(self, suggestion_id: str) -> str:
        """Reported: it was turned down. "" once that is on disk, or why it is not."""
        following = self._followed(suggestion_id)
        if following is None:
            return "This suggestion is not followed any more."
        return await self._report(
            following, suggestion_id, following.tracker.dismiss(suggestion_id, self._clock())
        )

    def moment(self, name: str) -> None:
        """Measure everything unsettled at a moment of the whole workspace, as a commit."""
        now = self._clock()
        for following in self._open.values():
            self._write(following, following.tracker.saved(now, name))

    def checked_out(self) -> None:
        """Another branch was checked out: nobody judged or wrote what that changes."""
        now = self._clock()
        for following in self._open.values():
            self._write(following, following.tracker.censor(now))
            following.notebook.discard()

    def tick(self) -> None:
        """Time has passed: settle what is due."""
        now = self._clock()
        for following in self._open.values():
            if following.due is not None and following.due <= now:
                self._write(following, *following.tick(now))

    def close_all(self) -> None:
        """The window closes: every document does."""
        for uri in tuple(self._open):
            self._forget(uri, self._clock())

    async def flush(self) -> None:
        """Return when everything up to now is on disk, or known not to be."""
        done = self._submit(lambda: [self._need_store().barrier()])
        try:
            await done
        except StoreError as error:
            log.warning("%s", error)

    def drain(self) -> None:
        """Submit what is queued without the loop; the store's close commits it."""
        while self._jobs:
            job, _ = self._jobs.popleft()
            job()

    # --- writing ----------------------------------------------------------------------

    def _forget(self, uri: str, now: float) -> None:
        following = self._open.pop(uri)
        self._write(following, *following.close(now))
        for suggestion_id in following.suggestions:
            self._owner.pop(suggestion_id, None)

    def _followed(self, suggestion_id: str) -> _Following | None:
        uri = self._owner.get(suggestion_id)
        return self._open.get(uri) if uri is not None else None

    async def _report(
        self, following: _Following, suggestion_id: str, signals: Sequence[Signal]
    ) -> str:
        done = self._write(following, signals)
        if not any(
            isinstance(signal, Transition) and signal.suggestion_id == suggestion_id
            for signal in signals
        ):
            return "This suggestion had ended before."
        rules = self._rules
        document = following.document
        if rules is not None:
            reason = await asyncio.to_thread(
                rules.why_not_stored, document.path, document.language
            )
            if reason:
                return reason
        try:
            if done is not None:
                await done
        except StoreError as error:
            return str(error)
        return ""

    def _write(
        self,
        following: _Following,
        signals: Sequence[Signal],
        patterns: Sequence[Pattern] = (),
    ) -> asyncio.Future[None] | None:
        if not signals and not patterns:
            return None
        document = following.document
        return self._submit(lambda: self._store_signals(document, signals, patterns))

    def _store_offers(self, document: Document, suggestions: Sequence[Suggestion]) -> Written:
        if not self._may_store(document):
            return []
        return [self._need_store().add_suggestions([self._storable(one) for one in suggestions])]

    def _store_signals(
        self, document: Document, signals: Sequence[Signal], patterns: Sequence[Pattern]
    ) -> Written:
        if not self._may_store(document):
            return []
        written = [self._store_signal(signal) for signal in signals]
        if patterns:
            storable = [self._storable_pattern(one) for one in patterns]
            written.append(self._need_store().add_patterns(storable))
        return written

    def _store_signal(self, signal: Signal) -> Future[None]:
        store, redact = self._need_store(), self._need_rules().redact
        if isinstance(signal, Transition):
            text = signal.accepted_text
            return store.set_state(
                signal.suggestion_id,
                signal.state,
                signal.at,
                signal.evidence,
                None if text is None else redact(text),
                signal.detail,
            )
        if isinstance(signal, Measurement):
            detail: dict[str, Any] = {
                "moment": signal.moment,
                "retained": signal.retained_chars,
                "accepted": signal.accepted_chars,
            }
            return store.add_event(signal.suggestion_id, "retained", signal.at, detail)
        return self._settle(signal)

    def _settle(self, signal: Settlement) -> Future[None]:
        return self._need_store().settle(
            signal.suggestion_id,
            signal.outcome,
            signal.retained_chars,
            self._need_rules().redact(signal.final_text),
            signal.at,
        )

    def _storable(self, suggestion: Suggestion) -> Suggestion:
        redact = self._need_rules().redact
        return msgspec.structs.replace(
            suggestion,
            prefix=redact(end_of(unify(suggestion.prefix))),
            suffix=redact(unify(suggestion.suffix[:SUFFIX_CHARS])),
            text=redact(unify(suggestion.text)),
        )

    def _storable_pattern(self, pattern: Pattern) -> Pattern:
        redact = self._need_rules().redact
        return msgspec.structs.replace(
            pattern,
            prefix=redact(unify(pattern.prefix)),
            suffix=redact(unify(pattern.suffix)),
            text=redact(unify(pattern.text)),
            replaced=redact(unify(pattern.replaced)),
        )

    def _may_store(self, document: Document) -> bool:
        return not self._need_rules().why_not_stored(document.path, document.language)

    def _need_store(self) -> Store:
        if self._store is None:
            raise StoreError("The signal store is not open.")
        return self._store

    def _need_rules(self) -> Rules:
        if self._rules is None:
            raise StoreError("The privacy rules are not read yet.")
        return self._rules

    # --- the queue --------------------------------------------------------------------

    def _submit(self, job: Callable[[], Written]) -> asyncio.Future[None]:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # A write that nobody waits for may fail without a word here: the store keeps it,
        # tries again and names the problem.
        done.add_done_callback(lambda future: future.cancelled() or future.exception())
        self._jobs.append((job, done))
        self._wake.set()
        return done

    async def _work(self) -> None:
        while True:
            while self._jobs:
                job, done = self._jobs.popleft()
                try:
                    written = await asyncio.to_thread(job)
                except Exception as error:
                    if not isinstance(error, StoreError):
                        log.error("A signal was not written", exc_info=error)
                    done.set_exception(StoreError(str(error)))
                    continue
                if written:
                    written[-1].add_done_callback(_Relay(done))
                else:
                    done.set_result(None)
            self._wake.clear()
            await self._wake.wait()


class _Relay:
    """Carries the end of a write from the store's thread to the loop."""

    def __init__(self, done: asyncio.Future[None]) -> None:
        self._done = done
        self._loop = done.get_loop()

    def __call__(self, written: Future[None]) -> None:
        try:
            self._loop.call_soon_threadsafe(self._settle, written.exception())
        except RuntimeError:  # The loop has closed; nobody waits any more.
            return

    def _settle(self, error: BaseException | None) -> None:
        if self._done.done():
            return
        if error is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(error)


def end_of(prefix: str) -> str:
    """The end of a prefix, cut where the prompt's line grid has a line: training then cuts
    at the same places as serving did."""
    if len(prefix) <= PREFIX_CHARS:
        return prefix
    cut = len(prefix) - PREFIX_CHARS
    lines_cut = prefix.count("\n", 0, cut)
    for _ in range(-lines_cut % GRID_LINES or GRID_LINES):
        newline = prefix.find("\n", cut)
        if newline < 0:
            return prefix[-PREFIX_CHARS:]
        cut = newline + 1
    return prefix[cut:]


def _is_own_word(change: Change, offered: Sequence[str]) -> bool:
    """Whether more than a keystroke of what was just inserted had been suggested."""
    return any(
        len(edit.text) > 1 and any(edit.text in text for text in offered)
        for edit in change.edits
    )
