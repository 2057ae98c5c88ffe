"""A sheet's losses and gradients against transformers and peft, row by row."""

from __future__ import annotations

from pathlib import Path
from random import Random

import msgspec
import pytest
import torch
from torch import Tensor

from habitus_learner.dataset import Layout, Row, rows_of
from habitus_learner.job import load_layout
from habitus_learner.lessons import collect
from habitus_learner.objective import aversion_loss, preference_loss
from habitus_learner.planner import Hyper
from habitus_learner.sheet import MIN_SHARED
from habitus_learner.trainee import Trainee, load_trainee
from habitus_learner.trunk import Trunk
from habitus_server.engine.fim import Budget
from habitus_server.engine.model import read_shape
from habitus_server.records import Outcome, State
from learner.made_rows import accepted, habit_patterns, row

HYPER = Hyper(rank=4, alpha=8, preference_weight=0.7, aversion_weight=0.7)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def layout(tiny_model: Path) -> Layout:
    return load_layout(tiny_model, "tiny", Budget(160, 48, context=0))


@pytest.fixture(scope="module")
def rows(layout: Layout) -> list[Row]:
    """Two cuts of each pattern, a correction with its twin, and a refusal."""
    stored = [
        accepted(Outcome.EDITED, id="edited", final_text="read(name)", path="b.py"),
        row(State.DISMISSED, id="refused", path="c.py"),
    ]
    examples = collect(stored, habit_patterns(6))
    random = Random(4)
    made = [r for example in examples for r in rows_of(layout, example, random)]
    assert any(r.rejected for r in made) and any(r.refuse for r in made)
    return [msgspec.structs.replace(r, fit=r.fit * (1 + n / 7)) for n, r in enumerate(made)]


def trainee_of(tiny_model: Path) -> Trainee:
    """With an adapter that does something."""
    torch.manual_seed(0)
    trainee = load_trainee(tiny_model, "tiny", CPU, HYPER)
    for name, parameter in trainee.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    return trainee


def trunk_of(trainee: Trainee, *, adds: bool) -> Trunk:
    base = trainee.model.get_base_model()
    shape = read_shape(base.config.to_dict())
    assert shape is not None
    return Trunk(base.model, shape, adds=adds)


def alone(trainee: Trainee, ids: tuple[int, ...]) -> Tensor:
    """Nats per target of one line, by peft's own modules."""
    logits = trainee.model(torch.tensor([ids])).logits[0, :-1]
    return torch.nn.functional.cross_entropy(logits, torch.tensor(ids[1:]), reduction="none")


def text_logprob(trainee: Trainee, ids: tuple[int, ...], start: int) -> tuple[Tensor, Tensor]:
    """(with the adapter, without) of one line's text."""
    with torch.no_grad(), trainee.model.disable_adapter():
        base = -alone(trainee, ids)[start - 1 :].sum()
    return -alone(trainee, ids)[start - 1 :].sum(), base


def loss_row_by_row(trainee: Trainee, rows: list[Row]) -> Tensor:
    total, weight, terms = torch.zeros(()), 0.0, torch.zeros(())
    for one in rows:
        nats = alone(trainee, one.ids)
        worth = torch.full_like(nats, one.fit)
        worth[: one.start - 1] *= HYPER.prompt_weight
        total, weight = total + (nats * worth).sum(), weight + float(worth.sum())
        own, base = text_logprob(trainee, one.ids, one.start)
        if one.rejected:
            twin, twin_base = text_logprob(trainee, one.lines[1], one.start)
            lost = preference_loss(own, twin, base, twin_base, beta=HYPER.beta)
            terms = terms + HYPER.preference_weight * one.prefer * lost
        if one.refuse:
            lost = aversion_loss(own, base, beta=HYPER.beta)
            terms = terms + HYPER.aversion_weight * one.refuse * lost
    return total / weight + terms / len(rows)


def gradients(trainee: Trainee, loss: Tensor) -> dict[str, Tensor]:
    trainee.zero_grad()
    loss.backward()
    return {n: p.grad.clone() for n, p in trainee.named_parameters() if p.grad is not None}


def loss_of(trainee: Trainee, rows: list[Row]) -> Tensor:
    batch = trainee.batch(rows, pad=0)
    loss: Tensor = trainee(batch, trainee.logprobs(batch, is_adapted=False))
    return loss


@pytest.mark.parametrize("form", ["added", "beside", "recomputed", "foreign"])
def test_loss_and_gradients_are_those_of_transformers_and_peft_row_by_row(
    form: str, tiny_model: Path, rows: list[Row]
) -> None:
    trainee = trainee_of(tiny_model)
    expected = loss_row_by_row(trainee, rows)
    wanted = gradients(trainee, expected)
    assert len(wanted) == 28
    trainee._trunk = None if form == "foreign" else trunk_of(trainee, adds=form != "beside")
    if form == "recomputed":
        trainee.recompute_layers()
    found = loss_of(trainee, rows)
    assert float(found.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)
    for name, gradient in gradients(trainee, found).items():
        assert torch.allclose(gradient, wanted[name], rtol=1e-3, atol=2e-6), name


def test_what_rows_of_an_example_begin_with_is_read_once(tiny_model: Path, rows: list[Row]) -> None:
    batch = trainee_of(tiny_model).batch(rows, pad=0)
    assert batch.row_tokens == sum(r.length for r in rows)
    read_apart = batch.row_tokens - batch.line_count
    sharing = batch.line_count - len({r.key for r in rows})
    assert sharing >= 2
    assert len(batch.ids) <= read_apart - MIN_SHARED * sharing


def test_half_precision_computes_what_full_precision_does_but_for_its_rounding(
    tiny_model: Path, rows: list[Row]
) -> None:
    trainee = trainee_of(tiny_model)
    exact = loss_of(trainee, rows[:4])
    trainee.model.get_base_model().to(torch.bfloat16)
    trainee._trunk = trunk_of(trainee, adds=False)
    rounded = loss_of(trainee, rows[:4])
    assert float(rounded.detach()) == pytest.approx(float(exact.detach()), rel=2e-2)
    assert all(torch.isfinite(g).all() for g in gradients(trainee, rounded).values())


def test_layers_that_are_computed_again_keep_less(tiny_model: Path, rows: list[Row]) -> None:
    kept = {}
    for recomputes in (False, True):
        trainee = trainee_of(tiny_model)
        if recomputes:
            trainee.recompute_layers()
        sizes = []

        def keep(tensor: Tensor, sizes: list[int] = sizes) -> Tensor:
            sizes.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            batch = trainee.batch(rows, pad=0)
            trainee._trunk.states(batch)  # type: ignore[union-attr]
        kept[recomputes] = sum(sizes)
    assert kept[True] < kept[False] / 5


def test_a_row_is_scored_alike_alone_and_among_others(tiny_model: Path, rows: list[Row]) -> None:
    trainee = trainee_of(tiny_model)
    together = trainee.logprobs(trainee.batch(rows, pad=0))
    apart = torch.cat([trainee.logprobs(trainee.batch([one], pad=0)) for one in rows])
    assert torch.allclose(together, apart, atol=1e-3)
    fitted = [one for one in rows if one.fit]
    nats, tokens = trainee.text_nats(trainee.batch(rows, pad=0))
    assert tokens == sum(len(one.ids) - one.start for one in fitted)
    assert nats == pytest.approx(
        sum(trainee.text_nats(trainee.batch([one], pad=0))[0] for one in fitted), rel=1e-4
    )
