"""What happened since day one, drawn over time.

Promises every day's counts, in groups of days where a day would be too thin to see, and a
mark for every cycle that ended. Knows facts and drawing, no store and no page.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

import msgspec

from habitus_learner.report import words
from habitus_learner.report.drawing import NARROW, bar, cross, dot, drawing, line, path, text
from habitus_learner.report.facts import Day, Report, Verdict
from habitus_learner.report.markup import Markup, join, tag
from habitus_learner.report.scale import Calendar, Scale, calendar, scale_from_zero, spread
from habitus_server.records import CycleState

_DAY_S = 86_400.0
_SPANS = (1, 7, 14, 28, 56, 112)
"""Days that one bar may stand for."""

_LEFT, _RIGHT = 34.0, 12.0
_BARS = (40.0, 168.0)
_SHARE = (230.0, 300.0)
_CYCLES = 372.0
_HEIGHT = 410.0

STATE_WORDS = {
    CycleState.PUBLISHED: "published",
    CycleState.REJECTED: "not published",
    CycleState.WAITING: "waited for more",
    CycleState.FAILED: "failed",
    CycleState.ROLLED_BACK: "taken back",
    CycleState.RUNNING: "running",
}


class Group(msgspec.Struct, frozen=True):
    """Some days in a row, `first` the number of the first one since day one."""

    first: int
    days: int
    label: str
    shown: int
    taken: int
    accepted_chars: int
    retained_chars: int


def group_days(days: Sequence[Day], start: date, most: int) -> list[Group]:
    """Days in no more than about `most` groups of equal length, counted from `start`, which
    is no later than any; empty groups are left out."""
    if not days:
        return []
    dates = [date.fromisoformat(day.date) for day in days]
    length = (max(dates) - start).days + 1
    span = next((one for one in _SPANS if length <= one * most), math.ceil(length / most))
    found: dict[int, list[Day]] = {}
    for day, on in zip(days, dates, strict=True):
        found.setdefault((on - start).days // span, []).append(day)
    return [_group(start, number * span, span, found[number]) for number in sorted(found)]


def draw_timeline(report: Report, width: float) -> Markup:
    """Suggestions a day, what is still there of those that were taken, and the cycles."""
    ends = [one.at for one in report.verdicts]
    start = _midnight(min([*(day.at for day in report.days), *ends]))
    groups = group_days(report.days, _local(start).date(), round(width / 13))
    eventful = [0.0, 1.0, *((at - start) / _DAY_S for at in ends)]
    eventful += [float(group.first + n) for group in groups for n in (0, group.days)]
    across = calendar(eventful, _LEFT, width - _RIGHT)
    unit = f"{groups[0].days} days" if groups and groups[0].days > 1 else "day"
    return drawing(
        width,
        _HEIGHT,
        "What happened since day one",
        f"{words.count(report.overall.shown, 'suggestion')} shown, "
        f"{report.overall.taken:,} taken, {words.count(len(report.verdicts), 'verdict')}",
        _draw_bars(groups, across, f"a {unit}" if unit == "day" else f"in {unit}", width),
        _draw_shares(groups, across, width),
        _draw_cycles(report.verdicts, across, start, width),
        _draw_dates(across, start, width),
        class_="wide" if width > NARROW else "narrow",
    )


def _group(start: date, first: int, span: int, days: Sequence[Day]) -> Group:
    begin = start + timedelta(days=first)
    label = f"{begin.day} {begin:%b %Y}"
    if span > 1:
        label += f" and {words.count(span - 1, 'day')} after"
    return Group(
        first=first,
        days=span,
        label=label,
        shown=sum(day.shown for day in days),
        taken=sum(day.taken for day in days),
        accepted_chars=sum(day.accepted_chars for day in days),
        retained_chars=sum(day.retained_chars for day in days),
    )


def _draw_bars(groups: Sequence[Group], across: Calendar, unit: str, width: float) -> Markup:
    top, bottom = _BARS
    up = scale_from_zero([group.shown for group in groups], bottom, top)
    parts = [
        tag(
            "text",
            tag("tspan", f"Suggestions {unit}: "),
            tag("tspan", "shown", class_="key-shown"),
            ", ",
            tag("tspan", "taken", class_="key-new"),
            x=0.0,
            y=top - 22,
            class_="lane",
        )
    ]
    for value in up.ticks(3):
        y = up.at(value)
        parts.append(line(_LEFT, y, width - _RIGHT, y, "grid"))
        parts.append(text(_LEFT - 7, y + 4, f"{value:,.0f}", class_="tick", anchor="end"))
    for group in groups:
        left, right = across.at(group.first), across.at(group.first + group.days)
        gap = min(2.0, 0.2 * (right - left))
        told = f"{group.label}: {group.shown:,} shown, {group.taken:,} taken"
        wide = max(1.5, right - left - gap)
        for value, class_ in ((group.shown, "fill-shown"), (group.taken, "fill-new")):
            y = up.at(value)
            parts.append(bar(left, y, wide, bottom - y, class_, told, rx=1))
    return join(*parts)


def _draw_shares(groups: Sequence[Group], across: Calendar, width: float) -> Markup:
    top, bottom = _SHARE
    up = Scale(0.0, 1.0, bottom, top)
    parts = [text(0, top - 20, "Of the characters you took, still there", class_="lane")]
    for value in (0.0, 0.5, 1.0):
        y = up.at(value)
        parts.append(line(_LEFT, y, width - _RIGHT, y, "grid"))
        parts.append(text(_LEFT - 7, y + 4, f"{value:.0%}", class_="tick", anchor="end"))
    points = []
    dots = []
    most = max((group.accepted_chars for group in groups), default=0)
    for group in groups:
        if not group.accepted_chars:
            continue
        share = group.retained_chars / group.accepted_chars
        x, y = across.at(group.first + group.days / 2), up.at(share)
        told = (
            f"{group.label}: {words.percent(share)} of "
            f"{words.count(group.accepted_chars, 'character')}"
        )
        points.append((x, y))
        dots.append(dot(x, y, 2 + 3 * math.sqrt(group.accepted_chars / most), "fill-new", told))
    if len(points) > 1:
        parts.append(path(points, "thread"))
    return join(*parts, *dots)


def _draw_cycles(
    verdicts: Sequence[Verdict], across: Calendar, start: float, width: float
) -> Markup:
    y = _CYCLES
    parts = [
        text(0, y - 32, "Learning cycles", class_="lane"),
        line(_LEFT, y, width - _RIGHT, y, "axis"),
        *(_cut((across.at(first) + across.at(last)) / 2, y) for first, last in across.cuts),
    ]
    labels: list[tuple[float, str, str]] = []
    for one in verdicts:
        x = across.at((one.at - start) / _DAY_S)
        parts.append(_mark(one, x, y))
        if one.state is CycleState.PUBLISHED:
            labels.append((x, words.version(one.adapter).removeprefix("version "), "key-new"))
        elif one.state is CycleState.ROLLED_BACK and width > NARROW:
            labels.append((x, "taken back", "key-bad"))
    places = spread([x for x, _, _ in labels], [4.0 + 6.2 * len(label) for _, label, _ in labels])
    for (_x, label, class_), at in zip(labels, places, strict=True):
        parts.append(text(at, y - 9, label, class_=f"small {class_}", anchor="middle"))
    return join(*parts)


def _cut(x: float, y: float) -> Markup:
    """Two strokes where time is left out."""
    return join(
        bar(x - 4, y - 6, 8, 12, "paper", "nothing happened for a while"),
        line(x - 6, y + 5, x - 2, y - 5, "axis"),
        line(x + 2, y + 5, x + 6, y - 5, "axis"),
    )


def _mark(one: Verdict, x: float, y: float) -> Markup:
    about = f", {words.version(one.adapter)}" if one.adapter else ""
    told = f"{words.moment(one.at)}: {STATE_WORDS[one.state]}{about}. {one.sentence}"
    if one.state is CycleState.PUBLISHED:
        return dot(x, y, 5, "fill-new", told)
    if one.state is CycleState.ROLLED_BACK:
        return cross(x, y, 5, "stroke-bad", told)
    if one.state is CycleState.REJECTED:
        return dot(x, y, 4.5, "hollow", told)
    return dot(x, y, 2, "fill-old", told)


def _draw_dates(across: Calendar, start: float, width: float) -> Markup:
    """Where time was left out, it says when it goes on; elsewhere as there is room."""
    days = across.knots[-1][0]
    write = words.short_date if days < 100 else words.month
    goes_on = [(day, write(start + day * _DAY_S)) for _, day in across.cuts]
    parts = []
    taken: list[float] = []
    for day, label in [*goes_on, *_dates(start, days)]:
        x = across.at(day)
        at_end = x > width - 66
        left = x - 62 if at_end else x
        if across.is_cut(day) or any(abs(left - other) < 66 for other in taken):
            continue
        taken.append(left)
        parts.append(line(x, _CYCLES + 10, x, _CYCLES + 15, "axis"))
        parts.append(
            text(x, _CYCLES + 28, label, class_="tick", anchor="end" if at_end else "start")
        )
    return join(*parts)


def _dates(start: float, days: float) -> Iterator[tuple[float, str]]:
    """Days of an axis and their labels: day one, then first days of months, or days."""
    yield 0.0, words.short_date(start) if days < 100 else words.month(start)
    if days < 100:
        step = 1 if days < 10 else 7
        for number in range(step, math.ceil(days), step):
            yield float(number), words.short_date(start + number * _DAY_S + _DAY_S / 2)
        return
    when = _local(start)
    for number in range(1, math.ceil(days / 28) + 1):
        turn = when.month - 1 + number
        first = datetime(when.year + turn // 12, turn % 12 + 1, 1).astimezone()
        at = (first.timestamp() - start) / _DAY_S
        if at <= days:
            yield at, words.month(first.timestamp() + _DAY_S / 2)


def _midnight(at: float) -> float:
    return _local(at).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


def _local(at: float) -> datetime:
    return datetime.fromtimestamp(at).astimezone()
