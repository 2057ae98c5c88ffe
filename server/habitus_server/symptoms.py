"""The life of one diagnostic, from the report of a checker to its repair.

Promises that a symptom follows the edits of its document and knows how far it has come.
Takes no clock, thread or file: times come in as values that never run backwards.

    fresh ──▶ established ──▶ worked ──▶ gone ──▶ repaired
      │            │             ▲        │
      └─ dropped ◀─┘             └────────┘ reported again

- *fresh*: reported, but perhaps only because a line is half typed. It is established once
  it has stood for `STEADY_S` and its lines have been left: something was edited elsewhere,
  or nobody touched them for `LEFT_S` (`SAVED_S` where the file was saved meanwhile). One that
  goes before that leaves no trace: what comes and goes while a line is typed is no bug.
- *worked*: an edit changed its lines, its `Site`.
- *gone*: a report came without it. It is repaired once it has stayed away, and its lines have
  been left alone, for `QUIET_S`.
"""

from __future__ import annotations

import math
from enum import Enum

from habitus_server.diagnostics import Diagnostic
from habitus_server.edits import Edit
from habitus_server.repairs import BY_HAND
from habitus_server.text import Buffer
from habitus_server.worksite import Site

STEADY_S = 3.0
LEFT_S = 20.0
SAVED_S = 8.0
QUIET_S = 30.0
NEAR_LINES = 3
"""A symptom reported this near to where it was expected is still at its place."""


class Stage(Enum):
    """How far a symptom has come."""

    FRESH = "fresh"
    ESTABLISHED = "established"
    WORKED = "worked"
    GONE = "gone"


class Spot:
    """Lines that somebody edits, and when they were touched last."""

    def __init__(self, site: Site, touched_at: float) -> None:
        self.site = site
        self.touched_at = touched_at


class Symptom:
    """One diagnostic; `site` are the lines where it is, or was, worked on.

    `cause` are the lines whose editing brought it about. `is_part` says that it appeared
    where another one was being repaired, and belongs to that.
    """

    def __init__(
        self, diagnostic: Diagnostic, buffer: Buffer, at: float, spot: Spot | None, *, is_left: bool
    ) -> None:
        self.diagnostic = diagnostic
        self.start = diagnostic.start
        self.site = lines_of(diagnostic, buffer)
        self.stage = Stage.FRESH
        self.appeared_at = at
        self.touched_at = spot.touched_at if spot else -math.inf
        self.cause = spot.site.copy() if spot else None
        self.is_left = is_left
        self.is_saved = False
        self.is_part = False
        self.worked_at = self.gone_at = math.inf
        self.approach = BY_HAND

    @property
    def stands(self) -> bool:
        """Whether the last report had it."""
        return self.stage is not Stage.GONE

    @property
    def is_worked(self) -> bool:
        """Whether somebody has begun to repair it."""
        return self.stage in (Stage.WORKED, Stage.GONE)

    @property
    def due(self) -> float:
        """When time alone brings it further; never for what waits for an edit."""
        if self.stage is Stage.GONE:
            return max(self.gone_at, self.touched_at) + QUIET_S
        if self.stage is not Stage.FRESH:
            return math.inf
        steady_at = self.appeared_at + STEADY_S
        if self.is_left:
            return steady_at
        return max(steady_at, self.touched_at + (SAVED_S if self.is_saved else LEFT_S))

    def is_near(self, diagnostic: Diagnostic, buffer: Buffer) -> bool:
        """Whether a diagnostic is where this one is expected."""
        apart = buffer.line_at(self.start) - buffer.line_at(diagnostic.start)
        return abs(apart) <= NEAR_LINES or self.site.start <= diagnostic.start <= self.site.end

    def follow(self, buffer: Buffer, edit: Edit, at: float) -> None:
        """Move through one edit that somebody made; it is work when it changes these lines."""
        if not self._move(buffer, edit):
            self.is_left = True
            return
        self.touched_at = at
        if self.stage is Stage.FRESH:
            self.is_left = self.is_saved = False
        elif self.stage is Stage.ESTABLISHED:
            self.stage, self.worked_at = Stage.WORKED, at

    def carry(self, buffer: Buffer, edit: Edit) -> None:
        """Move through an edit that nobody made here, as a formatter's."""
        self._move(buffer, edit)

    def establish(self, buffer: Buffer) -> None:
        """It is no line half typed: from here on, edits of its lines are work on it."""
        self.stage = Stage.ESTABLISHED
        self.site.restart(buffer)

    def adopt(self, spot: Spot) -> None:
        """It was worked on elsewhere."""
        self.site, self.stage, self.worked_at = spot.site.copy(), Stage.WORKED, spot.touched_at

    def see(self, diagnostic: Diagnostic, buffer: Buffer) -> None:
        """A report has it still, or again."""
        self.diagnostic, self.start = diagnostic, diagnostic.start
        if self.stage is Stage.FRESH:
            self.site = lines_of(diagnostic, buffer)
        elif self.stage is Stage.GONE:
            self.stage = Stage.WORKED

    def lose(self, at: float) -> None:
        """A report came without it."""
        self.stage, self.gone_at = Stage.GONE, at

    def _move(self, buffer: Buffer, edit: Edit) -> bool:
        if edit.end <= self.start:
            self.start += edit.growth
        elif edit.start < self.start:
            self.start = edit.start
        if self.cause is not None:
            self.cause.follow(buffer, edit)
        # A line added below is work on what stands, and new code after what has gone.
        return self.site.follow(buffer, edit, takes_new_lines=self.stands)


def lines_of(diagnostic: Diagnostic, buffer: Buffer) -> Site:
    """The lines that a diagnostic is about.

    A text that ends too early is reported at its end: then its last line with anything on
    it counts too.
    """
    start = diagnostic.start
    line = buffer.line_at(start)
    while diagnostic.hides_others and line > 0 and not buffer.line(line).strip():
        line -= 1
        start = buffer.line_start(line)
    return Site(buffer, start, max(start, diagnostic.end))
