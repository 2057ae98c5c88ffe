"""How much of what was learned is served."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from habitus_learner import general, tempering
from habitus_learner.dataset import Layout, Mix
from habitus_learner.job import load_layout
from habitus_learner.planner import Hyper
from habitus_learner.tempering import LEAST, Origin, temper
from habitus_learner.trainee import Trainee, adapter_state, load_trainee, set_adapter_state
from habitus_server.engine.fim import Budget
from habitus_server.engine.model import find_folder

HYPER = Hyper(rank=4, alpha=8, step_tokens=800, temper=0.7)


@pytest.fixture(scope="module")
def base() -> Path:
    """The embedded model: one that knows general code can forget it."""
    return find_folder("embedded")


@pytest.fixture(scope="module")
def layout(base: Path) -> Layout:
    return load_layout(base, "embedded", Budget(48, 16, context=0))


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempering, "PASSAGES", 6)
    monkeypatch.setattr(tempering, "TOLERANCE", 0.01)


def trained(base: Path, strength: float) -> Trainee:
    """A trainee whose adapter was drawn at random: it knows nothing and spoils everything."""
    torch.manual_seed(0)
    trainee = load_trainee(base, "embedded", torch.device("cpu"), HYPER)
    state = adapter_state(trainee)
    set_adapter_state(trainee, {n: strength * torch.randn_like(t) for n, t in state.items()})
    return trainee.eval()


def mix(trainee: Trainee) -> Mix:
    return Mix(
        seed=0,
        batch_tokens=800,
        general_share=0.2,
        library=tuple(general.practice_files()[:3]),
        shares=trainee.shares,
    )


def test_what_leaves_general_code_alone_is_served_whole(base: Path, layout: Layout) -> None:
    trainee = trained(base, 0.0)
    assert temper(trainee, layout, mix(trainee), None) == 1.0


def test_what_spoils_general_code_is_served_as_little_as_can_be(base: Path, layout: Layout) -> None:
    trainee = trained(base, 1.0)
    before = adapter_state(trainee)
    assert temper(trainee, layout, mix(trainee), None) == LEAST
    assert all(
        torch.equal(now, LEAST * before[name] if "lora_B" in name else before[name])
        for name, now in adapter_state(trainee).items()
    )


def test_what_spoils_general_code_a_little_is_served_in_part(base: Path, layout: Layout) -> None:
    trainee = trained(base, 0.1)
    assert LEAST < temper(trainee, layout, mix(trainee), None) < 1.0


def test_a_run_that_goes_on_from_an_adapter_goes_back_towards_it(
    base: Path, layout: Layout
) -> None:
    origin = Origin(adapter_state(trained(base, 0.001)), 0.0)
    trainee = trained(base, 0.1)
    learned = adapter_state(trainee)
    share = temper(trainee, layout, mix(trainee), origin)
    assert LEAST < share < 1.0
    for name, now in adapter_state(trainee).items():
        torch.testing.assert_close(now, torch.lerp(origin.state[name], learned[name], share))


def test_a_run_does_not_go_back_to_an_adapter_that_spoils_general_code(
    base: Path, layout: Layout
) -> None:
    origin = Origin(adapter_state(trained(base, 0.3)), 0.0)
    trainee = trained(base, 0.1)
    temper(trainee, layout, mix(trainee), origin)
    from_base = trained(base, 0.1)
    temper(from_base, layout, mix(from_base), None)
    for name, now in adapter_state(trainee).items():
        torch.testing.assert_close(now, adapter_state(from_base)[name])


def test_a_run_without_general_code_stays_where_it_is(base: Path, layout: Layout) -> None:
    trainee = trained(base, 0.3)
    bare = Mix(seed=0, batch_tokens=800, general_share=0.0, library=(), shares=trainee.shares)
    assert temper(trainee, layout, bare, None) == 1.0


@given(st.floats(0.51, 0.99), st.floats(0.02, 2.0), st.floats(1e-4, 1e-2))
def test_the_part_between_is_where_the_parabola_crosses(
    crossing: float, curve: float, room: float
) -> None:
    def excess(at: float) -> float:
        slope = room / crossing - curve * crossing
        return curve * at * at + slope * at - room

    assume(excess(0.5) <= 0.0 < excess(1.0))
    found = tempering._crossing(excess(0.0), excess(0.5), excess(1.0))
    assert found == pytest.approx(crossing)
