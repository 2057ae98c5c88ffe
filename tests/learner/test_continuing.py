"""A run that goes on from an adapter."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import torch

from habitus_learner.job import continue_from
from habitus_learner.planner import Hyper
from habitus_learner.trainee import Trainee, adapter_state, load_trainee, save_adapter
from habitus_server import adapters
from learner.made_rows import manifest

HYPER = Hyper(rank=4, alpha=8, learning_rate=1e-2, orthogonal=False)


@pytest.fixture
def incumbent(tiny_model: Path, tmp_path: Path) -> Path:
    """An adapter that learned what was written before 7."""
    folder = tmp_path / "incumbent"
    folder.mkdir()
    save_adapter(trainee(tiny_model, seed=1), folder)
    made = manifest(
        version=folder.name, hyper_parameters={**msgspec.to_builtins(HYPER), "cutoff": 7.0}
    )
    (folder / adapters.MANIFEST).write_bytes(msgspec.json.encode(made))
    return folder


def trainee(tiny_model: Path, hyper: Hyper = HYPER, *, seed: int = 0) -> Trainee:
    torch.manual_seed(seed)
    return load_trainee(tiny_model, "tiny", torch.device("cpu"), hyper)


def test_it_begins_with_the_weights_that_serve(tiny_model: Path, incumbent: Path) -> None:
    begun = trainee(tiny_model)
    origin = continue_from(begun, incumbent)
    assert origin is not None
    for name, tensor in adapter_state(trainee(tiny_model, seed=1)).items():
        assert torch.equal(adapter_state(begun)[name], tensor)
        assert torch.equal(origin.state[name], tensor)


def test_it_knows_up_to_when_that_adapter_has_learned(tiny_model: Path, incumbent: Path) -> None:
    origin = continue_from(trainee(tiny_model), incumbent)
    assert origin is not None
    assert origin.seen_until == 7.0


def test_it_trains_at_half_the_rate(tiny_model: Path, incumbent: Path) -> None:
    begun = trainee(tiny_model)
    continue_from(begun, incumbent)
    assert begun.hyper.learning_rate == HYPER.learning_rate / 2


@pytest.mark.parametrize("other", [{"rank": 8}, {"alpha": 4}, {"temper": 0.5}])
def test_an_adapter_of_another_shape_or_scale_is_not_gone_on_from(
    tiny_model: Path, incumbent: Path, other: dict[str, float]
) -> None:
    begun = trainee(tiny_model, msgspec.structs.replace(HYPER, **other))
    before = adapter_state(begun)
    assert continue_from(begun, incumbent) is None
    assert begun.hyper.learning_rate == HYPER.learning_rate
    assert all(torch.equal(adapter_state(begun)[n], tensor) for n, tensor in before.items())
