"""The bench's figures in docs/learning.md, between two marks; what stands around them stays.

Knows figures as values; whether a run was whole is its caller's to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.learning.histories import ASKED_LINES, BLOCK_LINES, HISTORIES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "learning.md"
FROM, TO = "<!-- figures: written by the bench -->", "<!-- end of figures -->"


def write(
    figures: Sequence[Mapping[str, Any]],
    *,
    seeds: Sequence[int],
    steps: tuple[int, int],
    places: int,
    page: Path = PAGE,
) -> None:
    """Put the figures into the page; raises `ValueError` where it has no place for them."""
    text = page.read_text(encoding="utf-8")
    head, begins, rest = text.partition(FROM)
    _, ends, tail = rest.partition(TO)
    if not begins or not ends:
        raise ValueError(f"{page} lacks the marks `{FROM}` and `{TO}`.")
    made = "\n".join((_preamble(seeds, steps, places), "", *_table(figures)))
    page.write_text(f"{head}{FROM}\n{made}\n{TO}{tail}", encoding="utf-8")


def _preamble(seeds: Sequence[int], steps: tuple[int, int], places: int) -> str:
    commits = ", ".join(f"{one.name} {one.until[:12]}" for one in HISTORIES.values())
    warm_up, cycle = steps
    return (
        f"Histories up to: {commits}. Seeds {', '.join(map(str, seeds))}. {warm_up:,} steps of the "
        f"warm start, {cycle:,} of a cycle, on one thread. Blocks of at least {BLOCK_LINES:,} "
        f"changed lines, {ASKED_LINES} lines of each asked for, {places:,} places in all."
    )


def _table(figures: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        "| figure | value | n | aim |",
        "| --- | --- | --- | --- |",
        *(f"| {one['name']} | {_value(one)} | {one['n']:,} | {_aim(one)} |" for one in figures),
    ]


def _value(one: Mapping[str, Any]) -> str:
    if one["interval"] is None:
        return _number(one["value"])
    return "{} [{}, {}]".format(*map(_number, (one["value"], *one["interval"])))


def _number(value: float) -> str:
    is_count = isinstance(value, int) or abs(value) >= 100.0
    return f"{value:,.0f}" if is_count else f"{value:.3f}"


def _aim(one: Mapping[str, Any]) -> str:
    return one["target"] + (", missed" if one["holds"] is False else "")
