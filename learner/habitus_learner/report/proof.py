"""The sections that show whether it helped: over time, and by version."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from habitus_learner.gate import PROBE_TOLERANCE
from habitus_learner.report import words
from habitus_learner.report.blocks import empty, figure, grid, numbers, section, subhead
from habitus_learner.report.drawing import NARROW, WIDE
from habitus_learner.report.facts import Gate, Live, Report, Verdict, Version
from habitus_learner.report.markup import Markup, join, tag
from habitus_learner.report.plots import (
    Drift,
    Estimate,
    Pair,
    draw_drift,
    draw_estimates,
    draw_pairs,
)
from habitus_learner.report.timeline import STATE_WORDS, draw_timeline
from habitus_learner.statistics import Interval
from habitus_server.records import CycleState

Kind = tuple[str, str, Callable[[Live], Interval], Callable[[Live], str], Callable[[float], str]]
"""A plot of what became of suggestions: title, caption, estimate, its ground, and its words."""

MAX_ROWS = 10
"""Versions or cycles that one plot shows, the newest; the tables hold all."""

_FATES = {
    "serving": "serves",
    "kept": "kept",
    "taken back": "taken back",
    "made room": "made room",
    "forgotten": "forgotten",
}


def since_day_one(report: Report) -> Markup:
    """The timeline."""
    title = "Since day one"
    if not report.days and not report.verdicts:
        return section(
            title, "", empty("Here will be a bar for each day and a mark for each cycle.")
        )
    note = (
        "A filled dot is a version that was published, a ring one that did not prove better, "
        "a cross one that was taken back. Point at anything to read what it stands for."
    )
    rows = (
        (
            day.date,
            f"{day.shown:,}",
            f"{day.taken:,}",
            f"{day.accepted_chars:,}",
            f"{day.retained_chars:,}",
        )
        for day in report.days
    )
    heads = ("day", "shown", "taken", "characters taken and settled", "still there")
    drawn = join(draw_timeline(report, WIDE), draw_timeline(report, NARROW))
    return section(title, note, tag("figure", drawn, numbers(heads, rows)))


def versions(report: Report) -> Markup:
    """What each version was judged by, and how it fared."""
    title = "Each version, before and after"
    judged = [one for one in report.verdicts if one.gate is not None]
    if not judged:
        needs = report.needs
        return section(
            title,
            "",
            empty(
                f"No adapter has been judged yet. A cycle is due after {needs.examples} new "
                f"lessons, or {needs.wait_hours:.0f} hours after the first; "
                f"{report.lessons.waiting} are waiting. Here will be what each version gained."
            ),
            *_lived(report),
        )
    note = (
        "Before anything is published, it answers for lines that you wrote later by hand: the "
        "ring is what served until then, the dot is the candidate with its interval. Green "
        "ones were published."
    )
    taken_back = {one.name for one in report.versions if one.fate == "taken back"}
    plots = grid(*_measured(judged[-MAX_ROWS:], taken_back))
    return section(title, note, plots, *_lived(report))


def _measured(judged: Sequence[Verdict], taken_back: Collection[str]) -> list[Markup]:
    gates = [(one, one.gate) for one in judged if one.gate is not None]

    def note(one: Verdict, gate: Gate) -> str:
        is_back = one.adapter in taken_back
        return "taken back" if is_back else words.count(gate.places, "place")

    bits = draw_pairs(
        [_bits_pair(one, gate, note(one, gate)) for one, gate in gates],
        "Bits per character, before and after",
        "fewer is better",
        lambda value: f"{value:.2f}",
    )
    exact = draw_pairs(
        [_exact_pair(one, gate, note(one, gate)) for one, gate in gates],
        "Whole lines right, before and after",
        "more is better",
        words.percent,
        from_zero=True,
    )
    drift = draw_drift(
        [Drift(_label(one), gate.drift, one.state is CycleState.PUBLISHED) for one, gate in gates],
        PROBE_TOLERANCE,
        "How much more general code costs",
    )
    heads = ("", "ended", "places", "episodes", "before", "after", "gain", "exact", "general code")
    rows = [
        (
            f"{_label(one)}, {STATE_WORDS[one.state]}",
            words.moment(one.at),
            str(gate.places),
            str(gate.episodes),
            f"{gate.bits_before:.3f}",
            f"{gate.bits_after:.3f}",
            words.decimals(gate.gain, 3),
            f"{gate.exact_before:.1%} → {gate.exact_after:.1%}",
            f"{gate.drift:+.1%}",
        )
        for one, gate in gates
    ]
    return [
        figure("Bits per character", "Fewer is better.", bits, numbers(heads, rows)),
        figure("Whole lines right", "More is better.", exact),
        figure(
            "Code of other projects",
            "Must not cost more than before.",
            drift,
        ),
    ]


def _bits_pair(one: Verdict, gate: Gate, note: str) -> Pair:
    told = (
        f"{_label(one)}: {gate.bits_after:.3f} instead of {gate.bits_before:.3f} bits per "
        f"character, gain {words.decimals(gate.gain, 3)}"
    )
    return Pair(
        label=_label(one),
        note=note,
        before=gate.bits_before,
        after=gate.bits_after,
        low=gate.bits_before - gate.gain.high,
        high=gate.bits_before - gate.gain.low,
        is_taken=one.state is CycleState.PUBLISHED,
        told=told,
    )


def _exact_pair(one: Verdict, gate: Gate, note: str) -> Pair:
    return Pair(
        label=_label(one),
        note=note,
        before=gate.exact_before,
        after=gate.exact_after,
        low=gate.exact_before + gate.exact_gain.low,
        high=gate.exact_before + gate.exact_gain.high,
        is_taken=one.state is CycleState.PUBLISHED,
        told=f"{_label(one)}: {gate.exact_after:.1%} instead of {gate.exact_before:.1%}",
    )


def _label(one: Verdict) -> str:
    if one.adapter is not None:
        return words.version(one.adapter)
    return words.short_date(one.at)


def _lived(report: Report) -> list[Markup]:
    """How each version fared afterwards."""
    lives = report.by_adapter[-MAX_ROWS:]
    if not lives:
        return []
    kinds: list[Kind] = [
        ("Taken", "Of the suggestions shown.", lambda one: one.acceptance, _shown, words.percent),
        (
            "Still there",
            "Of the characters that you took.",
            lambda one: one.retained,
            lambda one: f"{one.settled:,} settled",
            words.percent,
        ),
        (
            "Left behind",
            "Characters of each suggestion shown.",
            lambda one: one.chars_per_shown,
            _shown,
            lambda value: f"{value:g}" if value == round(value) else f"{value:.1f}",
        ),
    ]
    figures = []
    for title, caption, of, note, write in kinds:
        estimates = [
            Estimate(
                label=words.version(one.adapter),
                note=note(one),
                interval=of(one),
                told=f"{words.version(one.adapter)}, {words.count(one.shown, 'suggestion')} shown",
                is_now=one.adapter == report.serving,
            )
            for one in lives
        ]
        figures.append(figure(title, caption, draw_estimates(estimates, title, caption, write)))
    heads = ("", "fate", "shown", "taken", "taken", "settled", "still there", "characters left")
    rows = _life_rows(report.by_adapter, report.versions)
    return [
        subhead(
            "And then, in your editor",
            "What became of the suggestions of each version. Days differ, so versions that "
            "served on different days are no experiment; the comparison above is one.",
        ),
        grid(*figures),
        numbers(heads, rows),
    ]


def _shown(one: Live) -> str:
    return f"{one.shown:,} shown"


def _life_rows(lives: Iterable[Live], known: Sequence[Version]) -> list[tuple[str, ...]]:
    fates = {one.name: _FATES[one.fate] for one in known}
    return [
        (
            words.version(one.adapter),
            fates.get(one.adapter or "", ""),
            f"{one.shown:,}",
            f"{one.taken:,}",
            words.percents(one.acceptance),
            f"{one.settled:,}",
            words.percents(one.retained),
            words.decimals(one.chars_per_shown),
        )
        for one in lives
    ]
