"""Training: the same numbers as transformers, and kills that cost nothing but time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec
import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from habitus_learner.muon import Muon
from habitus_learner.pretrain.cli import main, read_deadline
from habitus_learner.pretrain.export import MOST_BYTES, export
from habitus_learner.pretrain.model import FimModel, initialise
from habitus_learner.pretrain.presets import PRESETS
from habitus_learner.pretrain.rows import all_rows
from habitus_learner.pretrain.shards import write_shards
from habitus_learner.pretrain.tokenizer import encode_plain
from habitus_learner.pretrain.train import Plan, Position, Run
from habitus_server.engine.model import load_model
from pretrain.samples import SOURCES, documents, small_tokenizer

TINY = PRESETS["tiny"]


class KilledError(Exception):
    """What a kill looks like from inside."""


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rows")
    write_shards(folder, all_rows(documents() * 2, small_tokenizer(), seed=1))
    return folder


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """On a busy machine, threads that wait for each other cost far more than they bring."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def train(rows: Path, folder: Path, kill_at: int | None = None, *, anew: bool = False) -> Run:
    def report(_: FimModel, position: Position) -> None:
        if position.step == kill_at:
            raise KilledError

    plan = Plan(
        rows,
        folder,
        is_compiled=False,
        checkpoint_every_s=-1,
        report_every_s=-1,
        starts_anew=anew,
    )
    preset = msgspec.structs.replace(TINY, target_tokens=8_000)
    run = Run(preset, plan, lambda _: None)
    run.train(report)
    return run


def weights(run: Run) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in run.model.parameters()])


def test_a_killed_run_goes_on_at_the_same_row_to_the_same_weights(
    rows: Path, tmp_path: Path
) -> None:
    whole = train(rows, tmp_path / "whole")
    with pytest.raises(KilledError):
        train(rows, tmp_path / "killed", kill_at=2)
    resumed = train(rows, tmp_path / "killed")
    assert whole.position.step > 3
    assert resumed.position.row == whole.position.row
    assert torch.equal(weights(resumed), weights(whole))


def test_training_lowers_the_loss_and_ends_with_a_rate_of_zero(rows: Path, tmp_path: Path) -> None:
    run = train(rows, tmp_path)
    assert run.position.progress == 1.0
    assert run.set_rates() == 0.0


def test_a_finished_run_trains_on_with_a_new_schedule_and_unread_rows(
    rows: Path, tmp_path: Path
) -> None:
    first = train(rows, tmp_path)
    more = train(rows, tmp_path, anew=True)
    assert more.position.row == 2 * first.position.row
    assert more.position.tokens > first.position.tokens
    assert not torch.equal(weights(more), weights(first))


def test_a_deadline_moves_the_schedule_and_progress_never_goes_back(
    rows: Path, tmp_path: Path
) -> None:
    run = Run(TINY, Plan(rows, tmp_path, deadline=200.0, is_compiled=False), lambda _: None)
    assert run.advance(now=150.0, started=100.0, from_progress=0.2) == pytest.approx(0.6)
    run.position.progress = 0.7
    assert run.advance(now=150.0, started=100.0, from_progress=0.2) == 0.7
    assert run.advance(now=500.0, started=100.0, from_progress=0.2) == 1.0


def test_a_time_of_day_that_has_passed_means_tomorrow() -> None:
    import argparse

    noon = datetime(2026, 1, 1, 12, 0)
    later = read_deadline(argparse.Namespace(hours=None, until="12:30"), noon)
    past = read_deadline(argparse.Namespace(hours=None, until="11:30"), noon)
    assert later is not None and past is not None
    assert (later - noon.timestamp(), past - noon.timestamp()) == (1800.0, 84600.0)


def test_exported_weights_give_transformers_and_the_engine_the_same_numbers(
    tmp_path: Path,
) -> None:
    model = FimModel(TINY.shape)
    initialise(model, seed=3)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter)
    export(model, small_tokenizer(), tmp_path, torch.float32)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    assert type(theirs).__name__ == "Qwen2ForCausalLM"
    text = SOURCES[0][:600]
    ids = encode_plain(small_tokenizer(), text)
    assert AutoTokenizer.from_pretrained(tmp_path).encode(text) == ids
    with torch.no_grad():
        ours = model.logits(torch.tensor([ids]))
        assert torch.allclose(theirs(torch.tensor([ids])).logits, ours, atol=1e-4)
    served = load_model(str(tmp_path), "cpu")
    assert served.template.suffix_first
    assert served.tokens.special["<|fim_middle|>"] == 2


def test_muon_steps_as_torch_does() -> None:
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(24, 64, generator=generator)
    ours, theirs = start.clone().requires_grad_(), start.clone().requires_grad_()
    own = Muon([ours], lr=0.01, weight_decay=0.1)
    reference = torch.optim.Muon(
        [theirs], lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"
    )
    for _ in range(3):
        gradient = torch.randn(24, 64, generator=generator)
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        own.step()
        reference.step()
    moved = torch.cosine_similarity((ours - start).flatten(), (theirs - start).flatten(), dim=0)
    assert moved > 0.999
    assert torch.allclose(ours, theirs, atol=2e-3)


def test_training_without_rows_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "--folder", str(tmp_path)]) == 1
    assert "habitus pretrain evaluate" in capsys.readouterr().err


def test_every_preset_fits_the_wheel_in_two_bytes_a_weight() -> None:
    with torch.device("meta"):
        sizes = {
            name: sum(p.numel() for p in FimModel(preset.shape).parameters())
            for name, preset in PRESETS.items()
        }
    assert all(2 * size + 20_000 < MOST_BYTES for size in sizes.values()), sizes
