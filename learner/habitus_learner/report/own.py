"""The section about the user's own held-out lines, word for word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from habitus_learner.judged import Judged
from habitus_learner.report import words
from habitus_learner.report.blocks import case, empty, figure, numbers, section
from habitus_learner.report.facts import Report
from habitus_learner.report.markup import Markup, tag
from habitus_learner.report.plots import draw_places

MAX_TOLD, MAX_WRONG = 6, 2
"""Places shown word for word, and how many of them where the adapter became wrong."""

BESIDE = 3
"""Of these, how many stand beside the drawing."""


def own_lines(report: Report) -> Markup:
    """Held-out places of the newest version that has some."""
    title = "On your own later lines"
    newest = next((one for one in reversed(report.versions) if one.places), None)
    if newest is None:
        return section(
            title,
            "",
            empty(
                "Once a version is published, here will be lines that you wrote yourself, with "
                "what was suggested there before and what is suggested now."
            ),
        )
    places = newest.places
    right = [one for one in places if one.exact_after and not one.exact_before]
    wrong = [one for one in places if one.exact_before and not one.exact_after]
    note = (
        f"{words.count(len(places), 'line')} that {words.version(newest.name)} had never seen. "
        f"{words.sentence(words.count(len(right), 'line'))} became right that "
        f"{'was' if len(right) == 1 else 'were'} wrong before, {len(wrong)} the other way round."
    )
    drawn = figure(
        "Every line, before and after",
        "Below the diagonal a line costs less than before. Green became right, red became wrong.",
        draw_places(places, "Bits per character of each held-out line, before and after"),
        numbers(("file", "before", "after", "right"), _place_rows(places)),
    )
    told = _telling(right, wrong, places)
    beside, below = told[:BESIDE], told[BESIDE:]
    return section(
        title,
        note,
        tag("div", drawn, tag("div", *map(_case, beside), class_="cases"), class_="places"),
        tag("div", *map(_case, below), class_="cases"),
    )


def _place_rows(places: Sequence[Judged]) -> list[tuple[str, ...]]:
    return [
        (
            one.path,
            f"{one.bits_before / max(1, one.chars):.2f}",
            f"{one.bits_after / max(1, one.chars):.2f}",
            f"{'yes' if one.exact_before else 'no'} → {'yes' if one.exact_after else 'no'}",
        )
        for one in places
    ]


def _telling(
    right: Iterable[Judged], wrong: Iterable[Judged], places: Iterable[Judged]
) -> list[Judged]:
    """Where a line changed sides, the longest first; then where its bits changed most."""
    told = _longest(wrong, MAX_WRONG)
    told = [*_longest(right, MAX_TOLD - len(told)), *told]
    others = [one for one in places if one.written and one not in told]
    others.sort(key=lambda one: -abs(one.bits_before - one.bits_after))
    return [*told, *others[: MAX_TOLD - len(told)]]


def _longest(places: Iterable[Judged], most: int) -> list[Judged]:
    told = [one for one in places if one.written]
    return sorted(told, key=lambda one: -len(one.written))[:most]


def _case(one: Judged) -> Markup:
    return case(
        f"{one.path} · {one.bits_before:.0f} bits before, {one.bits_after:.0f} now",
        one.lead,
        (
            ("you wrote", one.written.strip("\n"), ""),
            ("before", one.before.strip("\n"), "right" if one.exact_before else "wrong"),
            ("now", one.after.strip("\n"), "right" if one.exact_after else "wrong"),
        ),
    )
