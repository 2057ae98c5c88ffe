"""What checkers say about the open documents of one workspace, and what came of it.

Promises that a report about the present text reaches the document's `casebook`, whether the
editor forwards it or the `linter` made it (once an editor has spoken about a document it is
the only one heard there); that repairs are stored, and lowered when their symptom comes back;
and that a settled suggestion is stored with the diagnostics on its lines, when it was offered
and when it settled. Knows no protocol.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from habitus_server.casebook import Casebook
from habitus_server.diagnostics import Diagnostic
from habitus_server.edits import Edit
from habitus_server.errors import StoreError
from habitus_server.fixes import Fix
from habitus_server.following import RELOAD_S
from habitus_server.linter import Linter, WhyNot
from habitus_server.offers import Offer
from habitus_server.outcomes import Signal
from habitus_server.records import INSERTED, BugFix, Outcome
from habitus_server.repairs import DAY_S
from habitus_server.retention import Settlement
from habitus_server.scribe import Scribe, Written
from habitus_server.session import Closed, Document, Opened, Saved, Snapshot, Step
from habitus_server.spans import TrackedSpan
from habitus_server.storable import clean_fix
from habitus_server.transitions import Transition

if TYPE_CHECKING:
    from habitus_server.store import Store

log = logging.getLogger(__name__)

COUNTS_KEPT = 256

SpansOf = Callable[[str], Mapping[str, TrackedSpan]]
"""Where accepted suggestions stand in a document, by its URI."""


class _Visit:
    """One open document; `is_reported` once the editor itself says what is wrong in it.

    `counts` are the diagnostics on the lines of each suggestion when it was offered.
    """

    def __init__(self, document: Document, session: str) -> None:
        self.document = document
        self.book = Casebook(
            document.buffer, document.path, document.language, session, lambda: token_hex(8)
        )
        self.is_reported = False
        self.saved_at = -math.inf
        self.written_at = math.inf
        """When the file changed on disk, as long as that is not explained."""
        self.counts: OrderedDict[str, int | None] = OrderedDict()

    def tick(self, now: float) -> list[BugFix]:
        """What time alone has brought; a change on disk that no save explains disowns edits."""
        written_at = self.written_at
        if now >= written_at + RELOAD_S:
            self.written_at = math.inf
            if abs(self.saved_at - written_at) > RELOAD_S:
                self.book.disown(written_at - RELOAD_S, written_at + RELOAD_S)
        return self.book.tick(now) if self.book.due is not None else []


class Checkups:
    """One workspace's checkups in one window; all calls on the event loop."""

    def __init__(
        self,
        window_id: str,
        clock: Callable[[], float],
        scribe: Scribe,
        *,
        spans_of: SpansOf,
        is_paused: Callable[[], bool],
    ) -> None:
        self._window_id = window_id
        self._clock = clock
        self._scribe = scribe
        self._spans_of = spans_of
        self._is_paused = is_paused
        self._linter: Linter | None = None
        self._open: dict[str, _Visit] = {}
        self._recent: dict[str, BugFix] = {}
        """Repairs of the last day, by id."""
        scribe.listen(self._heard)

    async def attach(self, store: Store, folder: Path | None, why_not: WhyNot) -> None:
        """Remember what was repaired lately, whose symptoms may come back; begin to check.

        The checker runs in `folder`; without one, only the editor says what is wrong.
        """
        since = self._clock() - DAY_S
        try:
            fixes = await asyncio.to_thread(lambda: store.fixes(since=since))
        except StoreError as error:
            log.warning("%s", error)
            fixes = []
        for fix in fixes:
            self._recent.setdefault(fix.id, fix)
        self._linter = None if folder is None else Linter(folder, why_not, self.linted)
        for visit in self._open.values():
            visit.book.recall(self._repaired_in(visit.document.path))
            self._lint(visit)

    def close(self) -> None:
        """Stop checking."""
        if self._linter is not None:
            self._linter.close()

    # --- what happens -----------------------------------------------------------------

    def took(self, step: Step) -> None:
        """Follow one step of a document; call it before others draw conclusions from it."""
        uri, now = step.document.uri, self._clock()
        if isinstance(step.event, Opened):
            visit = self._open[uri] = _Visit(step.document, self._window_id)
            visit.book.recall(self._repaired_in(step.document.path))
            self._lint(visit)
            return
        known = self._open.get(uri)
        if known is None:
            return
        known.document = step.document
        if step.change is not None:
            self._write(known, known.book.edit(step.change, now))
            self._lint(known)
        if isinstance(step.event, Saved):
            known.book.saved()
            known.saved_at = now
        if isinstance(step.event, Closed):
            del self._open[uri]
            if self._linter is not None:
                self._linter.forget(uri)

    def reported(self, uri: str, diagnostics: Sequence[Diagnostic]) -> None:
        """The editor says what is wrong in a document, all of it."""
        visit = self._open.get(uri)
        if visit is None:
            return
        if not visit.is_reported:
            visit.is_reported = True
            visit.book.start_anew()
            if self._linter is not None:
                self._linter.forget(uri)
        self._write(visit, visit.book.report(diagnostics, self._clock()))

    def linted(self, document: Document, diagnostics: Sequence[Diagnostic]) -> None:
        """The background checker says what is wrong in a text."""
        visit = self._open.get(document.uri)
        # A text that has changed since is checked again anyway.
        if visit is None or visit.is_reported or visit.document.buffer is not document.buffer:
            return
        self._write(visit, visit.book.report(diagnostics, self._clock()))

    def offered(self, snapshot: Snapshot, offers: Sequence[Offer]) -> None:
        """Suggestions were offered at a place: count what is wrong there before them."""
        visit = self._open.get(snapshot.uri)
        if visit is None or visit.document.version != snapshot.version:
            return
        count = visit.book.count(snapshot.start, snapshot.end)
        for offer in offers:
            visit.counts.setdefault(offer.suggestion.id, count)
        while len(visit.counts) > COUNTS_KEPT:
            visit.counts.popitem(last=False)

    def fix_offered(self, snapshot: Snapshot, fixes: Sequence[Fix]) -> None:
        """Quick fixes were offered: the next edit may be one of them."""
        visit = self._open.get(snapshot.uri)
        if visit is not None and visit.document.version == snapshot.version:
            visit.book.offer([Edit(fix.start, fix.end, fix.text) for fix in fixes])

    def changed_on_disk(self, paths: Iterable[str]) -> None:
        """Files have changed on disk, by a save or by another program."""
        now, changed = self._clock(), frozenset(paths)
        for visit in self._open.values():
            if visit.document.path in changed:
                visit.written_at = now

    def discard(self) -> None:
        """Another branch was checked out: nobody repaired what that changes."""
        for visit in self._open.values():
            visit.book.discard()

    def tick(self) -> None:
        """Time has passed: tell what has stayed away."""
        now = self._clock()
        for visit in self._open.values():
            self._write(visit, visit.tick(now))

    # --- suggestions --------------------------------------------------------------------

    def _heard(self, document: Document, signals: Sequence[Signal]) -> None:
        visit = self._open.get(document.uri)
        if visit is None:
            return
        for signal in signals:
            if isinstance(signal, Transition) and signal.state in INSERTED:
                if span := self._spans_of(document.uri).get(signal.suggestion_id):
                    visit.book.credit(signal.suggestion_id, span.start, span.end)
            elif isinstance(signal, Settlement) and signal.outcome is not Outcome.CENSORED:
                self._settled(visit, signal)

    def _settled(self, visit: _Visit, signal: Settlement) -> None:
        before = visit.counts.pop(signal.suggestion_id, None)
        span = self._spans_of(visit.document.uri).get(signal.suggestion_id)
        after = None if span is None else visit.book.count(span.start, span.end)
        if self._is_paused() or (before is None and after is None):
            return
        self._scribe.note(
            visit.document,
            lambda store: [store.note_diagnostics(signal.suggestion_id, before, after, signal.at)],
        )

    # --- repairs ------------------------------------------------------------------------

    def _repaired_in(self, path: str) -> list[BugFix]:
        return [one for one in self._recent.values() if one.path == path]

    def _write(self, visit: _Visit, fixes: Sequence[BugFix]) -> None:
        for fix in fixes:
            self._recent[fix.id] = fix
        if fixes:
            since = self._clock() - DAY_S
            self._recent = {one.id: one for one in self._recent.values() if one.settled_at >= since}
        if fixes and not self._is_paused():
            self._scribe.note(visit.document, lambda store: _store(fixes, store))

    def _lint(self, visit: _Visit) -> None:
        if self._linter is not None and not visit.is_reported:
            self._linter.changed(visit.document)


def _store(fixes: Sequence[BugFix], store: Store) -> Written:
    """Write repairs; an earlier one that has been forgotten meanwhile stays forgotten."""
    returned = [fix.settled_at for fix in fixes if fix.recurrences]
    known = {one.id for one in store.fixes(since=min(returned))} if returned else set()
    return [
        store.add_fix(clean_fix(fix)) for fix in fixes if not fix.recurrences or fix.id in known
    ]
