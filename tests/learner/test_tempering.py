"""How strongly an adapter is served."""

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
from habitus_learner.tempering import LEAST, TOLERANCE, temper
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


def test_what_leaves_general_code_alone_is_served_at_the_plans_temper(
    base: Path, layout: Layout
) -> None:
    trainee = trained(base, 0.0)
    temper(trainee, layout, mix(trainee))
    assert trainee.temper == HYPER.temper


def test_what_spoils_general_code_is_served_as_weakly_as_can_be(base: Path, layout: Layout) -> None:
    trainee = trained(base, 0.3)
    temper(trainee, layout, mix(trainee))
    assert trainee.temper == pytest.approx(LEAST * HYPER.temper)


def test_what_spoils_general_code_a_little_is_served_in_part(base: Path, layout: Layout) -> None:
    trainee = trained(base, 0.1)
    temper(trainee, layout, mix(trainee))
    assert LEAST * HYPER.temper < trainee.temper < HYPER.temper


def test_a_run_without_general_code_keeps_its_plans_temper(base: Path, layout: Layout) -> None:
    trainee = trained(base, 0.3)
    bare = Mix(seed=0, batch_tokens=800, general_share=0.0, library=(), shares=trainee.shares)
    temper(trainee, layout, bare)
    assert trainee.temper == HYPER.temper


@given(st.floats(0.51, 0.99), st.floats(0.02, 2.0))
def test_the_strength_between_is_where_the_parabola_crosses(crossing: float, curve: float) -> None:
    def excess(at: float) -> float:
        slope = TOLERANCE / crossing - curve * crossing
        return curve * at * at + slope * at - TOLERANCE

    assume(excess(0.5) <= 0.0 < excess(1.0))
    assert tempering._crossing(excess(0.5), excess(1.0)) == pytest.approx(crossing)
