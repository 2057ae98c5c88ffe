"""What is wrong in one document, and what was repaired there.

Promises a `BugFix` for each symptom that was worked on and then stayed away, and the same one
lowered when it comes back. Takes no clock, thread or file; call `tick` when `due` says so.
How far a symptom has come is told in `symptoms`, what a repair is worth in `repairs`.

A symptom is the same one when source, code and message agree (numbers aside) and it stands
near where edits have moved it; the same further away means that its line was moved. One that
goes was repaired by an edit of its lines. A name that nobody knew is also repaired elsewhere,
by an edit that introduces the name, as an import does.

None of these is a repair: a checker that falls silent (all of its symptoms go at once, and
not every one can be explained by an edit), a file that no longer parses (its checker sees
nothing else then), the rewrite of a whole document, what another program wrote to the file,
another branch, a file that closes.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from habitus_server.diagnostics import (
    OWN_SOURCE,
    WARNING,
    Diagnostic,
    is_unknown_name,
    quoted_names,
)
from habitus_server.edits import Edit
from habitus_server.ledger import Ledger
from habitus_server.records import BugFix
from habitus_server.repairs import CODE_ACTION
from habitus_server.symptoms import Spot, Stage, Symptom
from habitus_server.text import Buffer, Change
from habitus_server.verdicts import without_layout
from habitus_server.worksite import Site

MAX_SYMPTOMS = 100
MAX_SPOTS = 4
SPOT_S = 60.0
"""After this long without an edit, the next one begins something new."""

_NAME = re.compile(r"[^\W\d]\w*")


class Casebook:
    """The symptoms of one document."""

    def __init__(
        self, buffer: Buffer, path: str, language: str, session: str, new_id: Callable[[], str]
    ) -> None:
        self._buffer = buffer
        self._symptoms: list[Symptom] = []
        self._spots: list[Spot] = []
        """Where somebody has edited lately, the newest last."""
        self._ledger = Ledger(path, language, session, new_id)
        self._offered: tuple[Edit, ...] = ()
        self._is_checked = False

    @property
    def due(self) -> float | None:
        """When `tick` has something to do at the earliest."""
        due = min((one.due for one in self._symptoms), default=math.inf)
        return None if due == math.inf else due

    def count(self, start: int, end: int) -> int | None:
        """Errors and warnings on the lines of a stretch; None where no checker has spoken."""
        if not self._is_checked:
            return None
        lines = Site(self._buffer, start, end)
        return sum(
            1 for one in self._symptoms if one.stands and lines.start <= one.start <= lines.end
        )

    def recall(self, fixes: Iterable[BugFix]) -> None:
        """What was repaired in this file before: its symptoms may come back."""
        self._ledger.recall(fixes)

    # --- what happens -----------------------------------------------------------------

    def report(self, diagnostics: Sequence[Diagnostic], at: float) -> list[BugFix]:
        """All that the checkers say now; returns what had been repaired before."""
        fixes = self.tick(at)
        self._is_checked = True
        given = [
            one for one in diagnostics if one.severity <= WARNING and one.source != OWN_SOURCE
        ][:MAX_SYMPTOMS]
        matched, fresh = _match(self._symptoms, given)
        missing = []
        for index, one in enumerate(tuple(self._symptoms)):
            found = given[matched[index]] if index in matched else None
            if found is None:
                if one.stands:
                    missing.append(one)
            elif one.is_near(found, self._buffer):
                one.see(found, self._buffer)
            else:
                self._symptoms.remove(one)
                fresh.append(found)
        self._lose(missing, given, at)
        for diagnostic in fresh:
            self._appear(diagnostic, at)
        return fixes

    def edit(self, change: Change, at: float) -> list[BugFix]:
        """One notification's edits; returns what had been repaired before."""
        fixes = self.tick(at)
        is_offered = len(change.edits) == 1 and change.edits[0] in self._offered
        self._offered = ()
        if change.is_rewrite:
            self._rewrite(change)
        else:
            self._write(change, at)
        self._buffer = change.after
        if is_offered:
            for one in self._symptoms:
                if one.is_worked and one.touched_at == at:
                    one.approach = CODE_ACTION
        return fixes

    def offer(self, edits: Iterable[Edit]) -> None:
        """Fixes were offered: one of these very edits, made next, is a code action."""
        self._offered = tuple(self._buffer.trim(edit) for edit in edits)

    def credit(self, suggestion_id: str, start: int, end: int) -> None:
        """A suggestion was accepted, and its text stands here."""
        for one in self._symptoms:
            if one.is_worked and one.site.start <= end and start <= one.site.end:
                one.approach = f"suggestion:{suggestion_id}"

    def saved(self) -> None:
        """The file was saved."""
        for one in self._symptoms:
            one.is_saved = True

    def discard(self) -> None:
        """The text changed under the user (a branch switch): nobody wrote or repaired it."""
        self.start_anew()
        self._spots.clear()

    def start_anew(self) -> None:
        """Somebody else says from now on what is wrong."""
        self._symptoms.clear()
        self._is_checked = False

    def disown(self, since: float, until: float) -> None:
        """Another program wrote the file then: what was worked on meanwhile has no story."""
        self._symptoms = [one for one in self._symptoms if not since <= one.touched_at <= until]

    def tick(self, at: float) -> list[BugFix]:
        """What time alone has brought: repairs, and earlier ones whose symptom came back."""
        fixes = []
        for one in [one for one in self._symptoms if at >= one.due]:
            if one.stage is Stage.FRESH:
                one.establish(self._buffer)
                fixes += self._ledger.returned(one, self._buffer, at)
            elif self._has_follower(one):
                one.lose(at)
            else:
                self._symptoms.remove(one)
                fixes += self._ledger.repaired(one, self._buffer, at)
        return fixes

    # --- edits ------------------------------------------------------------------------

    def _write(self, change: Change, at: float) -> None:
        buffer = change.before
        for edit in change.edits:
            for one in self._symptoms:
                one.follow(buffer, edit, at)
            for site in self._ledger.sites:
                site.follow(buffer, edit)
            self._follow_spots(buffer, edit, at)
            buffer = buffer.apply(edit) if len(change.edits) > 1 else change.after

    def _rewrite(self, change: Change) -> None:
        """A formatter, or a file read anew: what it changed in earnest has no story any more."""
        before = {one: without_layout(one.site.text(change.before)) for one in self._symptoms}
        sites = [*(spot.site for spot in self._spots), *self._ledger.sites]
        buffer = change.before
        for edit in change.edits:
            for one in self._symptoms:
                one.carry(buffer, edit)
            for site in sites:
                site.follow(buffer, edit)
            buffer = buffer.apply(edit)
        self._symptoms = [
            one for one in self._symptoms if without_layout(one.site.text(buffer)) == before[one]
        ]
        for one in self._symptoms:
            if one.stage is Stage.ESTABLISHED:
                one.site.restart(buffer)

    def _follow_spots(self, buffer: Buffer, edit: Edit, at: float) -> None:
        touched = None
        for spot in self._spots:
            if not spot.site.follow(buffer, edit):
                continue
            touched = spot
        if touched is None or at - touched.touched_at > SPOT_S:
            self._spots = [spot for spot in self._spots if spot is not touched]
            touched = Spot(Site.of_edit(buffer, edit), at)
        else:
            self._spots.remove(touched)
        touched.touched_at = at
        self._spots = [*self._spots, touched][-MAX_SPOTS:]

    # --- reports ----------------------------------------------------------------------

    def _appear(self, diagnostic: Diagnostic, at: float) -> None:
        probe = Symptom(diagnostic, self._buffer, at, None, is_left=True)
        spot = next((s for s in reversed(self._spots) if s.site.meets(probe.site)), None)
        is_left = spot is None or spot is not self._spots[-1]
        one = Symptom(diagnostic, self._buffer, at, spot, is_left=is_left)
        one.is_part = any(self._is_follower(one, other) for other in self._symptoms)
        self._symptoms.append(one)

    def _lose(self, missing: Sequence[Symptom], given: Sequence[Diagnostic], at: float) -> None:
        hiding = {one.source for one in given if one.hides_others}
        speaking = {one.source for one in given}
        lost: defaultdict[str, list[Symptom]] = defaultdict(list)
        for one in missing:
            if one.diagnostic.source not in hiding:
                self._adopt(one)
                lost[one.diagnostic.source].append(one)
        for source, gone in lost.items():
            is_silent = source not in speaking and not all(map(self._is_explained, gone))
            for one in gone:
                if one.stage is Stage.WORKED and not is_silent:
                    one.lose(at)
                else:
                    self._symptoms.remove(one)

    def _adopt(self, one: Symptom) -> None:
        """Find the edit elsewhere that introduced a name which nobody knew."""
        message = one.diagnostic.message
        if one.stage is not Stage.ESTABLISHED or not is_unknown_name(message):
            return
        for spot in reversed(self._spots):
            come = _names(spot.site.text(self._buffer)) - _names(spot.site.was)
            if spot.touched_at >= one.appeared_at and quoted_names(message) & come:
                one.adopt(spot)
                return

    def _is_explained(self, one: Symptom) -> bool:
        """Whether an edit may have made a symptom go."""
        if one.stage is Stage.WORKED or (one.stage is Stage.FRESH and one.cause is not None):
            return True
        if one.diagnostic.hides_others and self._spots[-1:]:
            # Often reported a line or more behind the place that is wrong.
            return self._spots[-1].touched_at >= one.appeared_at
        edited = [_names(s.site.was) | _names(s.site.text(self._buffer)) for s in self._spots]
        return any(quoted_names(one.diagnostic.message) & names for names in edited)

    def _is_follower(self, one: Symptom, other: Symptom) -> bool:
        """Whether a symptom stands where another one is being repaired."""
        return (
            one is not other
            and other.is_worked
            and one.diagnostic.source == other.diagnostic.source
            and one.appeared_at >= other.worked_at
            and one.site.meets(other.site)
        )

    def _has_follower(self, one: Symptom) -> bool:
        return any(other.stands and self._is_follower(other, one) for other in self._symptoms)


def _match(
    symptoms: Sequence[Symptom], given: Sequence[Diagnostic]
) -> tuple[Mapping[int, int], list[Diagnostic]]:
    """Which symptom each diagnostic is (by indices), and those that are new.

    Of several that agree in name, the nearest go together first.
    """
    known: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
    for index, one in enumerate(symptoms):
        known[one.diagnostic.key].append(index)
    apart = sorted(
        (abs(symptoms[index].start - one.start), index, number)
        for number, one in enumerate(given)
        for index in known.get(one.key, ())
    )
    matched: dict[int, int] = {}
    taken: set[int] = set()
    for _, index, number in apart:
        if index not in matched and number not in taken:
            matched[index] = number
            taken.add(number)
    return matched, [one for number, one in enumerate(given) if number not in taken]


def _names(text: str) -> set[str]:
    return set(_NAME.findall(text))
