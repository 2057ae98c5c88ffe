"""What becomes of accepted text, from its acceptance to its settlement.

Promises one `Accepted` value per suggestion that reached the buffer, settled once by stated
thresholds and measured at the horizons before and after (`standing`). Takes no clock: times
come in as values.

Settlement: at least `SETTLE_AFTER_S` after the acceptance, as soon as the text has been
left alone for `QUIET_S`; at the last horizon in any case. Then the text is

- kept      when it equals the accepted text but for what formatters change,
- reverted  when less than `REVERTED_BELOW` of its solid characters survive,
- edited    otherwise.

Rewrites of the whole document (formatters, reloads) are nobody's judgement: what they make
of kept text counts as kept, and text that they take away is censored.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from habitus_server.moves import PASTE_S, Cut, Moves, cut_by
from habitus_server.records import Evidence, Outcome
from habitus_server.spans import TrackedSpan
from habitus_server.text import Change
from habitus_server.verdicts import is_leap, squeeze, unify, without_layout

HORIZONS_S = (30.0, 120.0, 300.0, 600.0)
"""When retention is measured, counted from the acceptance."""
SETTLE_AFTER_S = HORIZONS_S[0]
QUIET_S = 10.0
REVERTED_BELOW = 0.25
SURVIVES_REWRITE = 0.5
"""The share of the surviving characters that a rewrite must leave to be followed."""


class Settlement(msgspec.Struct, frozen=True):
    """What became of a suggestion's text; line breaks are LF."""

    suggestion_id: str
    outcome: Outcome
    retained_chars: int
    accepted_text: str
    final_text: str
    at: float
    evidence: Evidence


class Measurement(msgspec.Struct, frozen=True):
    """How much of the accepted text stands at a moment ("30s", "saved", …)."""

    suggestion_id: str
    moment: str
    retained_chars: int
    accepted_chars: int
    at: float


class Accepted:
    """Accepted text on its way to settlement.

    `lead` counts characters at its start that were the user's own (a popup's pending
    word): they are followed, but reported in no text or count.
    """

    def __init__(
        self, suggestion_id: str, span: TrackedSpan, at: float, evidence: Evidence, lead: int = 0
    ) -> None:
        self.suggestion_id = suggestion_id
        self.span = span
        self.evidence = evidence
        self.at = at
        self._lead = lead
        self._touched_at = at
        self._leapt_at = at
        self._measured = 0
        self._baseline = without_layout(span.original)
        self._cut: Cut | None = None
        self._has_moved = False
        self._is_lost = False

    @property
    def accepted_text(self) -> str:
        """What reached the buffer."""
        return unify(self.span.original[self._lead :])

    @property
    def retained_chars(self) -> int:
        """How many accepted characters survive."""
        return len(unify(self.span.survivors_from(self._lead)))

    def follow(self, change: Change, moves: Moves, at: float) -> None:
        """Move through the edits of one notification, which `moves` has taken in."""
        before, span = self.span, self.span
        if self._cut is None and len(moves.strokes) == 1:
            edit = moves.strokes[0].edit
            if span.is_clear_of(edit):  # most texts, at most keys
                self.span = span.after(edit)
                return
        for stroke in moves.strokes:
            was, span = span, span.after(stroke.edit)
            if was.touches(stroke.edit):
                self._touched_at = self._touched_at if change.is_rewrite else at
                if len(stroke.removed) > 1 or is_leap(stroke.edit.text):
                    self._leapt_at = at
                self._cut = cut_by(stroke, was, span, at) or self._cut
        self.span = span
        if self._is_put_elsewhere(moves, at):
            self._has_moved = True
            return
        if change.is_rewrite and without_layout(before.text) == self._baseline:
            self._baseline = without_layout(span.text)
        if change.is_rewrite and span.retained < before.retained * SURVIVES_REWRITE:
            self._is_lost = True

    def _is_put_elsewhere(self, moves: Moves, at: float) -> bool:
        """Go where a cut text was put; lose it where that is in doubt."""
        cut = self._cut
        if cut is None:
            return False
        is_back = self.span.retained * 2 > cut.was.retained
        if is_back or at - cut.at > PASTE_S:
            self._cut = None
            return False
        start = moves.found(cut) if cut.is_whole else None
        if start is None:
            self._is_lost = self._is_lost or moves.is_doubtful(cut, self.span)
            return False
        self.span = msgspec.structs.replace(cut.was, start=start, history=())
        self._cut = None
        return True

    @property
    def is_lost(self) -> bool:
        """Whether it is unknown where the text went."""
        return self._is_lost

    def take_move(self) -> bool:
        """Whether the text was cut and pasted since this was asked last."""
        has_moved, self._has_moved = self._has_moved, False
        return has_moved

    @property
    def present_text(self) -> str:
        """What stands in its place now, as it stands there."""
        present, own = self.span.text, self.span.original[: self._lead]
        return present[len(own) :] if own and present.startswith(own) else present

    @property
    def final_text(self) -> str:
        """What stands in its place now; line breaks are LF."""
        return unify(self.present_text)

    def disown(self, since: float) -> None:
        """What more than a key changed since then was not the user's doing."""
        if self._leapt_at >= max(since, self.at) and self.outcome() is not Outcome.KEPT:
            self._is_lost = True

    def due(self) -> float:
        """When something next happens without an edit, until it settles."""
        if self._is_lost:
            return self._touched_at
        horizon = self.next_horizon()
        return self._settles_at if horizon is None else min(self._settles_at, horizon)

    def next_horizon(self) -> float | None:
        """When it is measured next, settled or not; None after the last horizon."""
        if self._measured == len(HORIZONS_S):
            return None
        return self.at + HORIZONS_S[self._measured]

    @property
    def _settles_at(self) -> float:
        rested_at = max(self.at + SETTLE_AFTER_S, self._touched_at + QUIET_S)
        if self._cut is not None:
            rested_at = max(rested_at, self._cut.at + PASTE_S)
        return min(rested_at, self.at + HORIZONS_S[-1])

    def measure_due(self, at: float) -> Iterator[Measurement]:
        """Measurements whose horizon has come."""
        while (horizon := self.next_horizon()) is not None and at >= horizon:
            moment = f"{HORIZONS_S[self._measured]:.0f}s"
            self._measured += 1
            yield self.measure(moment, at)

    def rest(self) -> None:
        """Leave out the horizons that are still to come."""
        self._measured = len(HORIZONS_S)

    def measure(self, moment: str, at: float) -> Measurement:
        """How much survives now."""
        return Measurement(
            self.suggestion_id, moment, self.retained_chars, len(self.accepted_text), at
        )

    def settle_due(self, at: float) -> Settlement | None:
        """The settlement, once it is due."""
        if self._is_lost:
            return self.settle(Outcome.CENSORED, at)
        return self.settle(self.outcome(), at) if at >= self._settles_at else None

    def outcome(self) -> Outcome:
        """What the text's present state would be called."""
        if without_layout(self.span.text) == self._baseline:
            return Outcome.KEPT
        solid = len(squeeze(self.span.original)) or 1
        if len(squeeze(self.span.survivors)) < REVERTED_BELOW * solid:
            return Outcome.REVERTED
        return Outcome.EDITED

    def settle(self, outcome: Outcome, at: float) -> Settlement:
        """The settlement with a given outcome."""
        return Settlement(
            self.suggestion_id,
            outcome,
            self.retained_chars,
            self.accepted_text,
            self.final_text,
            at,
            self.evidence,
        )
