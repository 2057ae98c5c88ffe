"""The parts that every plot is made of.

Promises SVG whose colours are classes of the page's style, so that one drawing serves
light and dark, with a title and a description for those who do not see it. Positions
are in units of the drawing, one to a CSS pixel where it is not scaled.
"""

from __future__ import annotations

from collections.abc import Sequence

from habitus_learner.report.markup import Markup, join, tag

NARROW = 340.0
"""The width of a drawing that stands beside others, or fills a phone."""
WIDE = 1_000.0


def drawing(
    width: float, height: float, title: str, about: str, *parts: Markup, class_: str | None = None
) -> Markup:
    """A whole drawing."""
    return tag(
        "svg",
        tag("title", title),
        tag("desc", about),
        *parts,
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        role="img",
        aria_label=f"{title}. {about}",
        class_=class_,
    )


def text(x: float, y: float, words: str, *, class_: str = "", anchor: str = "start") -> Markup:
    """Words on the line at `y`."""
    return tag(
        "text",
        words,
        x=x,
        y=y,
        class_=class_ or None,
        text_anchor=None if anchor == "start" else anchor,
    )


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A straight line."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def dot(x: float, y: float, radius: float, class_: str, told: str = "") -> Markup:
    """A dot that tells something to whoever points at it."""
    return tag("circle", *_told(told), cx=x, cy=y, r=radius, class_=class_)


def bar(
    x: float, y: float, width: float, height: float, class_: str, told: str = "", *, rx: float = 0
) -> Markup:
    """An upright rectangle."""
    return tag(
        "rect",
        *_told(told),
        x=x,
        y=y,
        width=max(0.0, width),
        height=max(0.0, height),
        rx=rx or None,
        class_=class_,
    )


def path(points: Sequence[tuple[float, float]], class_: str) -> Markup:
    """A line through points."""
    return tag("path", d="M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points), class_=class_)


def cross(x: float, y: float, size: float, class_: str, told: str) -> Markup:
    """A diagonal cross."""
    d = f"M{x - size:.1f} {y - size:.1f}L{x + size:.1f} {y + size:.1f}"
    d += f"M{x + size:.1f} {y - size:.1f}L{x - size:.1f} {y + size:.1f}"
    return tag("path", *_told(told), d=d, class_=class_)


def whisker(y: float, x1: float, x2: float, class_: str) -> Markup:
    """A confidence interval: a level line with ends."""
    ends = (line(x, y - 4, x, y + 4, class_) for x in (x1, x2))
    return join(line(x1, y, x2, y, class_), *ends)


def _told(words: str) -> list[Markup]:
    return [tag("title", words)] if words else []
