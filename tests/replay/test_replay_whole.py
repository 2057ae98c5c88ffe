"""A whole replay on a tiny model: every phase runs, and the report holds what is promised."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from habitus_learner.commands.replay import show, write_report
from habitus_learner.replay.engines import find_engines
from habitus_learner.replay.items import digest
from habitus_learner.replay.plan import Size, make_plan
from habitus_learner.replay.report import Report
from habitus_learner.replay.run import ARMS, Replay, Settings
from habitus_learner.replay.screen import Screen
from replay.synthetic import evolving_project, make_repository
from tiny_model import make_tiny_model

ARM_KEYS = {
    "exact_match",
    "edit_similarity",
    "bits_per_char",
    "characters_saved",
    "shown",
    "accepted",
    "retained",
    "items",
}


@pytest.fixture
def quiet() -> Screen:
    return Screen(Console(quiet=True))


async def test_too_little_code_makes_the_cycle_wait_and_the_report_say_so(
    tmp_path: Path, quiet: Screen
) -> None:
    source = make_repository(tmp_path / "source", evolving_project(8))
    settings = Settings(
        name="project",
        folder=tmp_path / "out",
        size=Size(learning_lines=4, evaluation_lines=4, training_minutes=0.1),
        seed=0,
        model=str(make_tiny_model(tmp_path / "model")),
        device="cpu",
    )
    plan = make_plan(source, settings.size, seed=0)
    replay = Replay(source, plan, settings, quiet)
    report = await replay.run()

    (cycle,) = report.cycles
    assert cycle.state == "waiting"
    assert "Waiting for more code" in cycle.verdict
    assert report.adapter is None and report.swap is None and report.swap_gap_ms is None
    assert report.items.evaluation_sha256 == digest(plan.evaluation_items)
    assert {getattr(report, arm).items for arm in ARMS} == {8}
    # Without an adapter the weights arm is the frozen one, to the bit.
    assert report.weights.bits_per_char == report.frozen.bits_per_char
    # The habit is there to be remembered, and random weights know nothing of it.
    assert report.memory.bits_per_char < report.frozen.bits_per_char / 2
    assert find_engines(tmp_path / "out" / "work" / "state") == frozenset()
    assert_report_is_whole(report, tmp_path, quiet)


def assert_report_is_whole(report: Report, folder: Path, screen: Screen) -> None:
    path = folder / "report.json"
    write_report(report, path)
    show(report, path, screen)
    written = json.loads(path.read_bytes())
    for arm in ARMS:
        assert written[arm].keys() >= ARM_KEYS
    assert written.keys() >= {"adapter", "latency_ms", "swap_gap_ms", "cycles"}
    assert written["latency_ms"].keys() == {"p50", "p95"}
    assert path.with_suffix(".png").stat().st_size > 10_000
