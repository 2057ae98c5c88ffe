"""What was turned down in one workspace: heard from this window, read from the others.

Promises that what is turned down counts at once, that it is still known after a restart,
and that what another window or a command changed is seen at the next `refresh`. A rejection
that may not be stored (its file is private, its text holds a secret) counts in this window
alone. Calls on the event loop, but `written` and `is_declined`, which any thread may make.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from habitus_server.errors import StoreError
from habitus_server.outcomes import Signal
from habitus_server.records import Evidence, Outcome, Rejection, State, Suggestion
from habitus_server.rejections import (
    LOOK_BACK_CHARS,
    Rejections,
    Why,
    key_of,
    known_keys_of,
    place_of,
    strength,
)
from habitus_server.retention import Settlement
from habitus_server.transitions import Transition

if TYPE_CHECKING:
    from habitus_server.store import Store

log = logging.getLogger(__name__)

FADED = 0.05
"""Rejections of less strength are removed from the store when a window opens it."""
UNWRITTEN_KEPT = 512
_WANTED = (State.ACCEPTED, State.TYPED_THROUGH)
"""The whole text: who took a part may have turned the rest down."""


class Declined:
    """One workspace's rejections in one window."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._rejections = Rejections()
        self._unwritten: dict[str, Rejection] = {}
        self._seen_version = -1

    def is_declined(self, prefix: str, text: str, language: str) -> bool:
        """Whether a text at the end of a prefix was turned down, there or somewhere alike."""
        keys = known_keys_of(prefix[-LOOK_BACK_CHARS:], text, language)
        return self._rejections.hold(keys, self._clock())

    def texts_at(self, prefix: str) -> tuple[str, ...]:
        """What was turned down at the end of a prefix, as it would go on from there."""
        return self._rejections.texts_at(prefix, self._clock())

    def turn_down(self, suggestion: Suggestion, why: Why) -> Rejection:
        """Do not offer this again in such a place; returns what there is to store."""
        one = Rejection(
            key=key_of(suggestion.prefix, suggestion.text, suggestion.language),
            path=suggestion.path,
            language=suggestion.language,
            place=place_of(suggestion.prefix),
            text=suggestion.text,
            why=why.value,
            times=1,
            rejected_at=self._clock(),
        )
        held = self._rejections.add(one)
        if why is not Why.TYPED_OVER or held.why == why.value:
            self._unwritten[one.key] = held
        while len(self._unwritten) > UNWRITTEN_KEPT:
            del self._unwritten[next(iter(self._unwritten))]
        return held

    def hear(
        self,
        suggestions: Mapping[str, Suggestion],
        signals: Iterable[Signal],
    ) -> tuple[dict[str, Rejection], list[str]]:
        """What signals turn down, by suggestion, and the keys of what they allow again."""
        down: dict[str, Rejection] = {}
        allowed: list[str] = []
        for signal in signals:
            suggestion = suggestions.get(signal.suggestion_id)
            if suggestion is None:
                continue
            if isinstance(signal, Settlement) and signal.outcome is Outcome.REVERTED:
                down[suggestion.id] = self.turn_down(suggestion, Why.REVERTED)
            elif isinstance(signal, Transition) and signal.state in _WANTED:
                key = key_of(suggestion.prefix, suggestion.text, suggestion.language)
                if self._allow(key):
                    allowed.append(key)
            elif _is_typed_over(signal):
                self.turn_down(suggestion, Why.TYPED_OVER)
        return down, allowed

    def written(self, key: str) -> None:
        """A rejection is on disk: from now on the store says whether it stands."""
        self._unwritten.pop(key, None)

    async def refresh(self, store: Store) -> None:
        """Look at what is on disk, when it has changed."""
        unwritten = dict(self._unwritten)
        try:
            version = await asyncio.to_thread(store.data_version)
            if version == self._seen_version:
                return
            rows = await asyncio.to_thread(store.rejections)
        except StoreError as error:
            log.info("Rejections are as they were: %s", error)
            return
        if self._seen_version < 0:
            for one in rows:
                if strength(one, self._clock()) < FADED:
                    store.remove_rejection(one.key)
        self._seen_version = version
        self._rejections.replace([*({one.key: one for one in rows} | unwritten).values()])

    def _allow(self, key: str) -> bool:
        """Somebody took what had been turned down."""
        self._unwritten.pop(key, None)
        return self._rejections.remove(key)


def _is_typed_over(signal: Signal) -> bool:
    return (
        isinstance(signal, Transition)
        and signal.state is State.DISMISSED
        and signal.evidence is Evidence.INFERRED
    )
