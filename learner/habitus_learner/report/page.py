"""The whole page of a report.

Promises one HTML file that needs nothing else: no script, no font and no picture from
anywhere. Everything that is told comes escaped through `markup`.
"""

from __future__ import annotations

import math

from habitus_learner.report import words
from habitus_learner.report.facts import Needs, Report, Version
from habitus_learner.report.learned import learned_from, turned_down
from habitus_learner.report.log import every_verdict, forgotten
from habitus_learner.report.markup import Markup, join, tag
from habitus_learner.report.own import own_lines
from habitus_learner.report.proof import since_day_one, versions
from habitus_learner.report.style import STYLE
from habitus_learner.statistics import Interval

TITLE = "What I learned"


def write_page(report: Report) -> str:
    """The page as HTML."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", f"{TITLE}: {report.name}"),
        tag("style", Markup(STYLE)),
    )
    main = tag(
        "main",
        _header(report),
        since_day_one(report),
        versions(report),
        own_lines(report),
        learned_from(report),
        turned_down(report),
        every_verdict(report),
        forgotten(report),
    )
    page = tag("html", head, tag("body", main, _footer()), lang="en")
    return f"<!doctype html>\n{page}\n"


def headline(report: Report) -> str:
    """What a reader should know who reads one sentence only."""
    if report.since is None:
        return (
            "This is day one: nothing has been watched yet. Open this folder in an editor "
            "with Habitus, and write."
        )
    overall = report.overall
    said = (
        f"Since {words.date(report.since)} Habitus has shown you "
        f"{words.count(overall.shown, 'suggestion')}"
    )
    if overall.retained.clusters:
        said += (
            f"; of what you took, {words.percent(overall.retained.mean)} of the characters "
            "are still there"
        )
    return f"{said}. {_who_serves(report)}"


def _who_serves(report: Report) -> str:
    serving = _serving(report)
    if serving is None:
        if any(version.fate == "taken back" for version in report.versions):
            return "Base weights serve again: what was learned did not prove itself."
        return f"Base weights serve. {_what_is_missing(report)}"
    named = words.sentence(words.version(serving.name))
    if serving.gate is None:
        return f"{named} serves."
    return (
        f"{named} serves: on your own later lines it needed {serving.gate.bits_after:.2f} bits "
        f"per character instead of {serving.gate.bits_before:.2f}."
    )


def _what_is_missing(report: Report) -> str:
    needs, lessons = report.needs, report.lessons
    if lessons.by_hand < needs.places or lessons.episodes < needs.episodes:
        return (
            f"An adapter can be judged once you have written by hand in {needs.places} places "
            f"of {needs.episodes} files or sessions; so far there are {lessons.by_hand} "
            f"in {lessons.episodes}."
        )
    return "No cycle has published an adapter yet."


def _serving(report: Report) -> Version | None:
    return next((one for one in report.versions if one.fate == "serving"), None)


def _header(report: Report) -> Markup:
    return tag(
        "header",
        tag("p", f"Habitus · {report.name}", class_="kicker"),
        tag("h1", TITLE),
        tag("p", headline(report), class_="lede"),
        _figures(report) if report.since is not None else _first_steps(report.needs),
    )


def _figures(report: Report) -> Markup:
    overall = report.overall
    shown = [
        (f"{overall.shown:,}", f"suggestions shown, {overall.taken:,} taken", ""),
        (
            _mean(overall.acceptance),
            f"taken{_bounds(overall.acceptance)}",
            "",
        ),
        (
            _mean(overall.retained),
            f"of the characters you took are still there{_bounds(overall.retained)}",
            "",
        ),
    ]
    serving = _serving(report)
    if serving is not None and serving.gate is not None:
        gate = serving.gate
        shown.append(
            (
                f"−{1 - gate.bits_after / gate.bits_before:.0%}" if gate.bits_before else "–",
                f"bits per character on {gate.places} lines that it had never seen",
                "new",
            )
        )
    else:
        shown.append((f"{report.lessons.count:,}", "lessons to learn from", ""))
    items = (
        tag("li", tag("strong", big, class_=f"big {class_}".strip()), tag("span", small))
        for big, small, class_ in shown
    )
    return tag("ul", *items, class_="figures")


def _mean(interval: Interval) -> str:
    return words.percent(interval.mean) if interval.clusters else "–"


def _bounds(interval: Interval) -> str:
    if not math.isfinite(interval.low):
        return ""
    return f" (95%: {words.percent(interval.low)} to {words.percent(interval.high)})"


def _first_steps(needs: Needs) -> Markup:
    steps = [
        ("Today", "suggestions from base weights, and from a memory of your files as they are"),
        (
            "As you work",
            "every suggestion that you take, edit or turn down becomes a lesson, and so does "
            "what you write by hand",
        ),
        (
            f"After {needs.examples} lessons, or {needs.wait_hours:.0f} hours",
            "a first cycle trains an adapter and judges it on lines that it has not seen: "
            f"{needs.places} places in {needs.episodes} files or sessions at least",
        ),
        ("From then on", "this page shows what each version gained, and what was taken back"),
    ]
    return tag(
        "ol",
        *(tag("li", tag("p", when, class_="meta"), tag("p", what)) for when, what in steps),
        class_="log steps",
    )


def _footer() -> Markup:
    told = (
        "Bits per character say how surprised the model was by what you wrote; fewer is "
        "better, and one bit less halves the surprise of a character. Intervals are 95% and "
        "resample whole episodes: one file between two commits. Held-out lines are "
        "younger than everything that the adapter was trained on, and memory is off while "
        "they are judged."
    )
    kept = (
        "This page was written from what is stored on this machine, and nothing left it. It "
        "holds pieces of your code: look before you pass it on. "
    )
    return join(
        tag(
            "footer",
            tag("p", told),
            tag("p", kept, tag("code", "habitus forget PATH"), " takes a file out of all of it."),
        )
    )
