"""What developers say themselves: ratings of suggestions, and decisions.

Promises that a judgement is answered once it is on disk, or with why it is not, that its words
are stored without secrets, and that the workspace's decision records are carried over when it
opens and when they change.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

import msgspec

from habitus_server.decision_files import DecisionFiles, is_record
from habitus_server.errors import StoreError
from habitus_server.outcomes import Signal
from habitus_server.records import Decision, Rating, State
from habitus_server.redaction import redact
from habitus_server.scribe import Scribe
from habitus_server.session import Document
from habitus_server.transitions import Transition

if TYPE_CHECKING:
    from habitus_server.store import Store
    from habitus_server.watcher import Burst

log = logging.getLogger(__name__)

_SEEN = (State.SHOWN, State.ACCEPTED, State.PARTIALLY_ACCEPTED, State.TYPED_THROUGH)


class Judgements:
    """One workspace's judgements; all calls on the event loop."""

    def __init__(self, clock: Callable[[], float], scribe: Scribe) -> None:
        self._clock = clock
        self._scribe = scribe
        self._store: Store | None = None
        self._files: DecisionFiles | None = None
        self._reading: set[asyncio.Task[None]] = set()
        self.last_seen = ""
        """The suggestion that was accepted, or known to be shown, last."""
        scribe.listen(self._heard)

    def attach(self, store: Store, files: DecisionFiles) -> None:
        """Begin to write, first of all what the decision records say."""
        self._store, self._files = store, files
        now = self._clock()
        self._read(lambda: files.read_all(now))

    def changed_on_disk(self, root: Path, burst: Burst) -> None:
        """Files have changed, decision records perhaps among them."""
        files, now = self._files, self._clock()
        if files is None:
            return
        if burst.is_many:
            self._read(lambda: files.read_all(now))
            return
        inside = (path for path in burst.paths if path.is_relative_to(root))
        records = [*filter(is_record, (path.relative_to(root).as_posix() for path in inside))]
        if records:
            self._read(lambda: files.read(records, now))

    async def flush(self) -> None:
        """Return when the decision records have been carried over."""
        await asyncio.gather(*self._reading)

    async def rate(self, suggestion_id: str, rating: Rating, word: str | None) -> str:
        """ "" once a rating is on disk, or why it is not."""
        if self._store is None:
            return "Nothing is recorded here."
        # The suggestion's own row may still be on its way.
        await self._scribe.flush()
        said = None if word is None else await asyncio.to_thread(redact, word)
        return await _done(self._store.rate(suggestion_id, rating, said, self._clock()))

    async def decide(self, decision: Decision) -> str:
        """ "" once a decision is on disk, or why it is not."""
        if self._store is None:
            return "Nothing is recorded here."
        storable = await asyncio.to_thread(without_secrets, decision)
        return await _done(self._store.add_decision(storable))

    async def conclude(self, decision_id: str, outcome: str) -> str:
        """ "" once what came of a decision is on disk, or why it is not."""
        store = self._store
        if store is None:
            return "Nothing is recorded here."
        known = await asyncio.to_thread(find_decision, store, decision_id)
        if known is None:
            return f"There is no decision `{decision_id}`; `habitus decisions` lists them."
        return await self.decide(
            msgspec.structs.replace(known, outcome=outcome, changed_at=self._clock())
        )

    def _read(self, reading: Callable[[], None]) -> None:
        async def read() -> None:
            try:
                await asyncio.to_thread(reading)
            except (StoreError, OSError) as error:
                log.warning("Decision records were not read: %s", error)

        task = asyncio.get_running_loop().create_task(read())
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    def _heard(self, document: Document, signals: Sequence[Signal]) -> None:
        for signal in signals:
            if isinstance(signal, Transition) and signal.state in _SEEN:
                self.last_seen = signal.suggestion_id


def new_decision(
    title: str,
    choice: str,
    at: float,
    *,
    problem: str = "",
    constraints: Sequence[str] = (),
    options: Sequence[str] = (),
    reason: str = "",
    path: str | None = None,
) -> Decision:
    """A decision as somebody tells it now."""
    return Decision(
        id=token_hex(8),
        origin="command",
        path=path,
        title=title,
        problem=problem,
        constraints=tuple(constraints),
        options=tuple(options),
        choice=choice,
        reason=reason,
        outcome="",
        decided_at=at,
        changed_at=at,
    )


def find_decision(store: Store, decision_id: str) -> Decision | None:
    """A decision by its id, or by the beginning of it that no other one shares."""
    found = [one for one in store.decisions() if one.id.startswith(decision_id)]
    return found[0] if len(found) == 1 and decision_id else None


def without_secrets(decision: Decision) -> Decision:
    """A decision as it may be stored."""
    return msgspec.structs.replace(
        decision,
        title=redact(decision.title),
        problem=redact(decision.problem),
        constraints=tuple(redact(one) for one in decision.constraints),
        options=tuple(redact(one) for one in decision.options),
        choice=redact(decision.choice),
        reason=redact(decision.reason),
        outcome=redact(decision.outcome),
    )


async def _done(written: Future[None]) -> str:
    try:
        await asyncio.wrap_future(written)
    except StoreError as error:
        return str(error)
    return ""
