"""Signals on their way to the store.

Promises that they are written in the order in which they arose, redacted on the way, and
that files which may not be stored leave no trace. Texts are redacted and cut in a thread;
the store does the SQL.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from habitus_server.errors import StoreError
from habitus_server.lull import Lull
from habitus_server.outcomes import Signal
from habitus_server.records import Pattern, Rejection, Suggestion
from habitus_server.retention import Measurement, Settlement
from habitus_server.session import Document
from habitus_server.storable import Cleaner
from habitus_server.transitions import Moved, Transition

if TYPE_CHECKING:
    from habitus_server.store import Store

log = logging.getLogger(__name__)

Written = list[Future[Any]]
Listener = Callable[[Document, Sequence[Signal]], None]


class Rules(Protocol):
    """What may be stored; called off the event loop."""

    def why_not_stored(self, path: str, language: str) -> str:
        """Why nothing of a file is stored, or ""."""


class Scribe:
    """One workspace's queue of writes; calls on the event loop, `drain` without it."""

    def __init__(self, lull: Lull | None = None) -> None:
        """Texts are redacted and cut in a `lull`."""
        self._lull = lull or Lull()
        self._jobs: deque[tuple[Callable[[], Written], Future[None]]] = deque()
        self._wake = asyncio.Event()
        self._store: Store | None = None
        self._rules: Rules | None = None
        self._clean = Cleaner()
        self._worker: asyncio.Task[None] | None = None
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Have someone told of every signal as it arises, on the loop."""
        self._listeners.append(listener)

    def attach(self, store: Store, rules: Rules) -> None:
        """Begin to write; what came before is written first."""
        self._store, self._rules = store, rules
        self._worker = asyncio.create_task(self._work())

    def offers(self, document: Document, suggestions: Sequence[Suggestion]) -> None:
        """Write what was offered in a document."""
        self._submit(lambda: self._store_offers(document, suggestions))

    def signals(
        self, document: Document, signals: Sequence[Signal], patterns: Sequence[Pattern]
    ) -> Future[None]:
        """Write what happened in a document; resolves when it is on disk."""
        for listener in self._listeners:
            listener(document, signals)
        return self._submit(lambda: self._store_signals(document, signals, patterns))

    def rejections(
        self,
        document: Document,
        down: Mapping[str, Rejection],
        allowed: Sequence[str],
        written: Callable[[str], None],
    ) -> None:
        """Write which suggestions were turned down and what is allowed again; `written` is
        called, in any thread, with the key of each rejection that is on disk."""
        self._submit(lambda: self._store_rejections(document, down, allowed, written))

    def note(self, document: Document, job: Callable[[Store], Written]) -> Future[None]:
        """Write something else about a document, in its turn; the job is done in a thread."""
        return self._submit(lambda: job(self._need_store()) if self._may_store(document) else [])

    async def why_not_stored(self, document: Document) -> str:
        """Why nothing of a document is stored, or ""."""
        rules = self._rules
        if rules is None:
            return ""
        return await asyncio.to_thread(rules.why_not_stored, document.path, document.language)

    async def flush(self) -> None:
        """Return when everything up to now is on disk, or known not to be."""
        done = self._submit(lambda: [self._need_store().barrier()])
        try:
            await asyncio.wrap_future(done)
        except StoreError as error:
            log.warning("%s", error)

    def drain(self) -> None:
        """Submit what is queued without the loop; the store's close commits it."""
        if self._store is not None:
            self._run_queued()

    # --- what a row holds -------------------------------------------------------------

    def _store_offers(self, document: Document, suggestions: Sequence[Suggestion]) -> Written:
        if not self._may_store(document):
            return []
        return [
            self._need_store().add_suggestions([self._clean.suggestion(one) for one in suggestions])
        ]

    def _store_signals(
        self, document: Document, signals: Sequence[Signal], patterns: Sequence[Pattern]
    ) -> Written:
        if not self._may_store(document):
            return []
        written = [self._store_signal(document, signal) for signal in signals]
        if patterns:
            storable = [self._clean.pattern(one) for one in patterns]
            written.append(self._need_store().add_patterns(storable))
        return written

    def _store_rejections(
        self,
        document: Document,
        down: Mapping[str, Rejection],
        allowed: Sequence[str],
        written: Callable[[str], None],
    ) -> Written:
        store = self._need_store()
        done: Written = [store.remove_rejection(key) for key in allowed]
        if not self._may_store(document):
            return done
        for suggestion_id, one in down.items():
            if (clean := self._clean.rejection(suggestion_id, one)) is not None:
                done.append(store.add_rejection(clean))
                done[-1].add_done_callback(partial(_tell, written, one.key))
        return done

    def _store_signal(self, document: Document, signal: Signal) -> Future[None]:
        store = self._need_store()
        if isinstance(signal, Transition):
            text = signal.accepted_text
            return store.set_state(
                signal.suggestion_id,
                signal.state,
                signal.at,
                signal.evidence,
                None if text is None else self._clean.text(signal.suggestion_id, text),
                signal.detail,
            )
        if isinstance(signal, Measurement):
            detail: dict[str, Any] = {
                "moment": signal.moment,
                "retained": signal.retained_chars,
                "accepted": signal.accepted_chars,
            }
            return store.add_event(signal.suggestion_id, "retained", signal.at, detail)
        if isinstance(signal, Moved):
            return store.note_move(signal.suggestion_id, document.path, signal.at)
        return self._settle(signal)

    def _settle(self, signal: Settlement) -> Future[None]:
        return self._need_store().settle(
            signal.suggestion_id,
            signal.outcome,
            signal.retained_chars,
            self._clean.text(signal.suggestion_id, signal.final_text),
            signal.at,
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

    def _submit(self, job: Callable[[], Written]) -> Future[None]:
        done: Future[None] = Future()
        self._jobs.append((job, done))
        self._wake.set()
        return done

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._lull.wait()
            # All that is queued in one visit to a thread: fast typing queues jobs faster
            # than a visit for each could take them.
            await asyncio.to_thread(self._run_queued)

    def _run_queued(self) -> None:
        while True:
            try:
                job, done = self._jobs.popleft()
            except IndexError:
                return
            _run(job, done)


def _run(job: Callable[[], Written], done: Future[None]) -> None:
    """Do a job; `done` ends with its last write.

    A write that nobody waits for may fail without a word here: the store keeps it, tries
    again and names the problem.
    """
    try:
        written = job()
    except Exception as error:
        if not isinstance(error, StoreError):
            log.error("A signal was not written", exc_info=error)
        done.set_exception(StoreError(str(error)))
        return
    if written:
        written[-1].add_done_callback(lambda last: _pass_on(last, done))
    else:
        done.set_result(None)


def _tell(written: Callable[[str], None], key: str, done: Future[None]) -> None:
    if done.exception() is None:
        written(key)


def _pass_on(written: Future[Any], done: Future[None]) -> None:
    error = written.exception()
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
