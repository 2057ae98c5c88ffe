"""A figure of the signals report, and how figures are shown and kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

OUTPUT = Path(__file__).resolve().parents[2] / "build" / "bench"


class Figure(msgspec.Struct, frozen=True):
    """One measured number; `target` says in words what `holds` judges."""

    name: str
    value: float
    n: int
    interval: tuple[float, float] | None = None
    seed: int | None = None
    target: str = ""
    holds: bool | None = None


def show(figures: Sequence[Figure]) -> None:
    """Print figures as a table."""
    width = max((len(one.name) for one in figures), default=0)
    for one in figures:
        low_high = "" if one.interval is None else "  [{:.3f}, {:.3f}]".format(*one.interval)
        seed = "" if one.seed is None else f"  seed {one.seed}"
        verdict = {True: "  holds", False: "  MISSED", None: ""}[one.holds]
        target = f"  target {one.target}{verdict}" if one.target else ""
        print(f"{one.name:<{width}}  {one.value:>12.3f}  n={one.n}{low_high}{seed}{target}")


def write(figures: Sequence[Figure], name: str) -> Path:
    """Write figures to build/bench/NAME.json."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    path = OUTPUT / f"{name}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode({"figures": list(figures)})))
    return path
