"""The sections that show what was learned from, and what was turned down."""

from __future__ import annotations

from habitus_learner.report import words
from habitus_learner.report.blocks import (
    case,
    empty,
    figure,
    grid,
    numbers,
    section,
    subhead,
    table,
)
from habitus_learner.report.facts import Habit, Lessons, Report
from habitus_learner.report.markup import Markup, join, tag
from habitus_learner.report.plots import draw_counts

_KINDS = {
    "success": "taken and kept",
    "correction": "taken and corrected",
    "failure": "turned down or taken out",
    "preference": "one chosen before another",
    "pattern": "written by hand",
    "bug fix": "bugs fixed",
    "decision": "decisions written down",
}

_REFUSALS = {
    "dismissed": "dismissed",
    "reverted": "taken out again",
    "rated": "rated bad",
}

MAX_NAMED_FILES = 4


def learned_from(report: Report) -> Markup:
    """Lessons by kind, class and file, and the habits in them."""
    title = "What it learned from"
    lessons = report.lessons
    if not lessons.count:
        return section(
            title,
            "",
            empty(
                "There are no lessons yet. The first come with the first suggestion that you "
                "take or turn down, and with the first lines that you write and leave alone."
            ),
        )
    taught = next((one.examples for one in report.versions if one.fate == "serving"), {})
    went = sum(taught.values())
    note = f"{words.sentence(words.count(lessons.count, 'lesson'))} at present"
    note += f"; the version that serves was trained on {went:,}." if went else "."
    kinds = {_KINDS[kind]: number for kind, number in lessons.kinds.items() if number}
    figures = [
        figure(
            "By kind",
            "",
            draw_counts(kinds, "Lessons by kind"),
            numbers(
                ("kind", "at present", "in the version that serves"),
                (
                    (_KINDS[kind], f"{number:,}", f"{taught.get(kind, 0):,}")
                    for kind, number in lessons.kinds.items()
                ),
            ),
        ),
        figure(
            "By file",
            "Those with the most lessons.",
            draw_counts(dict(lessons.files), "Lessons by file"),
            numbers(("file", "lessons"), ((path, f"{n:,}") for path, n in lessons.files)),
        ),
    ]
    if lessons.corrections:
        figures.append(
            figure(
                "What you corrected",
                "By what changed most.",
                draw_counts(lessons.corrections, "Corrections by class"),
                numbers(
                    ("class", "times"), ((k, f"{n:,}") for k, n in lessons.corrections.items())
                ),
            )
        )
    return section(title, note, grid(*figures), *_texts(lessons))


def turned_down(report: Report) -> Markup:
    """What is not offered again."""
    title = "What you turned down"
    if not report.refused_count:
        return section(
            title,
            "",
            empty("Nothing yet. What you dismiss or take out is not offered there again."),
        )
    note = (
        f"{words.sentence(words.count(report.refused_count, 'text'))} not offered again at their "
        "places; those turned down most often:"
    )
    rows = [
        (
            tag("code", one.text[:200].strip("\n")),
            tag("code", one.path),
            _REFUSALS.get(one.why, one.why) + (f", {one.times} times" if one.times > 1 else ""),
            words.date(one.rejected_at).replace(" ", "\u00a0"),
        )
        for one in report.refused
    ]
    return section(title, note, table(("what", "where", "how", "when"), rows))


def _texts(lessons: Lessons) -> list[Markup]:
    parts = []
    if lessons.habits:
        rows = [
            (
                tag("code", one.text),
                words.count(one.times, "time").replace(" ", "\u00a0"),
                _files(one),
            )
            for one in lessons.habits
        ]
        parts += [
            subhead(
                "Your habits",
                "Lines that you wrote by hand again and again, and where.",
            ),
            table(("line", "written", "in"), rows),
        ]
    if lessons.corrected:
        cases = (
            case(
                f"{one.path} · {one.kind}",
                one.lead,
                (("suggested", one.suggested, "wrong"), ("you made it", one.written, "right")),
            )
            for one in lessons.corrected
        )
        parts += [
            subhead("What you made of suggestions", "The newest of each class."),
            tag("div", *cases, class_="cases"),
        ]
    if lessons.pieces:
        cases = (
            tag(
                "div",
                tag("p", f"{one.path} · {words.date(one.at)}", class_="where"),
                tag("pre", one.text),
                class_="case",
            )
            for one in lessons.pieces
        )
        parts += [subhead("Newest by hand"), tag("div", *cases, class_="cases")]
    return parts


def _files(habit: Habit) -> Markup:
    named = [tag("code", path) for path in habit.files[:MAX_NAMED_FILES]]
    more = len(habit.files) - len(named)
    parts = [part for one in named for part in (", ", one)][1:]
    return join(*parts, *([f" and {words.count(more, 'file')} more"] if more > 0 else []))
