"""The sections that hold to account: every verdict, and that something was forgotten."""

from __future__ import annotations

from habitus_learner.report import words
from habitus_learner.report.blocks import empty, section
from habitus_learner.report.facts import Report, Verdict, Version
from habitus_learner.report.markup import Markup, tag
from habitus_learner.report.timeline import STATE_WORDS
from habitus_server.records import CycleState
from habitus_server.store import Erasure

_TONES = {CycleState.PUBLISHED: "right", CycleState.ROLLED_BACK: "bad", CycleState.FAILED: "bad"}


def every_verdict(report: Report) -> Markup:
    """Every cycle that ended and every roll-back, the newest first, with its reason."""
    title = "Every verdict"
    if not report.verdicts:
        return section(
            title, "", empty("No cycle has ended yet. Each will be listed here with its reason.")
        )
    told = [_entry(one) for one in reversed(report.verdicts)]
    # A version that was taken back by hand while a cycle ran has no verdict of its own.
    named = {one.adapter for one in report.verdicts if one.state is CycleState.ROLLED_BACK}
    told += [
        _withdrawn(one)
        for one in report.versions
        if one.fate == "taken back" and one.name not in named
    ]
    return section(title, "", tag("ul", *told, class_="log"))


def forgotten(report: Report) -> Markup:
    """That something was forgotten on request, when, and what it cost; never what."""
    title = "Forgotten on request"
    if not report.erasures:
        return section(
            title,
            "",
            empty(
                "Nothing. ",
                tag("code", "habitus forget"),
                " takes out a file, an example, or a span of time.",
            ),
        )
    note = "What it was is not known here any more; only that it went, and what went with it."
    told = [_erased(one) for one in reversed(report.erasures)]
    return section(title, note, tag("ul", *told, class_="log"))


def _entry(one: Verdict) -> Markup:
    what = STATE_WORDS[one.state]
    if one.adapter is not None:
        what = f"{words.sentence(words.version(one.adapter))} {what}"
    minutes = f" After {words.count(max(1, round(one.minutes)), 'minute')}."
    is_cycle = one.state is not CycleState.ROLLED_BACK and one.minutes > 0.05
    return _line(
        words.moment(one.at),
        words.sentence(what),
        one.sentence + (minutes if is_cycle else ""),
        _TONES.get(one.state, ""),
    )


def _withdrawn(one: Version) -> Markup:
    return _line("", f"{words.sentence(words.version(one.name))} taken back", one.reason, "bad")


def _erased(one: Erasure) -> Markup:
    rows = ", ".join(f"{number:,} {table}" for table, number in one.rows.items() if number)
    gone = " and ".join(words.version(name) for name in one.adapters)
    sentence = f"{words.sentence(rows) or 'No rows'} removed."
    if gone:
        sentence += f" {words.sentence(gone)} had learned from it, and went too."
    return _line(words.moment(one.at), "Forgotten", sentence, "")


def _line(when: str, what: str, why: str, class_: str) -> Markup:
    return tag(
        "li",
        tag("span", when, class_="meta"),
        tag("span", what, class_=class_ or None),
        tag("p", why),
    )
