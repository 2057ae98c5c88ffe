"""Figures as the benchmarks report them: a table for people, JSON for checks."""

from __future__ import annotations

import json
import random
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

OUTPUT = Path(__file__).resolve().parents[1] / "build" / "bench"
SEED = 20260

Statistic = Callable[[Sequence[float]], float]


def figure(
    name: str,
    value: float,
    *,
    n: int,
    interval: tuple[float, float] | None = None,
    seed: int = SEED,
    target: str = "",
    holds: bool | None = None,
) -> dict[str, Any]:
    """One measured number; `target` says in words what `holds` judges."""
    return {
        "name": name,
        "value": value,
        "n": n,
        "interval": list(interval) if interval else None,
        "seed": seed,
        "target": target,
        "holds": holds,
    }


def ratio_interval(
    over: Sequence[float], under: Sequence[float], seed: int = SEED
) -> tuple[float, float]:
    """95% bootstrap interval of the ratio of two medians, resampling each side."""
    draw = random.Random(seed)
    ratios = sorted(
        statistics.median(draw.choices(over, k=len(over)))
        / statistics.median(draw.choices(under, k=len(under)))
        for _ in range(2000)
    )
    return ratios[50], ratios[1949]


def median_interval(values: Sequence[float], seed: int = SEED) -> tuple[float, float]:
    """95% bootstrap interval of a median."""
    draw = random.Random(seed)
    medians = sorted(statistics.median(draw.choices(values, k=len(values))) for _ in range(2000))
    return medians[50], medians[1949]


def report(name: str, figures: Sequence[dict[str, Any]]) -> int:
    """Print a table, write build/bench/NAME.json; 1 when a target is missed, else 0."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    path = OUTPUT / f"{name}.json"
    path.write_text(json.dumps({"figures": list(figures)}, indent=2) + "\n", encoding="utf-8")
    width = max((len(one["name"]) for one in figures), default=0)
    for one in figures:
        low_high = "" if one["interval"] is None else "  [{:.3f}, {:.3f}]".format(*one["interval"])
        verdict = {True: "  holds", False: "  MISSED", None: ""}[one["holds"]]
        target = f"  target {one['target']}{verdict}" if one["target"] else ""
        print(f"{one['name']:<{width}}  {one['value']:>9.3f}  n={one['n']}{low_high}{target}")
    return int(any(one["holds"] is False for one in figures))
