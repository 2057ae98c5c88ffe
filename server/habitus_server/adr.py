"""Architecture decision records, read.

Promises the decision that a Markdown file in Nygard's form, or in that of MADR 2 to 4, tells;
None for templates, indexes and what is only proposed. Pure: a text in, a value out.

    title, status, date       the first heading; a section, a list below the title, or front matter
    problem, constraints      Context (and Problem Statement); Decision Drivers
    options, choice, reason   Considered Options; Decision (Outcome), its "because", Consequences
    outcome                   a status that says what became of it: superseded, deprecated, rejected
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*\s*$")
_FENCE = re.compile(r"^\s*(```|~~~)")
_FRONT_MATTER = re.compile(r"\A---\r?\n(.*?)\r?\n---\r?\n", re.DOTALL)
_FIELD = re.compile(r"^[*\-\s]*(status|date)\s*:\s*(.+?)\s*$", re.IGNORECASE)
_NUMBER = re.compile(r"^(?:adr[-\s]*)?\d+[.:)\s\-–—]+\s*", re.IGNORECASE)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_ITEM = re.compile(r"^\s*(?:[*+-]|\d+[.)])\s+(.*)$")
_CHOSEN = re.compile(
    r"chosen option:?\s*[\"“'`]?(?P<choice>.+?)[\"”'`]?\s*(?:,\s*because\s+(?P<reason>.*))?\Z",
    re.IGNORECASE | re.DOTALL,
)
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_ENDED = re.compile(
    r"\b(?:superseded|supersedes by|replaced by|deprecated|rejected|retired)\b", re.I
)
_UNDECIDED = re.compile(r"^\W*(?:proposed|draft|pending|in review|wip)\b", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"^[\[{<]|\bYYYY\b|short title of", re.IGNORECASE)


class Record(msgspec.Struct, frozen=True):
    """One decision as its file tells it; `decided_on` is a day at midnight UTC, or None."""

    title: str
    status: str
    problem: str
    constraints: tuple[str, ...]
    options: tuple[str, ...]
    choice: str
    reason: str
    outcome: str
    decided_on: float | None


def read_record(text: str) -> Record | None:
    """The decision in a file, or None where there is none (yet)."""
    fields, body = _front_matter(_COMMENT.sub("", text))
    title, sections = _sections(body)
    for name, value in _fields(sections.get("", "")):
        fields.setdefault(name, value)
    status = _plain(sections.get("status", "") or fields.get("status", ""))
    decided = _find(sections, "decision outcome", "decision")
    if not title or not decided or _PLACEHOLDER.search(title) or _UNDECIDED.match(_last(status)):
        return None
    choice, reason = _chosen(decided)
    consequences = [
        _plain(part) for name, part in sections.items() if name.endswith("consequences") and part
    ]
    return Record(
        title=title,
        status=status.partition("\n")[0],
        problem=_plain(_find(sections, "context and problem statement", "context", "problem")),
        constraints=_items(_find(sections, "decision drivers", "constraints", "drivers")),
        options=_items(_find(sections, "considered options", "options", "alternatives")),
        choice=choice,
        reason="\n\n".join(part for part in (reason, *consequences) if part),
        outcome=next((line for line in status.splitlines() if _ENDED.search(line)), ""),
        decided_on=_day(fields.get("date", "") or sections.get("date", "")),
    )


def _front_matter(text: str) -> tuple[dict[str, str], str]:
    found = _FRONT_MATTER.match(text)
    if found is None:
        return {}, text
    fields = {name: value.strip("\"'") for name, value in _fields(found[1])}
    return fields, text[found.end() :]


def _fields(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        if found := _FIELD.match(line):
            yield found[1].lower(), found[2]


def _sections(body: str) -> tuple[str, dict[str, str]]:
    """The title, and what stands under each heading by its name in lower case."""
    title, name = "", ""
    sections: dict[str, list[str]] = {"": []}
    is_code = False
    for line in body.splitlines():
        if _FENCE.match(line):
            is_code = not is_code
        heading = None if is_code else _HEADING.match(line)
        if heading is None:
            sections[name].append(line)
        elif not title and len(heading[1]) == 1:
            title = _NUMBER.sub("", _plain(heading[2]))
        else:
            name = heading[2].strip().lower()
            sections.setdefault(name, [])
    return title, {name: "\n".join(lines).strip() for name, lines in sections.items()}


def _find(sections: dict[str, str], *names: str) -> str:
    return next((sections[name] for name in names if sections.get(name)), "")


def _chosen(decided: str) -> tuple[str, str]:
    """What was chosen and why: MADR's sentence, or the whole text of Nygard's section."""
    first, _, rest = _plain(decided).partition("\n\n")
    found = _CHOSEN.match(first)
    if found is None:
        return _plain(decided), ""
    because = (found["reason"] or "").strip()
    choice = found["choice"].strip().rstrip(".").strip("\"”'`")
    return choice, "\n\n".join(part for part in (because, rest.strip()) if part)


def _items(text: str) -> tuple[str, ...]:
    found = [_ITEM.match(line) for line in text.splitlines()]
    return tuple(_plain(item[1]) for item in found if item is not None)


def _plain(text: str) -> str:
    return _LINK.sub(r"\1", text).strip()


def _last(status: str) -> str:
    lines = [line for line in status.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _day(text: str) -> float | None:
    found = _DATE.search(text)
    if found is None:
        return None
    try:
        return datetime.strptime(found[0], "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
