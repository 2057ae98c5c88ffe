"""The replay's figures as one picture: the curve over the blocks, the arms over all of them.

Knows matplotlib and the report, and draws without a display.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg", force=False)
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from habitus_learner.replay.report import Arm, Report

ARMS = {
    "frozen": ("frozen", "#8f98a3"),
    "memory": ("memory", "#4c93d0"),
    "weights": ("weights", "#e08f2f"),
    "all": ("both", "#23704f"),
}

_CURVES = (
    ("bits_per_char", "Bits per character, block by block (lower is better)", 1.0),
    ("exact_match", "Exact lines, block by block (%)", 100.0),
)

_PANELS = (
    ("exact_match", "Exact lines (%)", 100.0, "{:.1f}"),
    ("retained_characters", "Characters accepted and retained", 1.0, "{:.0f}"),
    ("bits_per_char", "Bits per character", 1.0, "{:.2f}"),
)

_BESIDE = (-0.03, -0.01, 0.01, 0.03)
"""Arms that do the same stand beside each other, not one behind the other."""

_INK = "#333333"
_PALE = "#555555"


def draw(report: Report, path: Path) -> None:
    """Write the picture, in the format that the path's suffix names."""
    figure = Figure(figsize=(12.0, 8.2), dpi=150, layout="constrained")
    axes: dict[str, Any] = figure.subplot_mosaic(
        [["0", "0", "0", "1", "1", "1"], ["a", "a", "b", "b", "c", "c"]],
        height_ratios=[1.5, 1.0],
    )
    for name, (measure, title, factor) in zip("01", _CURVES, strict=True):
        _draw_curve(axes[name], report, measure, factor)
        axes[name].set_title(title, fontsize=11, loc="left")
    lines, labels = axes["0"].get_legend_handles_labels()
    figure.legend(lines, labels, frameon=False, ncols=len(ARMS), loc="upper right")
    for name, (measure, title, factor, style) in zip("abc", _PANELS, strict=True):
        _draw_panel(axes[name], report, measure, factor, style)
        axes[name].set_title(title, fontsize=10, loc="left")
    figure.suptitle(
        f"Habitus on later edits of {report.source.name}: asked first, then learned from",
        x=0.01,
        ha="left",
        fontsize=14,
        fontweight="bold",
    )
    figure.text(0.01, -0.01, _footnote(report), fontsize=8.5, color=_PALE, va="top")
    figure.savefig(path, bbox_inches="tight", facecolor="white")


def _footnote(report: Report) -> str:
    items = report.items
    return (
        f"{items.evaluation_items} items on {items.evaluation_lines} changed lines in "
        f"{items.evaluation_files} files, {len(report.blocks)} blocks. Above: 95% intervals that "
        f"resample the files of a commit; below, over all blocks: files. Model: {report.model}."
    )


def _draw_curve(panel: Any, report: Report, measure: str, factor: float) -> None:
    blocks = report.blocks
    numbers = list(range(1, len(blocks) + 1))
    for beside, (name, (label, colour)) in zip(_BESIDE, ARMS.items(), strict=True):
        places = [number + beside for number in numbers]
        found = [_value(block.arms[name], measure, factor) for block in blocks]
        values, lows, highs = (list(column) for column in zip(*found, strict=True))
        panel.fill_between(places, lows, highs, color=colour, alpha=0.13, linewidth=0)
        panel.errorbar(
            places,
            values,
            yerr=_reach(values, lows, highs),
            color=colour,
            label=label,
            marker="o",
            markersize=6,
            linewidth=2.0,
            elinewidth=0.9,
            capsize=2.5,
        )
        # A ring: day one.
        panel.plot(places[0], values[0], "o", markersize=12, markerfacecolor="none", color=colour)
    for number, block in zip(numbers, blocks, strict=True):
        course = "warm start" if number == 1 else "cycle"
        panel.axvline(number - 0.5, color=_PALE, linewidth=0.8, linestyle=(0, (2, 3)))
        panel.annotate(
            f"{course}: {block.course.state}",
            (number - 0.5, 0.02),
            xycoords=("data", "axes fraction"),
            xytext=(3, 0),
            textcoords="offset points",
            rotation=90,
            fontsize=8,
            color=_PALE,
        )
    panel.set_xlim(0.4, len(blocks) + 0.3)
    labels = ["block 1\n(day one)", *(f"block {number}" for number in numbers[1:])]
    panel.set_xticks(numbers, labels)
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(axis="y", color="#e6e6e6", linewidth=0.8)
    panel.yaxis.set_major_locator(MaxNLocator(6))
    panel.set_ylim(bottom=0.0)
    panel.margins(y=0.18)


def _draw_panel(panel: Any, report: Report, measure: str, factor: float, style: str) -> None:
    for place, (name, (label, colour)) in enumerate(ARMS.items()):
        value, low, high = _value(getattr(report, name), measure, factor)
        panel.bar(place, value, width=0.68, color=colour, alpha=0.85, label=label)
        panel.errorbar(
            place,
            value,
            yerr=_reach([value], [low], [high]),
            color=_INK,
            capsize=4,
            linewidth=1.2,
        )
        panel.annotate(
            style.format(value),
            (place, max(high, value)),
            xytext=(0, 5),
            textcoords="offset points",
            ha="center",
            fontsize=9,
        )
    panel.set_xticks(range(len(ARMS)), [label for label, _ in ARMS.values()])
    panel.spines[["top", "right"]].set_visible(False)
    panel.axhline(0.0, color=_INK, linewidth=0.8)
    panel.margins(y=0.18)


def _value(arm: Arm, measure: str, factor: float) -> tuple[float, float, float]:
    """A figure between its bounds, which are the figure itself where nothing bounds it."""
    value = getattr(arm, measure) * factor
    low, high = (bound * factor for bound in getattr(arm, f"{measure}_interval"))
    return value, low if math.isfinite(low) else value, high if math.isfinite(high) else value


def _reach(values: list[float], lows: list[float], highs: list[float]) -> list[list[float]]:
    below = [max(0.0, value - low) for value, low in zip(values, lows, strict=True)]
    return [below, [max(0.0, high - value) for value, high in zip(values, highs, strict=True)]]
