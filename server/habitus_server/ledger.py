"""The repairs of one document, for as long as their symptoms may come back.

Promises each repair once, and the same one lowered for every recurrence (`repairs` says what
those are). Takes no clock, thread or file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from habitus_server.diagnostics import without_numbers
from habitus_server.records import BugFix
from habitus_server.repairs import (
    BY_HAND,
    DAY_S,
    UNDO,
    Repair,
    around,
    find_repair,
    lowered,
    stood_in,
    worth_of,
)
from habitus_server.symptoms import Symptom
from habitus_server.text import Buffer
from habitus_server.verdicts import squeeze
from habitus_server.worksite import Site

KEPT = 32
SAME_REPAIR_S = 60.0
"""Two checkers may name one mistake: what goes with the same repair is told once."""


class Ledger:
    """Repairs with where they stand; a place is None for those of earlier sessions."""

    def __init__(self, path: str, language: str, session: str, new_id: Callable[[], str]) -> None:
        self._path = path
        self._language = language
        self._session = session
        self._new_id = new_id
        self._fixed: list[tuple[BugFix, Site | None]] = []

    @property
    def sites(self) -> list[Site]:
        """Where repairs stand, to be moved along."""
        return [site for _, site in self._fixed if site is not None]

    def recall(self, fixes: Iterable[BugFix]) -> None:
        """Repairs of earlier sessions."""
        self._fixed = [*((fix, None) for fix in fixes), *self._fixed][-KEPT:]

    def repaired(self, symptom: Symptom, buffer: Buffer, at: float) -> list[BugFix]:
        """A symptom has stayed away: its repair, where there is one to tell."""
        repair = None if symptom.is_part else find_repair(buffer, symptom.site)
        if repair is None or self._was_told(repair, at):
            return []
        fix = self._fix(symptom, repair, buffer, at)
        self._fixed = [*self._fixed, (fix, symptom.site)][-KEPT:]
        return [fix]

    def returned(self, symptom: Symptom, buffer: Buffer, at: float) -> list[BugFix]:
        """A symptom is established: the earlier repairs that it has outlived, lowered."""
        line = buffer.line(buffer.line_at(symptom.start))
        found = []
        for index, (fix, site) in enumerate(self._fixed):
            key = (fix.source, fix.code, without_numbers(fix.message))
            if key != symptom.diagnostic.key or at - fix.fixed_at > DAY_S:
                continue
            if site.meets(symptom.site) if site is not None else stood_in(fix, line):
                self._fixed[index] = (lowered(fix), site)
                found.append(self._fixed[index][0])
        return found

    def _fix(self, symptom: Symptom, repair: Repair, buffer: Buffer, at: float) -> BugFix:
        diagnostic, cause = symptom.diagnostic, symptom.cause
        is_taken_back = cause is not None and squeeze(cause.was) == squeeze(cause.text(buffer))
        approach = UNDO if is_taken_back and symptom.approach == BY_HAND else symptom.approach
        prefix, suffix = around(buffer, repair)
        return BugFix(
            id=self._new_id(),
            path=self._path,
            language=self._language,
            source=diagnostic.source,
            code=diagnostic.code,
            message=diagnostic.message,
            severity=diagnostic.severity,
            prefix=prefix,
            suffix=suffix,
            before=repair.before,
            after=repair.after,
            approach=approach,
            session=self._session,
            appeared_at=symptom.appeared_at,
            fixed_at=symptom.gone_at,
            settled_at=at,
            recurrences=0,
            effectiveness=worth_of(diagnostic, repair, is_taken_back=is_taken_back),
        )

    def _was_told(self, repair: Repair, at: float) -> bool:
        return any(
            (fix.before, fix.after) == (repair.before, repair.after)
            and at - fix.settled_at <= SAME_REPAIR_S
            for fix, site in self._fixed
            if site is not None
        )
