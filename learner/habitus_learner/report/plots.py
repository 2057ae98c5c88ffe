"""The plots of measurements: before and after, intervals, places and counts.

Promises that every estimate is drawn with its interval, and labelled where it stands.
Knows facts and drawing, no store and no page.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import msgspec

from habitus_learner.judged import Judged
from habitus_learner.report import words
from habitus_learner.report.drawing import (
    NARROW,
    bar,
    dot,
    drawing,
    line,
    path,
    text,
    whisker,
)
from habitus_learner.report.markup import Markup, join, tag
from habitus_learner.report.scale import Scale, scale_around, scale_from_zero
from habitus_learner.statistics import Interval

_ROW = 36.0
_TOP = 18.0
_LABEL = 92.0
_RIGHT = 50.0
_PLACES = 440.0
"""The width of the plot of places."""


class Pair(msgspec.Struct, frozen=True):
    """A row of a before-and-after plot; `low` and `high` bound where "after" may lie."""

    label: str
    note: str
    before: float
    after: float
    low: float
    high: float
    is_taken: bool
    told: str


class Estimate(msgspec.Struct, frozen=True):
    """A row of an interval plot; `is_now` marks what serves."""

    label: str
    note: str
    interval: Interval
    told: str
    is_now: bool = False


class Drift(msgspec.Struct, frozen=True):
    """A row of the plot of general code; `share` is what it costs more."""

    label: str
    share: float
    is_taken: bool


def draw_pairs(
    pairs: Sequence[Pair],
    title: str,
    about: str,
    write: Callable[[float], str],
    *,
    from_zero: bool = False,
) -> Markup:
    """Before (hollow) to after (filled, with its interval), a row each."""
    values = [v for p in pairs for v in (p.before, p.after, p.low, p.high)]
    scale = scale_from_zero if from_zero else scale_around
    across = scale(values, _LABEL + 14, NARROW - _RIGHT)
    bottom = _TOP + _ROW * len(pairs)
    parts = [_axis(across, bottom, write)]
    for number, pair in enumerate(pairs):
        y = _TOP + _ROW * (number + 0.5)
        before, after = across.at(pair.before), across.at(pair.after)
        tone = "new" if pair.is_taken else "old"
        parts.append(_named(y, pair.label, pair.note))
        if math.isfinite(pair.low) and math.isfinite(pair.high) and pair.low != pair.high:
            parts.append(whisker(y, across.at(pair.low), across.at(pair.high), f"ci-{tone}"))
        parts.append(line(before, y, after, y, f"move-{tone}"))
        parts.append(dot(before, y, 5, "hollow", pair.told))
        parts.append(dot(after, y, 5.5, f"fill-{tone}", pair.told))
        parts.append(
            text(NARROW, y + 4, write(pair.after), class_=f"value key-{tone}", anchor="end")
        )
    return drawing(NARROW, bottom + 34, title, about, *parts)


def draw_estimates(
    rows: Sequence[Estimate], title: str, about: str, write: Callable[[float], str]
) -> Markup:
    """Estimates with their intervals, a row each, from zero on."""
    bounds = [v for row in rows for v in (row.interval.mean, row.interval.high) if math.isfinite(v)]
    across = scale_from_zero(bounds, _LABEL + 14, NARROW - _RIGHT)
    bottom = _TOP + _ROW * len(rows)
    parts = [_axis(across, bottom, write)]
    for number, row in enumerate(rows):
        y = _TOP + _ROW * (number + 0.5)
        tone = "new" if row.is_now else "old"
        one = row.interval
        parts.append(_named(y, row.label, row.note))
        if not one.clusters:
            parts.append(text(across.start, y + 4, "nothing settled yet", class_="tick"))
            continue
        is_bounded = math.isfinite(one.low)
        if is_bounded:
            parts.append(whisker(y, across.at(one.low), across.at(one.high), f"ci-{tone}"))
        # What nothing bounds is no estimate yet.
        class_ = f"fill-{tone}" if is_bounded else "hollow"
        parts.append(dot(across.at(one.mean), y, 5.5, class_, row.told))
        parts.append(text(NARROW, y + 4, write(one.mean), class_=f"value key-{tone}", anchor="end"))
    return drawing(NARROW, bottom + 34, title, about, *parts)


def draw_drift(rows: Sequence[Drift], tolerance: float, title: str) -> Markup:
    """How much more general code costs, against what is tolerated."""
    bounds = [0.0, 1.4 * tolerance, *(row.share for row in rows)]
    across = scale_around(bounds, _LABEL + 14, NARROW - _RIGHT)
    bottom = _TOP + _ROW * len(rows)
    zero, limit = across.at(0.0), across.at(tolerance)
    parts = [
        _axis(across, bottom, lambda value: f"{100 * value:+.2g}%" if value else "0"),
        line(zero, _TOP - 6, zero, bottom, "axis"),
        line(limit, _TOP - 6, limit, bottom, "limit"),
        text(limit + 4, _TOP - 2, "most allowed", class_="small key-bad"),
    ]
    for number, row in enumerate(rows):
        y = _TOP + _ROW * (number + 0.5)
        tone = "bad" if row.share > tolerance else "new" if row.is_taken else "old"
        x, share = across.at(row.share), f"{row.share:+.1%}"
        parts.append(text(0, y + 4, row.label))
        parts.append(line(zero, y, x, y, f"move-{tone}"))
        parts.append(dot(x, y, 5.5, f"fill-{tone}", f"{row.label}: {share}"))
        parts.append(text(NARROW, y + 4, share, class_=f"value key-{tone}", anchor="end"))
    return drawing(NARROW, bottom + 34, title, "less is better; zero is no change", *parts)


def draw_places(places: Sequence[Judged], title: str) -> Markup:
    """Every place in bits per character: to the right before, upwards after."""
    points = [
        (one, one.bits_before / max(1, one.chars), one.bits_after / max(1, one.chars))
        for one in places
    ]
    most = max((v for _, *both in points for v in both), default=0.0)
    top = Scale(0.0, max(1.0, math.ceil(2 * most) / 2), 46.0, _PLACES - 16)
    side = _PLACES - 62
    up = Scale(top.low, top.high, 12.0 + side, 12.0)
    parts = [
        tag(
            "path",
            d=f"M{top.start} {up.start}L{top.end} {up.end}L{top.end} {up.start}Z",
            class_="better",
        ),
        path([(top.start, up.start), (top.end, up.end)], "grid"),
    ]
    for value in top.ticks(4):
        parts.append(
            text(top.at(value), up.start + 18, f"{value:g}", class_="tick", anchor="middle")
        )
        if value and up.at(value) > up.end + 12:
            parts.append(text(38, up.at(value) + 4, f"{value:g}", class_="tick", anchor="end"))
    # Quiet ones first, so that what changed lies on top.
    for one, before, after in sorted(points, key=_is_changed):
        changed = one.exact_after - one.exact_before
        class_ = "fill-new" if changed > 0 else "fill-bad" if changed < 0 else "quiet"
        told = f"{one.path}: {before:.2f} bits per character before, {after:.2f} after"
        radius = 4.5 if changed else 3.0
        parts.append(dot(top.at(before), up.at(after), radius, class_, told))
    parts += [
        text(top.end - 8, up.start - 12, "cheaper now", class_="small key-new", anchor="end"),
        text(top.start + 10, up.end + 14, "dearer now", class_="small key-old"),
        text(top.end, up.start + 36, "bits per character before →", class_="tick", anchor="end"),
        text(0, 8, "↑ after", class_="tick"),
    ]
    better = sum(after < before for _, before, after in points)
    about = f"{better} of {words.count(len(points), 'place')} are cheaper with the adapter"
    return drawing(_PLACES, up.start + 44, title, about, *parts)


def draw_counts(counts: Mapping[str, int], title: str, *, class_: str = "fill-new") -> Markup:
    """Bars to the right, each under its name."""
    across = Scale(0.0, float(max([1, *counts.values()])), 0.0, NARROW)
    parts = []
    for number, (name, value) in enumerate(counts.items()):
        y = 40.0 * number
        told = f"{name}: {value:,}"
        parts.append(text(0, y + 13, _shortened(name)))
        parts.append(text(NARROW, y + 13, f"{value:,}", class_="value", anchor="end"))
        parts.append(bar(0, y + 20, NARROW, 6, "rest", rx=2))
        parts.append(bar(0, y + 20, max(2.0, across.at(value)), 6, class_, told, rx=2))
    about = ", ".join(f"{name} {value:,}" for name, value in counts.items())
    return drawing(NARROW, 40.0 * len(counts), title, about, *parts)


def _is_changed(point: tuple[Judged, float, float]) -> bool:
    return point[0].exact_before is not point[0].exact_after


def _named(y: float, label: str, note: str) -> Markup:
    return join(text(0, y, label), text(0, y + 14, note, class_="tick"))


def _axis(across: Scale, y: float, write: Callable[[float], str]) -> Markup:
    parts = []
    for value in across.ticks(4):
        x = across.at(value)
        parts.append(line(x, _TOP - 6, x, y, "grid"))
        parts.append(text(x, y + 18, write(value), class_="tick", anchor="middle"))
    return join(*parts)


def _shortened(name: str, most: int = 44) -> str:
    """A name's end, where a path says most."""
    return name if len(name) <= most else "…" + name[-most + 1 :]
