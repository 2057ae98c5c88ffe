"""What plots of the report write beside their marks."""

from __future__ import annotations

from habitus_learner.report.plots import Drift, draw_drift


def test_half_per_cents_are_told_on_the_axis_of_general_code() -> None:
    drawn = str(draw_drift([Drift("version 1", 0.005, is_taken=True)], 0.01, "general code"))
    assert ">+0.5%<" in drawn and ">+1%<" in drawn
    assert "+0%" not in drawn
