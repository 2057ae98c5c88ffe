"""One suggestion between its offer and the moment its text has come to rest.

Promises to follow the place where it would appear, to judge the text there once per
notification, and to hold a judgement until it can be believed. Which of several
suggestions a text belongs to is `outcomes`' matter.
"""

from __future__ import annotations

from typing import Any

import msgspec

from habitus_server.edits import Edit
from habitus_server.moves import Moves
from habitus_server.records import TAKEN, Evidence, State, Suggestion
from habitus_server.retention import Accepted
from habitus_server.spans import GrowingSpan, TrackedSpan, track
from habitus_server.text import MAX_SLIDE, Buffer, Change
from habitus_server.transitions import OPEN, TRANSITIONS, Transition
from habitus_server.verdicts import Kind, Verdict, is_leap, judge, raw_size, unify

HOLD_S = 1.0
"""How long a place must be quiet before a judgement is believed."""
GRACE_S = 10.0
"""How long suggestions that are over can still be reported, or found, accepted."""
AWAIT_S = 2.0
"""How long a reported acceptance waits for its text."""
EXPIRE_S = 600.0
"""How long a suggestion may stand unanswered; somebody may be reading it."""
MAX_LEAD = 200
"""Characters before the cursor that an edit may eat into without ending the watch."""
SEARCH_CHARS = 1_500
FAR_CHARS = max(MAX_LEAD, MAX_SLIDE) + 1
"""An edit this far from a place says nothing about it."""


class Held(msgspec.Struct):
    """A judgement that waits to be believed; `span` is the text that it found.

    `began` is when the text first went another way, while previews put `since` off.
    """

    kind: Kind
    since: float
    span: TrackedSpan | None = None
    began: float = 0.0


