"""How suggestions were received, by adapter and by day.

Promises shares whose intervals resample whole episodes (a file on a day of a window), as
the statistics of examples do. A suggestion counts as shown and as taken where the lessons
say so. Pure: rows in, values out; the local day of a time is the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from habitus_learner.reactions import was_shown
from habitus_learner.report.facts import Day, Live
from habitus_learner.statistics import Interval, ratio_interval
from habitus_server.records import INSERTED, Outcome, SuggestionRow

_DAY_S = 86_400.0
_SEED = 0


def shown(rows: Iterable[SuggestionRow]) -> list[SuggestionRow]:
    """The suggestions that were there to be judged, in order of their offer."""
    return sorted(filter(was_shown, rows), key=lambda row: row.suggestion.offered_at)


def live(rows: Sequence[SuggestionRow], adapter: str | None) -> Live:
    """What became of shown suggestions, all of which are taken for this adapter's."""
    taken = [row for row in rows if row.state in INSERTED]
    judged = [row for row in taken if _is_judged(row)]
    over = [row for row in rows if row.state not in INSERTED or row.settled_at is not None]
    return Live(
        adapter=adapter,
        shown=len(rows),
        taken=len(taken),
        acceptance=_share(rows, lambda row: float(row.state in INSERTED), lambda _row: 1.0),
        retained=_share(judged, _retained_chars, _accepted_chars),
        settled=len(judged),
        chars_per_shown=_share(over, _retained_chars, lambda _row: 1.0),
    )


def by_adapter(rows: Sequence[SuggestionRow]) -> list[Live]:
    """The same for each adapter, in the order in which they first answered."""
    groups: dict[str | None, list[SuggestionRow]] = {}
    for row in rows:
        groups.setdefault(row.suggestion.adapter, []).append(row)
    return [live(group, adapter) for adapter, group in groups.items()]


def by_day(rows: Sequence[SuggestionRow], day_of: Callable[[float], str]) -> list[Day]:
    """What was shown, taken and kept on each day that something was shown on."""
    groups: dict[str, list[SuggestionRow]] = {}
    for row in rows:
        groups.setdefault(day_of(row.suggestion.offered_at), []).append(row)
    return [_day(date, group) for date, group in groups.items()]


def _day(date: str, rows: Sequence[SuggestionRow]) -> Day:
    taken = [row for row in rows if row.state in INSERTED]
    judged = [row for row in taken if _is_judged(row)]
    return Day(
        date=date,
        at=rows[0].suggestion.offered_at,
        shown=len(rows),
        taken=len(taken),
        accepted_chars=sum(int(_accepted_chars(row)) for row in judged),
        retained_chars=sum(int(_retained_chars(row)) for row in judged),
    )


def _is_judged(row: SuggestionRow) -> bool:
    """Whether somebody's edits, and no tool's, decided what became of accepted text."""
    return row.outcome is not None and row.outcome is not Outcome.CENSORED


def _retained_chars(row: SuggestionRow) -> float:
    return float(row.retained_chars or 0)


def _accepted_chars(row: SuggestionRow) -> float:
    return float(len(row.accepted_text or row.suggestion.text))


def _share(
    rows: Sequence[SuggestionRow],
    above: Callable[[SuggestionRow], float],
    below: Callable[[SuggestionRow], float],
) -> Interval:
    episodes = [
        (one.window, one.path, int(one.offered_at // _DAY_S))
        for one in (row.suggestion for row in rows)
    ]
    return ratio_interval([above(r) for r in rows], [below(r) for r in rows], episodes, seed=_SEED)
