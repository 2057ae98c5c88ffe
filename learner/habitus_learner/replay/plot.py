"""The replay's figures as one picture.

Knows matplotlib and the report, and draws without a display.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg", force=False)
from matplotlib.figure import Figure

from habitus_learner.replay.report import Arm, Report

ARMS = {
    "frozen": ("frozen", "#b7bcc4"),
    "memory": ("memory", "#6aa5d8"),
    "weights": ("weights", "#e9a04b"),
    "all": ("both", "#2f7d5b"),
}

_PANELS = (
    ("exact_match", "Exact lines", "%", 100.0, "{:.1f}"),
    ("characters_saved", "Characters saved", "in all", 1.0, "{:.0f}"),
    ("bits_per_char", "Bits per character", "lower is better", 1.0, "{:.2f}"),
)


def draw(report: Report, path: Path) -> None:
    """Write the picture, in the format that the path's suffix names."""
    figure = Figure(figsize=(11.0, 4.6), dpi=150, layout="constrained")
    axes = figure.subplots(1, len(_PANELS))
    for panel, (measure, title, unit, factor, style) in zip(axes, _PANELS, strict=True):
        _draw_panel(panel, report, measure, factor, style)
        panel.set_title(f"{title} ({unit})", fontsize=11, loc="left")
    items = report.items
    figure.suptitle(
        f"Habitus on later edits of {report.source.name}",
        x=0.01,
        ha="left",
        fontsize=14,
        fontweight="bold",
    )
    figure.text(
        0.01,
        -0.01,
        f"{items.evaluation_items} items on {items.evaluation_lines} changed lines in "
        f"{items.evaluation_files} files; 95% intervals resample files. Model: {report.model}.",
        fontsize=8.5,
        color="#555555",
        va="top",
    )
    figure.savefig(path, bbox_inches="tight", facecolor="white")


def _draw_panel(panel: Any, report: Report, measure: str, factor: float, style: str) -> None:
    for place, (name, (label, colour)) in enumerate(ARMS.items()):
        arm: Arm = getattr(report, name)
        value = getattr(arm, measure) * factor
        low, high = (bound * factor for bound in getattr(arm, f"{measure}_interval"))
        panel.bar(place, value, width=0.68, color=colour, label=label)
        panel.errorbar(
            place,
            value,
            yerr=[[max(0.0, value - low)], [max(0.0, high - value)]],
            color="#333333",
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
    panel.axhline(0.0, color="#333333", linewidth=0.8)
    panel.margins(y=0.15)
