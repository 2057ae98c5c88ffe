"""Which GPUs a training job sees, on machines that are not at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from habitus_learner.child import gpus_of, job_command
from habitus_learner.planner import Plan


def plan(device: str, markers: Path | str = "") -> Plan:
    return Plan(
        cycle_id=1,
        folder="",
        model="embedded",
        device=device,
        threads=0,
        loads_hub_models=False,
        seed=0,
        minutes=5.0,
        max_steps=0,
        cutoff=0.0,
        incumbent=None,
        busy_markers=str(markers),
        idle_seconds=0.0,
    )


@pytest.fixture
def markers(tmp_path: Path) -> Path:
    """The folder of an engine that serves on the second GPU, and of one that does on none."""
    (tmp_path / "engine-1.busy").write_text("cuda:1")
    (tmp_path / "engine-2.busy").write_text("cpu")
    return tmp_path


def test_training_leaves_the_gpu_to_the_engine_that_serves_there(markers: Path) -> None:
    assert gpus_of(plan("auto", markers), ["0", "1"]) == ["0"]
    assert gpus_of(plan("auto", markers), ["0", "1", "2"]) == ["0", "2"]


def test_the_gpu_that_the_settings_give_to_the_engine_counts_as_serving() -> None:
    assert gpus_of(plan("cuda:0"), ["0", "1"]) == ["1"]


def test_the_only_gpu_serves_and_trains(markers: Path) -> None:
    (markers / "engine-1.busy").write_text("cuda:0")
    assert gpus_of(plan("auto", markers), ["0"]) == ["0"]


def test_gpus_keep_the_names_by_which_a_user_leaves_them_to_us(markers: Path) -> None:
    assert gpus_of(plan("auto", markers), ["GPU-a", "GPU-b"]) == ["GPU-a"]


def test_a_plan_for_the_processor_takes_no_gpu() -> None:
    assert gpus_of(plan("cpu"), ["0", "1"]) == []


def test_only_several_gpus_need_a_launcher(tmp_path: Path) -> None:
    assert "accelerate.commands.launch" not in job_command(tmp_path, ["1"])
    several = job_command(tmp_path, ["0", "2"])
    assert several[several.index("--num_processes") + 1] == "2"
