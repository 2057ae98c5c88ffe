"""The life of a suggestion, from the offer to its settlement.

Promises to say, for one document, what happened to each suggestion: from explicit reports
where the editor sends them, from the edits alone where it does not. Takes no clock, thread
or socket: time comes in with every call, in seconds that never run backwards, and what
follows from it comes out as values. Call `tick` when `due` says so.

    offered ──▶ shown ──▶ accepted ──────────────▶ settled: kept, edited,
       │          ├─────▶ partially_accepted ─────▶          reverted or censored
       │          ├─────▶ typed_through ──────────▶          (see `retention`)
       │          ├─────▶ dismissed     (reported, or typed over after it could be read)
       │          ├─────▶ superseded    (by a newer request, or another suggestion's text)
       └──────────┴─────▶ expired       (nothing happened for a while, or the file closed)

Inference, where the editor reports nothing:

1. A suggestion waits at a `GrowingSpan`. After each *notification* the text there is judged
   once (`verdicts`): popup menus insert and remove previews inside one notification.
2. A judgement is held until the place has been quiet for `HOLD_S`, because previews are
   also removed later. Edits elsewhere do not disturb it. Editing the text while it is held
   confirms it when at least half of it survives; otherwise it was a preview.
3. Complete with a leap (more than a keystroke at once) is accepted; by keystrokes alone it
   is typed through, unless the next key goes on with the same word. A proper prefix with a
   leap is a partial acceptance, which may grow.
4. Of several suggestions that one text completes, the one reported wins, then one still
   open, then the newest, then the lowest rank; the others are superseded.
5. Superseded suggestions are watched for `GRACE_S`, since an acceptance may be on its way.

An explicit report wins over inference, also afterwards: it takes back an inferred
acceptance of the same text or of another alternative.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from habitus_server.edits import reconcile
from habitus_server.lives import Life
from habitus_server.lumps import Lumps
from habitus_server.moves import Moves
from habitus_server.records import Evidence, Outcome, State, Suggestion
from habitus_server.retention import Accepted, Measurement, Settlement
from habitus_server.rivals import (
    came_back,
    gives_way,
    overlap,
    passed_by,
    preference,
    was_preview,
)
from habitus_server.spans import GrowingSpan, TrackedSpan
from habitus_server.standing import Shelf, Standing, standing_of
from habitus_server.text import Buffer, Change
from habitus_server.transitions import Moved, Transition
from habitus_server.verdicts import Kind

READ_S = 0.75
"""Typing over what was offered for less time than this says nothing about it."""
MAX_WATCHED = 64
"""Suggestions watched per document; past this the oldest expire."""

Signal = Transition | Measurement | Settlement | Moved


class Tracker:
    """The suggestions of one document.

    Every method first lets the time pass that has passed, then does its work, and returns
    all signals in order.
    """

    def __init__(self, buffer: Buffer) -> None:
        self._buffer = buffer
        self._lives: dict[str, Life] = {}
        self._shelf = Shelf()
        self._moves = Moves()
        self._lumps = Lumps()
        self._due = math.inf
        """No suggestion is due sooner: time passes several times a key, mostly for nothing."""

    @property
    def due(self) -> float | None:
        """When `tick` has something to say at the earliest; None while nothing is watched."""
        dues = [life.due() for life in self._lives.values()]
        if (horizon := self._shelf.due()) is not None:
            dues.append(horizon)
        return min(dues, default=None)

    def watches(self, suggestion_id: str) -> bool:
        """Whether anything can still become of a suggestion."""
        return suggestion_id in self._lives

    def accepted_spans(self) -> dict[str, TrackedSpan]:
        """Where accepted (not typed) text is now, by suggestion, settled or not."""
        spans = self._shelf.spans()
        for life in self._lives.values():
            if life.accepted and life.state is not State.TYPED_THROUGH:
                spans[life.id] = life.accepted.span
        return spans

    def standing(self, at: float) -> list[Standing]:
        """What stands of the suggestions that were accepted within the last day."""
        found = (standing_of(one, self._buffer, at) for one in self._followed())
        return [one for one in found if one is not None]

    def offer(
        self, suggestion: Suggestion, start: int, end: int, at: float, *, lead: str = ""
    ) -> list[Signal]:
        """Watch a suggestion that would put `lead` and its text in place of start to end.

        Offering a known id again (from the typed-through cache) changes nothing.
        """
        signals = self.tick(at)
        if suggestion.id in self._lives:
            return signals
        excess = max(0, len(self._lives) - MAX_WATCHED + 1)
        for old in list(self._lives.values())[:excess]:
            if old.accepted is None and old.awaited is None:
                signals += old.move_to(State.EXPIRED, at, detail={"why": "crowded out"})
                del self._lives[old.id]
        place = GrowingSpan(start, end)
        life = self._lives[suggestion.id] = Life(suggestion, place, self._buffer, lead, at)
        self._due = min(self._due, life.due())
        return signals

    def shown(self, suggestion_id: str, at: float) -> list[Signal]:
        """The editor reports that it shows a suggestion."""
        signals = self.tick(at)
        life = self._lives.get(suggestion_id)
        if life and (moved := life.move_to(State.SHOWN, at, Evidence.REPORTED)):
            life.seen_at = at
            signals += moved
        return signals

    def supersede(self, at: float, keep: Iterable[str] = ()) -> list[Signal]:
        """A newer request took the place of everything open but `keep`."""
        signals = self.tick(at)
        kept = frozenset(keep)
        self._due = at
        for life in self._lives.values():
            if life.is_open and life.id not in kept:
                life.is_outdated = True
                if life.held and life.held.kind is Kind.DIVERGED:
                    signals += self._typed_over(life, at)
        return signals + self.tick(at)

    def accept(self, suggestion_id: str, at: float) -> list[Signal]:
        """The editor reports that a suggestion was accepted as a whole."""
        life = self._lives.get(suggestion_id)
        return self.partial(suggestion_id, len(life.suggestion.text) if life else 0, at)

    def partial(self, suggestion_id: str, chars: int, at: float) -> list[Signal]:
        """The editor reports that the first `chars` code points have been accepted."""
        signals = self.tick(at)
        life = self._lives.get(suggestion_id)
        if life is None or chars <= 0:
            return signals
        chars = min(chars, len(life.suggestion.text))
        is_whole = chars == len(life.suggestion.text)
        state = State.ACCEPTED if is_whole else State.PARTIALLY_ACCEPTED
        if not life.can_become(state, chars):
            return signals
        self._due = -math.inf
        life.accept_reported(chars, self._buffer, at)
        if life.accepted:
            self._moves.disclaim(life.accepted.span)
        for other in self._lives.values():
            if other is not life and gives_way(other, life):
                signals += _retract(other, life, at)
        signals += life.move_to(state, at, Evidence.REPORTED)
        return signals + self._pass_over(life, at)

    def dismiss(self, suggestion_id: str, at: float) -> list[Signal]:
        """The editor reports that the user rejected a suggestion."""
        signals = self.tick(at)
        life = self._lives.get(suggestion_id)
        if life and (moved := life.move_to(State.DISMISSED, at, Evidence.REPORTED)):
            life.held = None
            self._due = -math.inf
            signals += moved
        return signals

    def edit(self, change: Change, at: float) -> list[Signal]:
        """One notification's edits, from the text as it was last seen."""
        signals = self.tick(at)
        self._take_in(change, at)
        may_be_typed = self._lumps.took(change, at)
        for life in self._lives.values():
            if life.observe(change, self._moves, at, may_be_typed=may_be_typed):
                signals += self._believe(life, at)
        self._due = self._soonest()
        signals += [Moved(one.suggestion_id, at) for one in self._followed() if one.take_move()]
        return signals

    def _take_in(self, change: Change, at: float) -> None:
        self._buffer = change.after
        self._moves.took(change, at)
        self._shelf.follow(change, self._moves, at)

    def _followed(self) -> Iterator[Accepted]:
        """Accepted text, settled or not."""
        yield from self._shelf
        yield from (life.accepted for life in self._lives.values() if life.accepted)

    def saved(self, at: float, moment: str = "saved") -> list[Signal]:
        """Measure what has a horizon ahead at a moment: a save, a test run, a commit."""
        signals = self.tick(at)
        signals += [
            one.accepted.measure(moment, at) for one in self._lives.values() if one.accepted
        ]
        return signals + self._shelf.measure(moment, at)

    def tick(self, at: float) -> list[Signal]:
        """Believe what has been held long enough, measure, settle and forget."""
        signals: list[Signal] = [*self._shelf.measure_due(at)]
        if at < self._due:
            return signals
        while ready := [life for life in self._lives.values() if at >= life.due()]:
            for life in sorted(ready, key=preference):
                if life.id in self._lives and at >= life.due():
                    signals += self._advance(life, at)
        self._due = self._soonest()
        return signals

    def censor(self, at: float) -> list[Signal]:
        """The text changed under the user (a branch switch): judge nothing by it."""
        return self._finish(at, "censored")

    def close(self, at: float) -> list[Signal]:
        """The document closed: what has not settled is censored, with what survives."""
        return [*self.saved(at, "closed"), *self._finish(at, "closed")]

    def reopen(self, buffer: Buffer, at: float) -> None:
        """The document is open again: find what has settled in the text as it is now."""
        edits = reconcile(self._buffer.text, buffer.text)
        self._take_in(Change(self._buffer, buffer, tuple(edits), is_rewrite=True), at)

    def moved(self, at: float) -> list[Signal]:
        """The document has another name: say so of all accepted text in it."""
        return [Moved(one.suggestion_id, at) for one in self._followed()]

    def disown(self, since: float) -> None:
        """Another program wrote the file: what changed by more than a key is nobody's."""
        self._due = -math.inf
        for life in self._lives.values():
            if life.accepted:
                life.accepted.disown(since)

    def _soonest(self) -> float:
        return min((life.due() for life in self._lives.values()), default=math.inf)

    def _advance(self, life: Life, at: float) -> list[Signal]:
        """What time alone brings for one suggestion."""
        if life.held:
            return self._believe(life, at)
        if life.awaited is not None:
            if life.search(self._buffer):
                return []
            del self._lives[life.id]
            return [_lost(life, at)]
        if life.accepted:
            return self._age(life, life.accepted, at)
        if life.is_outdated and life.is_open:
            return [*life.move_to(State.SUPERSEDED, at, detail={"why": "newer request"})]
        if life.is_open:
            return [*life.move_to(State.EXPIRED, at, detail={"why": "no reaction"})]
        del self._lives[life.id]
        return []

    def _age(self, life: Life, accepted: Accepted, at: float) -> list[Signal]:
        signals: list[Signal] = list(accepted.measure_due(at))
        settlement = accepted.settle_due(at)
        if settlement:
            signals.append(settlement)
            self._release(life, accepted, at)
            del self._lives[life.id]
        return signals

    def _release(self, life: Life, accepted: Accepted, at: float) -> None:
        self._shelf.put(accepted, by_hand=life.state is State.TYPED_THROUGH, at=at)

    def _believe(self, life: Life, at: float) -> list[Signal]:
        """A held judgement proved true: make it the suggestion's state."""
        held = life.held
        if held is None:
            return []
        if held.span is None:
            return self._typed_over(life, at)
        life.held = None
        state = life.meaning(held)
        if state is None:
            return []
        signals: list[Signal] = []
        for other in self._lives.values():
            if other is life or not other.accepted or not overlap(other.accepted.span, held.span):
                continue
            if other.accepted.at <= life.offered_at:
                if came_back(other.accepted, held.span):
                    return [*life.move_to(State.SUPERSEDED, at, detail=passed_by(life, other))]
                continue
            if not was_preview(other.accepted):
                return signals
            signals += _retract(other, life, at)
        life.believe(held, held.span)
        self._moves.disclaim(held.span)
        signals += life.move_to(state, at, Evidence.INFERRED, {"accepted_at": held.since})
        return signals + self._pass_over(life, at)

    def _pass_over(self, winner: Life, at: float) -> list[Signal]:
        """What was offered at the place of an accepted suggestion is over."""
        signals: list[Signal] = []
        for life in self._lives.values():
            if life is winner or not life.is_open:
                continue
            same = life.suggestion.request_id == winner.suggestion.request_id
            taken = winner.accepted.span if winner.accepted else winner.place
            if same or overlap(life.place, taken):
                life.held = None
                signals += life.move_to(State.SUPERSEDED, at, detail=passed_by(life, winner))
        return signals

    def _typed_over(self, life: Life, at: float) -> list[Signal]:
        """The user typed something else: a rejection, if there was time to read."""
        seen_s = (life.held.began if life.held else at) - life.seen_at
        life.held = None
        detail = {"why": "typed over", "seen_s": round(seen_s, 3)}
        if seen_s >= READ_S:
            return [*life.move_to(State.DISMISSED, at, Evidence.INFERRED, detail)]
        return [*life.move_to(State.SUPERSEDED, at, detail=detail)]

    def _finish(self, at: float, why: str) -> list[Signal]:
        """Believe complete texts that are held, censor what is unsettled, measure no more."""
        signals: list[Signal] = []
        for life in sorted(self._lives.values(), key=preference):
            if life.held and life.held.kind is Kind.COMPLETE:
                signals += self._believe(life, at)
            if life.accepted:
                signals.append(life.accepted.settle(Outcome.CENSORED, at))
                self._release(life, life.accepted, at)
            elif life.awaited is not None:
                signals.append(_lost(life, at))
            elif life.is_open:
                signals += life.move_to(State.EXPIRED, at, detail={"why": why})
        self._lives.clear()
        self._shelf.rest()
        return signals


def _retract(life: Life, winner: Life, at: float) -> list[Transition]:
    life.accepted = None
    return life.move_to(State.SUPERSEDED, at, detail=passed_by(life, winner))


def _lost(life: Life, at: float) -> Settlement:
    """The settlement of a reported acceptance whose text was never seen."""
    text = life.suggestion.text
    return Settlement(life.id, Outcome.CENSORED, 0, text, "", at, Evidence.REPORTED)