class Life:
    """One suggestion and everything known of it."""

    def __init__(
        self, suggestion: Suggestion, place: GrowingSpan, buffer: Buffer, lead: str, at: float
    ) -> None:
        self.suggestion = suggestion
        self.id = suggestion.id
        self.place = place
        self.lead = lead
        self.state = State.OFFERED
        self.state_at = at
        self.offered_at = at
        self.seen_at = at
        """Since when the user could read it: shown, or offered where nothing is reported."""
        self.held: Held | None = None
        self.accepted: Accepted | None = None
        self.awaited: int | None = None
        """How many characters of a reported acceptance have not been found yet."""
        self.is_outdated = False
        """Whether a newer request has come, although a judgement is still held."""
        self._active_at = at
        self._replaced = buffer.slice(place.start, place.end)
        self._before = buffer.slice(place.start - MAX_LEAD, place.start)
        self._eaten = 0
        self._has_leapt = False

    @property
    def is_open(self) -> bool:
        """Whether it may still be on the screen."""
        return self.state in OPEN

    @property
    def expected(self) -> str:
        """What would stand at the place."""
        return self.lead + self.suggestion.text

    def can_become(self, state: State, chars: int) -> bool:
        """Whether a report of this state, for so many characters, says anything new."""
        if state not in TRANSITIONS[self.state]:
            return False
        is_known = self.accepted is not None and self.accepted.evidence is Evidence.REPORTED
        known = len(self.accepted.accepted_text) if self.accepted else self.awaited
        return not is_known or self.state is not state or chars > (known or 0)

    def move_to(
        self,
        state: State,
        at: float,
        evidence: Evidence | None = None,
        detail: dict[str, Any] | None = None,
    ) -> list[Transition]:
        """The one place where a state changes; what the table lacks does not happen."""
        if state not in TRANSITIONS[self.state]:
            return []
        self.state = state
        self.state_at = at
        text = None
        if state in TAKEN:
            text = self.accepted.accepted_text if self.accepted else self._awaited_text()
        return [Transition(self.id, state, at, evidence, text, detail or {})]

    def due(self) -> float:
        """When time alone brings something next."""
        if self.held:
            return self.held.since + HOLD_S
        if self.awaited is not None:
            return self.state_at + AWAIT_S
        if self.accepted:
            return self.accepted.due()
        if self.is_open:
            return self.state_at if self.is_outdated else self._active_at + EXPIRE_S
        return self.state_at + GRACE_S

    def observe(self, change: Change, moves: Moves, at: float, *, may_be_typed: bool) -> bool:
        """Take in the edits of one notification; whether `held` is proved by them.

        `may_be_typed` says that several characters at once are no sign of an acceptance,
        unless they complete the text.
        """
        if self.accepted:
            self.accepted.follow(change, moves, at)
        if self._is_far_from(change):
            self._drift(change.edits[0])
            return False
        had_leapt = self._has_leapt
        was_touched, leapt = self._move(change)
        is_over = self.accepted is not None and self.state is not State.PARTIALLY_ACCEPTED
        held_touched = self._move_held(change)
        if is_over or not was_touched:
            return False
        verdict = self._judge(change.after)
        if may_be_typed and not had_leapt and verdict.kind is Kind.PARTIAL:
            self._has_leapt = leapt = False
            verdict = self._judge(change.after)
        if self.awaited is not None:
            self._find_awaited(change.after)
            return False
        if self.held and self.held.span:
            return self._recheck(
                self.held, self.held.span, held_touched, verdict, leapt, change, at
            )
        self._hold(verdict, leapt, change, at)
        return False

    def accept_reported(self, chars: int, buffer: Buffer, at: float) -> None:
        """Find the text of a reported acceptance, now or when it arrives."""
        size = len(self.lead) + chars
        held, self.held = self.held, None
        if self.accepted and len(self.accepted.accepted_text) >= size - len(self.lead):
            self.accepted.evidence = Evidence.REPORTED
            return
        since = self.accepted.at if self.accepted else at
        is_found = held is not None and held.kind is Kind.COMPLETE and size == len(self.expected)
        span = held.span if held and is_found else self._reported_span(buffer, size)
        if span is None:
            self.accepted, self.awaited = None, size
        else:
            self._accept(span, since, Evidence.REPORTED)

    def meaning(self, held: Held) -> State | None:
        """The state that a held judgement means, or None where it can no longer follow."""
        if held.kind is Kind.PARTIAL:
            state = State.PARTIALLY_ACCEPTED
        else:
            state = State.ACCEPTED if self._has_leapt else State.TYPED_THROUGH
        return state if state in TRANSITIONS[self.state] else None

    def believe(self, held: Held, span: TrackedSpan) -> None:
        """Take the text of a held judgement as the accepted one."""
        since = self.accepted.at if self.accepted else held.since
        self._accept(span, since, Evidence.INFERRED)

    def search(self, buffer: Buffer) -> bool:
        """Look for an awaited text around the place; found when it stands there once."""
        text = unify(self.expected[: self.awaited])
        start = max(0, self.place.start - SEARCH_CHARS)
        near = buffer.slice(start, self.place.end + SEARCH_CHARS)
        plain = unify(near)
        if not text or plain.count(text) != 1:
            return False
        low, high = (raw_size(near, plain.index(text) + n) for n in (0, len(text)))
        self._accept(track(start + low, near[low:high]), self.state_at, Evidence.REPORTED)
        return True

    def _awaited_text(self) -> str:
        return unify(self.expected[: self.awaited][len(self.lead) :])

    def _accept(self, span: TrackedSpan, at: float, evidence: Evidence) -> None:
        self.accepted = Accepted(self.id, span, at, evidence, len(self.lead))
        self.awaited = None

    def _is_far_from(self, change: Change) -> bool:
        """Whether a change is one edit that can do nothing here but move what is followed."""
        if len(change.edits) != 1:
            return False
        edit, place = change.edits[0], self.place
        if edit.end + FAR_CHARS > place.start and edit.start < place.end + FAR_CHARS:
            return False
        return self.held is None or self.held.span is None or self.held.span.is_clear_of(edit)

    def _drift(self, edit: Edit) -> None:
        """Follow the place through an edit far from it."""
        self.place = self.place.after(edit)
        if self.held and self.held.span:
            self.held.span = self.held.span.after(edit)

    def _move(self, change: Change) -> tuple[bool, bool]:
        """Follow the place; whether an edit touched it, and whether one was a leap."""
        touched = leapt = False
        for edit in self._edits_of(change):
            if self.place.touches(edit):
                touched = True
                leapt = leapt or is_leap(edit.text)
                self._eaten += max(0, self.place.start - edit.start)
            elif edit.end < self.place.start:
                known = self.place.start - edit.end
                self._before = self._before[-known:] if known else ""
            self.place = self.place.after(edit)
        self._has_leapt = self._has_leapt or leapt
        return touched, leapt

    def _edits_of(self, change: Change) -> tuple[Edit, ...]:
        """The edits; a single insertion that could as well have been at the place is there."""
        if len(change.edits) != 1 or self.place.touches(change.edits[0]):
            return change.edits
        slid = change.before.slide(change.edits[0], self.place.start)
        return (slid,) if self.place.touches(slid) else change.edits

    def _move_held(self, change: Change) -> bool:
        """Follow the text of a held judgement; whether it was touched."""
        touched = False
        if self.held and self.held.span:
            for edit in change.edits:
                touched = touched or self.held.span.touches(edit)
                self.held.span = self.held.span.after(edit)
        return touched

    def _judge(self, buffer: Buffer) -> Verdict:
        if self._eaten > len(self._before):
            return Verdict(Kind.DIVERGED)
        found = buffer.slice(self.place.start, self.place.end)
        own = self._own()
        verdict = judge(own + self.expected, found, own + self._replaced, self._has_leapt)
        if verdict.kind is Kind.UNTOUCHED or not found:
            self._has_leapt = False
        return verdict

    def _own(self) -> str:
        """What stood before the place where edits have reached in front of it."""
        return self._before[len(self._before) - self._eaten :] if self._eaten else ""

    def _recheck(
        self,
        held: Held,
        span: TrackedSpan,
        held_touched: bool,
        verdict: Verdict,
        leapt: bool,
        change: Change,
        at: float,
    ) -> bool:
        """Decide whether edits near a held text confirm, extend or refute the judgement."""
        if change.is_rewrite:
            return False
        if held_touched:
            if span.retained * 2 >= len(span.original):
                return True
            self.held = None
            self._hold(verdict, leapt, change, at)
            return False
        grew = leapt or verdict.kind is Kind.COMPLETE
        if held.kind is Kind.PARTIAL and verdict.size > len(span.original) and grew:
            self.held = None
            self._hold(verdict, leapt, change, at)
        elif not self._has_leapt and verdict.kind is Kind.DIVERGED:
            self.held = Held(Kind.DIVERGED, at, began=at)
        return False

    def _hold(self, verdict: Verdict, leapt: bool, change: Change, at: float) -> None:
        """Keep a judgement until the place is quiet."""
        kind = verdict.kind
        self._active_at = at
        if change.is_rewrite:
            return
        if kind is Kind.DIVERGED:
            # Menu previews are leaps: while the user browses, nothing is typed over.
            if self.is_open and (self.held is None or leapt):
                was_so = self.held is not None and self.held.kind is kind
                began = self.held.began if self.held and was_so else at
                self.held = Held(kind, at, began=began)
        elif kind in (Kind.UNTOUCHED, Kind.TYPING):
            self.held = None
        elif kind is Kind.COMPLETE or self.is_open or self._extends(verdict, leapt):
            self.held = Held(kind, at, self._found(change.after, verdict.size))

    def _extends(self, verdict: Verdict, leapt: bool) -> bool:
        """Whether another piece was accepted after a first one."""
        known = len(self.accepted.span.original) if self.accepted else verdict.size
        return leapt and verdict.size > known

    def _found(self, buffer: Buffer, size: int) -> TrackedSpan:
        """The first `size` characters of the place, but for what stood before it."""
        start = self.place.start + self._eaten
        return track(start, buffer.slice(start, self.place.start + size))

    def _reported_span(self, buffer: Buffer, size: int) -> TrackedSpan | None:
        """Text at the place that is the reported one, but for its indentation."""
        if self._eaten > len(self._before):
            return None
        found = buffer.slice(self.place.start, self.place.end)
        own = self._own()
        verdict = judge(own + self.expected[:size], found, own + self._replaced, True)
        return self._found(buffer, verdict.size) if verdict.kind is Kind.COMPLETE else None

    def _find_awaited(self, buffer: Buffer) -> None:
        span = self._reported_span(buffer, self.awaited or 0)
        if span is not None:
            self._accept(span, self.state_at, Evidence.REPORTED)
