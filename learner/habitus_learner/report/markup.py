"""Elements of HTML and SVG as text.

Promises that whatever is not markup already is escaped, in texts and in attributes, and
that every element is closed.
"""

from __future__ import annotations

from html import escape

VOID = frozenset({"meta", "br"})


class Markup(str):
    """Text that is markup already, made by `tag` and `join` alone."""

    __slots__ = ()


Child = str | Markup
Value = str | float | None


def tag(name: str, /, *children: Child, **attributes: Value) -> Markup:
    """An element; `class_` is its class, other underscores are hyphens, None is left out."""
    named = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_value(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Markup(f"<{name}{named}>")
    return Markup(f"<{name}{named}>{join(*children)}</{name}>")


def join(*children: Child) -> Markup:
    """Elements and texts one after the other."""
    return Markup(
        "".join(one if isinstance(one, Markup) else escape(one, quote=False) for one in children)
    )


def _value(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.1f}".removesuffix(".0")
