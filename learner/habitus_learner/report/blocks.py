"""The parts that every section of the page is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import dedent

from habitus_learner.report.markup import Markup, tag

Cell = str | Markup


def section(title: str, note: str, *parts: Markup) -> Markup:
    """A section under its heading, with a sentence on how to read it."""
    about = (tag("p", note, class_="note"),) if note else ()
    return tag("section", tag("h2", title), *about, *parts)


def figure(title: str, caption: str, *parts: Markup) -> Markup:
    """A drawing under its title, with what it shows and the numbers behind it."""
    told = tag("figcaption", tag("h3", title), *([caption] if caption else []))
    return tag("figure", told, *parts)


def numbers(heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Markup:
    """The table behind a drawing, folded away."""
    return tag("details", tag("summary", "The numbers"), table(heads, rows))


def table(heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Markup:
    """A table that scrolls by itself where it is too wide."""
    head = tag("tr", *(tag("th", one, scope="col") for one in heads))
    body = [tag("tr", *(tag("td", cell) for cell in row)) for row in rows]
    return tag(
        "div", tag("table", tag("thead", head), tag("tbody", *body)), class_="scroll", tabindex="0"
    )


def grid(*parts: Markup) -> Markup:
    """Parts beside each other where there is room."""
    return tag("div", *parts, class_="grid")


def empty(*words: Cell) -> Markup:
    """What will stand here, and when."""
    return tag("p", *words, class_="empty")


def subhead(title: str, note: str = "") -> Markup:
    """A heading within a section."""
    parts = [tag("h3", title, class_="subhead")]
    if note:
        parts.append(tag("p", note, class_="note"))
    return Markup("".join(parts))


def case(where: str, lead: str, said: Iterable[tuple[str, str, str]]) -> Markup:
    """A place in a file: what stood before it, then texts as (name, text, class)."""
    rows = [
        part
        for name, text, class_ in said
        for part in (
            tag("dt", name),
            tag("dd", tag("code", text, class_=class_ or None) if text else "nothing"),
        )
    ]
    before = (tag("pre", dedent(lead).strip(), class_="lead"),) if lead.strip() else ()
    return tag("div", tag("p", where, class_="where"), *before, tag("dl", *rows), class_="case")
