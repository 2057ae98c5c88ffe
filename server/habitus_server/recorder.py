"""From what happens in the editor to rows of the store.

Promises that every edit and report reaches the pure rooms that judge it (`outcomes`,
`patterns`) with the time it happened at, and that an acceptance is answered only once it
is on disk. Rows are made and written by `scribe`.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

from habitus_server.declined import Declined
from habitus_server.errors import StoreError
from habitus_server.following import Following
from habitus_server.leaving import Departures
from habitus_server.offers import Offer
from habitus_server.outcomes import Signal
from habitus_server.records import Pattern, Suggestion
from habitus_server.rejections import Why
from habitus_server.scribe import Rules, Scribe
from habitus_server.session import Closed, Document, Opened, Saved, Snapshot, Step
from habitus_server.spans import TrackedSpan
from habitus_server.standing import Standing
from habitus_server.text import Change
from habitus_server.transitions import Transition

if TYPE_CHECKING:
    from habitus_server.store import Store


SUGGESTIONS_KEPT = 256
"""Each holds some thousand characters of its surroundings; past this, those of open documents
that are over are dropped, the oldest first."""

SILENCE_EVERY_S = 5.0
"""Typing on in silence is one request that got nothing, not one a keystroke."""


class Recorder:
    """One workspace's signals in one window; calls on the event loop, `drain` anywhere."""

    def __init__(
        self,
        window_id: str,
        clock: Callable[[], float],
        scribe: Scribe | None = None,
        declined: Declined | None = None,
    ) -> None:
        self._window_id = window_id
        self._clock = clock
        self._open: dict[str, Following] = {}
        self._departures = Departures()
        self._owner: dict[str, str] = {}
        self._scribe = scribe or Scribe()
        self._declined = declined or Declined(clock)
        self._silent_at = -math.inf

    def attach(self, store: Store, rules: Rules) -> None:
        """Begin to write; what happened before is written first."""
        self._scribe.attach(store, rules)

    # --- what happens -----------------------------------------------------------------

    def took(self, step: Step) -> bool:
        """Follow one step of a document; whether it inserted a suggestion's own words."""
        uri, now = step.document.uri, self._clock()
        if isinstance(step.event, Opened):
            self._opened(step.document, now)
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
            self._write(following, following.saved(now))
        if isinstance(step.event, Closed):
            self._departures.add(self._open.pop(uri), now)
        return own_words

    def offered(self, snapshot: Snapshot, offers: Sequence[Offer]) -> None:
        """Follow what was offered at a place; it takes the place of older offers."""
        following = self._open.get(snapshot.uri)
        if following is None or not offers:
            return
        now = self._clock()
        fresh = [o.suggestion for o in offers if o.suggestion.id not in following.suggestions]
        if fresh:
            self._scribe.offers(following.document, fresh)
        tracker = following.tracker
        signals = tracker.supersede(now, keep=[offer.suggestion.id for offer in offers])
        for offer in offers:
            suggestion = offer.suggestion
            following.remember(suggestion)
            self._owner.pop(suggestion.id, None)
            self._owner[suggestion.id] = snapshot.uri
            start, lead = _begin_of(offer, snapshot)
            end = snapshot.end + offer.replace_right
            signals += tracker.offer(suggestion, start, end, now, lead=lead)
        self._write(following, signals)
        self._forget_old()

    def silent(self, snapshot: Snapshot, adapter: str | None) -> None:
        """An adapter answered and nothing was offered; told every few seconds at most."""
        following, now = self._open.get(snapshot.uri), self._clock()
        if following is None or now - self._silent_at < SILENCE_EVERY_S:
            return
        self._silent_at = now
        self._scribe.note(
            following.document, lambda store: [store.add_silence(self._window_id, adapter, now)]
        )

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
        self.turn_down(suggestion_id, Why.DISMISSED)
        return await self._report(
            following, suggestion_id, following.tracker.dismiss(suggestion_id, self._clock())
        )

    def turn_down(self, suggestion_id: str, why: Why) -> None:
        """Somebody does not want to see this again in such a place."""
        following = self._followed(suggestion_id)
        if following and (suggestion := following.suggestions.get(suggestion_id)):
            rejection = self._declined.turn_down(suggestion, why)
            down = {suggestion_id: rejection}
            self._scribe.rejections(following.document, down, [], self._declined.written)

    def moment(self, name: str) -> None:
        """Measure everything unsettled at a moment of the whole workspace, as a commit."""
        now = self._clock()
        for following in self._open.values():
            self._write(following, following.tracker.saved(now, name))

    def spans(self, uri: str) -> dict[str, TrackedSpan]:
        """Where accepted suggestions stand in an open document, by their ids."""
        following = self._open.get(uri)
        return {} if following is None else following.tracker.accepted_spans()

    def standing(self, path: str) -> list[Standing]:
        """Which accepted suggestions stand in a file, settled or not, within the last day.

        In a file that is closed, as it was when it closed.
        """
        now = self._clock()
        found = [
            standing
            for following in self._open.values()
            if following.document.path == path
            for standing in following.tracker.standing(now)
        ]
        return found + self._departures.standing(path, now)

    def renamed(self, old_uri: str, new_uri: str, path: str) -> None:
        """The editor renamed a file; `path` is its new one."""
        now = self._clock()
        following = self._departures.rename(old_uri, new_uri, path, now)
        known = self._open.get(new_uri)
        if following is None:
            return
        if known is not None and not known.suggestions:
            self._go_on(following, known.document, now)
        else:
            self._departures.add(following, now)

    def changed_on_disk(self, paths: Iterable[str]) -> None:
        """Files have changed on disk, by a save or by another program."""
        now, changed = self._clock(), frozenset(paths)
        for following in self._open.values():
            if following.document.path in changed:
                following.changed_on_disk(now)

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
        for following, closed_at in self._departures.over(now):
            self._end(following, closed_at)

    def close_all(self) -> None:
        """The window closes: every document does."""
        now = self._clock()
        for following, closed_at in self._departures.over(float("inf")):
            self._end(following, closed_at)
        for uri in tuple(self._open):
            self._end(self._open.pop(uri), now)

    async def flush(self) -> None:
        """Return when everything up to now is on disk, or known not to be."""
        await self._scribe.flush()

    def drain(self) -> None:
        """Hand what is queued to the store without the loop."""
        self._scribe.drain()

    def _opened(self, document: Document, now: float) -> None:
        """A document opens: a new one, or one that was only away for a moment."""
        known = self._open.get(document.uri) or self._departures.returning(document)
        if known is None:
            tracker = self._departures.tracker_of(document, now)
            self._open[document.uri] = Following(document, self._window_id, tracker)
        else:
            self._go_on(known, document, now)

    def _go_on(self, following: Following, document: Document, now: float) -> None:
        """Follow a document under the name, and with the text, that it has now."""
        self._write(following, *following.take_up(document, now))
        self._open[document.uri] = following
        for suggestion_id in following.suggestions:
            self._owner[suggestion_id] = document.uri

    def _end(self, following: Following, now: float) -> None:
        """A document has closed for good."""
        self._write(following, *following.close(now))
        self._departures.bury(following, now)
        for suggestion_id in following.suggestions:
            self._owner.pop(suggestion_id, None)

    def _forget_old(self) -> None:
        """Drop what is over, the oldest first, while too many are kept."""
        excess = len(self._owner) - SUGGESTIONS_KEPT
        for suggestion_id, uri in list(self._owner.items()) if excess > 0 else ():
            following = self._open.get(uri)
            if excess > 0 and following is not None and following.forget(suggestion_id):
                del self._owner[suggestion_id]
                excess -= 1

    def _followed(self, suggestion_id: str) -> Following | None:
        uri = self._owner.get(suggestion_id)
        return self._open.get(uri) if uri is not None else None

    async def _report(
        self, following: Following, suggestion_id: str, signals: Sequence[Signal]
    ) -> str:
        done = self._write(following, signals)
        if not any(
            isinstance(signal, Transition) and signal.suggestion_id == suggestion_id
            for signal in signals
        ):
            return "This suggestion had ended before."
        if reason := await self._scribe.why_not_stored(following.document):
            return reason
        try:
            if done is not None:
                await asyncio.wrap_future(done)
        except StoreError as error:
            return str(error)
        return ""

    def _write(
        self,
        following: Following,
        signals: Sequence[Signal],
        patterns: Sequence[Pattern] = (),
    ) -> Future[None] | None:
        if not signals and not patterns:
            return None
        down, allowed = self._declined.hear(following.suggestions, signals)
        if down or allowed:
            self._scribe.rejections(following.document, down, allowed, self._declined.written)
        return self._scribe.signals(following.document, signals, patterns)


def _begin_of(offer: Offer, snapshot: Snapshot) -> tuple[int, str]:
    """Where a suggestion's text begins, and what of the editor's own popup comes before it.

    Its first letters may stand there already: an answer that came too late for the place it
    was asked for is offered when the user has typed on.
    """
    ahead = len(snapshot.pending) - offer.typed
    return snapshot.start + min(ahead, 0), snapshot.pending[: max(ahead, 0)]


def _is_own_word(change: Change, offered: Sequence[str]) -> bool:
    """Whether more than a keystroke of what was just inserted had been suggested."""
    return any(
        len(edit.text) > 1 and any(edit.text in text for text in offered) for edit in change.edits
    )
