"""How far Habitus' account of a session agrees with the user's.

Promises one verdict for every fate that a script noted down, and a table of them. Of the
suggestions that stand for one text, at most one may have been taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from editors.trace import Fate, Trace
from habitus_server.records import Outcome, State, SuggestionRow

TAKEN = (State.ACCEPTED, State.PARTIALLY_ACCEPTED, State.TYPED_THROUGH)
SILENT = (State.SUPERSEDED, State.EXPIRED, State.OFFERED, State.SHOWN)
"""States that say nothing of a suggestion's worth."""

Class = str


class Judged(msgspec.Struct, frozen=True):
    """A suggestion's true class beside the one that Habitus gave it."""

    trace: str
    truth: Class
    found: Class

    @property
    def is_untrue(self) -> bool:
        """Whether something was said, and it is not so; a censored outcome says nothing."""
        state = self.truth.partition(",")[0]
        return self.found not in (self.truth, NOTHING, f"{state}, {Outcome.CENSORED.value}")

    @property
    def is_missed(self) -> bool:
        """Whether nothing was said where there was something to know."""
        return self.found == NOTHING != self.truth


NOTHING: Class = "no verdict"


def judge(trace: Trace, rows: Sequence[SuggestionRow], *, with_reports: bool) -> list[Judged]:
    """Compare a trace's fates with the rows of its suggestions."""
    name = f"{trace.editor}/{trace.name}"
    own = [row for row in rows if row.suggestion.prefix == name]
    return [Judged(name, _truth(fate, with_reports), _found(fate, own)) for fate in trace.fates]


def class_of(state: State, outcome: Outcome | None) -> Class:
    """One word or two for what became of a suggestion."""
    if state in TAKEN:
        taken = state.value.replace("_", " ")
        return f"{taken}, {outcome.value}" if outcome else f"{taken}, unsettled"
    return NOTHING if state in SILENT else state.value


def _truth(fate: Fate, with_reports: bool) -> Class:
    if fate.seen is None or with_reports:
        return class_of(fate.state, fate.outcome)
    return class_of(*fate.seen)


def _found(fate: Fate, rows: Iterable[SuggestionRow]) -> Class:
    same = [row for row in rows if fate.text.endswith(row.suggestion.text)]
    classes = [class_of(row.state, row.outcome) for row in same]
    said = [one for one in classes if one != NOTHING]
    taken = [one for row, one in zip(same, classes, strict=True) if row.state in TAKEN]
    if len(taken) > 1:
        return "taken twice"
    if taken:
        return taken[0]
    return said[-1] if said else NOTHING


def table(judged: Sequence[Judged]) -> str:
    """A confusion table in Markdown: the truth by row, what Habitus says by column."""
    counts = Counter((one.truth, one.found) for one in judged)
    rows = sorted({one.truth for one in judged})
    columns = sorted({one.found for one in judged} | set(rows))
    lines = [
        "| truth \\ found | " + " | ".join(columns) + " |",
        "| --- |" + " ---: |" * len(columns),
    ]
    for truth in rows:
        cells = (str(counts[truth, found] or "·") for found in columns)
        lines.append(f"| {truth} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
