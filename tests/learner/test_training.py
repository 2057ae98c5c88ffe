from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
import torch

from habitus_learner import workfolder
from habitus_learner.courtesy import LONGEST_WAIT_S, Courtesy
from habitus_learner.dataset import Layout, rows_of
from habitus_learner.examples import Example
from habitus_learner.job import load_layout
from habitus_learner.lessons import collect
from habitus_learner.objective import aversion_loss, preference_loss, token_losses
from habitus_learner.planner import Hyper, Plan
from habitus_learner.tempering import Origin
from habitus_learner.train import Run
from habitus_learner.trainee import (
    Trainee,
    adapter_state,
    load_trainee,
    save_adapter,
    set_adapter_state,
)
from habitus_learner.workfolder import Trained
from habitus_server import adapters
from habitus_server.engine.fim import Budget
from habitus_server.engine.lora import read_adapter
from habitus_server.engine.model import load_model
from habitus_server.records import AdapterRef, Outcome, State
from learner.made_rows import accepted, habit_patterns, manifest, row

CPU = torch.device("cpu")
HYPER = Hyper(rank=4, alpha=8, learning_rate=1e-2, step_tokens=400, general_share=0.0)


class KilledError(Exception):
    """Stands for kill -9 at a place that the test chooses."""


@pytest.fixture(scope="module")
def layout(tiny_model: Path) -> Layout:
    return load_layout(tiny_model, "tiny", Budget(96, 32, context=0))


def lessons() -> list[Example]:
    rows = [
        accepted(Outcome.KEPT, id="kept"),
        accepted(Outcome.EDITED, id="edited", final_text="read(name)", path="b.py"),
        row(State.DISMISSED, id="refused", path="c.py"),
    ]
    return collect(rows, habit_patterns(60))


def fresh(tiny_model: Path, hyper: Hyper = HYPER) -> Trainee:
    torch.manual_seed(0)
    return load_trainee(tiny_model, "tiny", CPU, hyper)


def plan(folder: Path, *, steps: int, **changes: Any) -> Plan:
    fields: dict[str, Any] = {
        "cycle_id": 1,
        "folder": str(folder),
        "model": "tiny",
        "device": "cpu",
        "threads": 1,
        "loads_hub_models": False,
        "seed": 0,
        "minutes": 5.0,
        "max_steps": steps,
        "cutoff": 0.0,
        "incumbent": None,
        "busy_markers": "",
        "idle_seconds": 0.0,
        "hyper": HYPER,
    }
    return Plan(**{**fields, **changes})


def prepared(
    tiny_model: Path, layout: Layout, folder: Path, *, steps: int, **changes: Any
) -> tuple[Run, Trainee]:
    folder.mkdir(exist_ok=True)
    trainee = fresh(tiny_model)
    tell = changes.pop("tell", lambda _line: None)
    examples = changes.pop("examples", None) or lessons()
    seen_until = changes.pop("seen_until", None)
    origin = None if seen_until is None else Origin(adapter_state(trainee), seen_until)
    run = Run(
        plan(folder, steps=steps, **changes),
        trainee,
        layout,
        examples,
        batch_tokens=HYPER.step_tokens,
        courtesy=Courtesy(None, 0.0, now=lambda: 0.0, sleep=lambda _s: None),
        origin=origin,
        tell=tell,
    )
    return run, trainee


def test_training_lowers_the_loss(tiny_model: Path, layout: Layout, tmp_path: Path) -> None:
    run, _ = prepared(tiny_model, layout, tmp_path / "run", steps=40)
    trained = run.train()
    assert trained.steps == 40
    assert trained.last_loss < trained.first_loss - 1.0


def test_a_run_whose_every_step_harms_ends_with_the_adapter_it_began_with(
    tiny_model: Path, layout: Layout, tmp_path: Path
) -> None:
    def ruin(_line: workfolder.Progress) -> None:
        set_adapter_state(
            trainee, {name: torch.randn_like(tensor) for name, tensor in start.items()}
        )

    examples = collect([], habit_patterns(240))
    useful, taught = prepared(tiny_model, layout, tmp_path / "a", steps=30, examples=examples)
    useful.train()
    start = adapter_state(taught)
    run, trainee = prepared(
        tiny_model, layout, tmp_path / "b", steps=8, examples=examples, tell=ruin
    )
    set_adapter_state(trainee, start)
    trained = run.train()
    assert (trained.steps, trained.best_step) == (8, 0)
    for name, tensor in adapter_state(trainee).items():
        assert torch.equal(start[name], tensor), name


def test_a_run_that_was_killed_ends_like_one_that_was_not(
    tiny_model: Path, layout: Layout, tmp_path: Path
) -> None:
    whole, expected = prepared(tiny_model, layout, tmp_path / "whole", steps=16)
    wanted = whole.train()

    def kill_at_nine(line: workfolder.Progress) -> None:
        if line.step == 9:
            raise KilledError

    killed, _ = prepared(
        tiny_model, layout, tmp_path / "cut", steps=16, tell=kill_at_nine, checkpoint_every_s=0.0
    )
    with pytest.raises(KilledError):
        killed.train()
    again, trainee = prepared(tiny_model, layout, tmp_path / "cut", steps=16)
    found = again.train()
    assert again.position.step == whole.position.step
    assert again.losses == pytest.approx(whole.losses, rel=1e-4)
    assert found.best_step == wanted.best_step
    for name, tensor in adapter_state(expected).items():
        assert torch.allclose(adapter_state(trainee)[name], tensor, atol=1e-4), name


def test_at_most_the_steps_since_the_last_checkpoint_are_lost(
    tiny_model: Path, layout: Layout, tmp_path: Path
) -> None:
    def kill_at_six(line: workfolder.Progress) -> None:
        if line.step == 6:
            raise KilledError

    killed, _ = prepared(
        tiny_model, layout, tmp_path / "run", steps=16, tell=kill_at_six, checkpoint_every_s=0.0
    )
    with pytest.raises(KilledError):
        killed.train()
    again, _ = prepared(tiny_model, layout, tmp_path / "run", steps=16)
    again._restore()
    assert again.position.step == 5


def timed(tiny_model: Path, layout: Layout, folder: Path, computed: Iterator[float]) -> Trained:
    """A run of half a minute, each of whose steps takes two seconds."""
    folder.mkdir()
    ticks = iter(range(0, 10_000, 2))
    run = Run(
        plan(folder, steps=0, minutes=0.5),
        fresh(tiny_model),
        layout,
        lessons(),
        batch_tokens=400,
        courtesy=Courtesy(None, 0.0, now=lambda: 0.0, sleep=lambda _s: None),
        clock=lambda: float(next(ticks)),
        computed=lambda: float(next(computed)),
    )
    return run.train()


def test_a_checkpoint_is_chosen_by_code_that_the_adapter_before_has_not_seen(
    tiny_model: Path, layout: Layout, tmp_path: Path
) -> None:
    examples = collect([], habit_patterns(240))
    middle = sorted(example.at for example in examples)[120]
    newer = {example.id for example in examples if example.at >= middle}
    run, _ = prepared(
        tiny_model, layout, tmp_path / "run", steps=1, examples=examples, seen_until=middle
    )
    assert run._inner
    assert {row.key for row in run._inner} <= newer


def test_too_little_new_code_chooses_no_checkpoint(
    tiny_model: Path, layout: Layout, tmp_path: Path
) -> None:
    examples = collect([], habit_patterns(240))
    late = sorted(example.at for example in examples)[-20]
    run, _ = prepared(
        tiny_model, layout, tmp_path / "run", steps=1, examples=examples, seen_until=late
    )
    assert not run._inner
    assert run.train().steps == 1


def test_a_run_ends_when_its_minutes_are_over(
    tiny_model: Path, layout: Layout, tmp_path: Path
) -> None:
    trained = timed(tiny_model, layout, tmp_path / "run", count(step=2.0))
    assert 30.0 <= trained.active_s <= 34.0
    assert trained.steps == 15


def test_seconds_in_which_others_had_the_processor_count_half_when_half_was_left(
    tiny_model: Path, layout: Layout, tmp_path: Path
) -> None:
    assert timed(tiny_model, layout, tmp_path / "run", count(step=1.0)).steps == 30


def test_a_run_that_gets_no_processor_ends_in_three_times_its_minutes(
    tiny_model: Path, layout: Layout, tmp_path: Path
) -> None:
    assert timed(tiny_model, layout, tmp_path / "run", count(step=0.0)).steps == 45


def test_training_waits_while_somebody_types_but_not_for_good(tmp_path: Path) -> None:
    marker = tmp_path / "engine-1.busy"
    marker.touch()
    busy_until = marker.stat().st_mtime
    now = [busy_until + 0.5]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    courtesy = Courtesy(tmp_path, 2.0, now=lambda: now[0], sleep=sleep)
    assert courtesy.wait() == pytest.approx(1.6, abs=0.21)
    assert courtesy.wait() == 0.0
    typing = Courtesy(tmp_path, 2.0, now=lambda: busy_until, sleep=lambda _s: None)
    assert typing.wait() == pytest.approx(LONGEST_WAIT_S, abs=0.3)
    assert Courtesy(None, 2.0, now=lambda: busy_until, sleep=sleep).wait() == 0.0


def test_what_is_trained_is_what_the_engine_serves(
    tiny_model: Path, layout: Layout, tmp_path: Path
) -> None:
    run, trainee = prepared(tiny_model, layout, tmp_path / "run", steps=10)
    run.train()
    folder = tmp_path / "adapter"
    folder.mkdir()
    save_adapter(trainee, folder)
    (folder / adapters.EXAMPLES).touch()
    files = {name: adapters.hash_file(folder / name) for name in adapters.REQUIRED}
    base = adapters.hash_base(tiny_model)
    whole = manifest(version="adapter", files=files, base_sha256=base)
    (folder / adapters.MANIFEST).write_bytes(msgspec.json.encode(whole))
    assert len(read_adapter(folder, base_sha256=base)) == 14
    (example,) = [e for e in lessons() if e.id == "pattern:p5"]
    line = rows_of(layout, example, Random(0))[0]
    batch = trainee.batch([line], layout.template.tokens.pad)
    nats, count = trainee.text_nats(batch)
    network = load_model(str(tiny_model), "cpu").network(AdapterRef("adapter", str(folder)))
    logits = network.forward(line.ids[:-1], network.new_cache(), rows=count)
    served = -torch.log_softmax(logits, -1)[range(count), list(line.ids[line.start :])].sum()
    assert nats == pytest.approx(float(served), rel=1e-3)


def test_an_untrained_adapter_changes_nothing(tiny_model: Path, layout: Layout) -> None:
    trainee = fresh(tiny_model)
    rows = [r for e in lessons()[:4] for r in rows_of(layout, e, Random(0))]
    batch = trainee.batch(rows, layout.template.tokens.pad)
    for tensor in adapter_state(trainee).values():
        assert torch.isfinite(tensor).all()
    base = trainee.logprobs(batch, is_adapted=False)
    assert torch.allclose(trainee.logprobs(batch), base, atol=1e-4)


def test_corrections_and_failures_move_probability_the_right_way(
    tiny_model: Path, layout: Layout
) -> None:
    hyper = Hyper(
        rank=4, alpha=8, prompt_weight=0.0, preference_weight=5.0, aversion_weight=5.0, beta=0.5
    )
    trainee = fresh(tiny_model, hyper)
    found = [e for e in lessons() if e.rejected]
    rows = [r for e in found for r in rows_of(layout, e, Random(0))]
    batch = trainee.batch(rows, layout.template.tokens.pad)
    base = trainee.logprobs(batch, is_adapted=False)
    optimizer = torch.optim.AdamW([p for p in trainee.parameters() if p.requires_grad], lr=5e-3)
    for _ in range(25):
        optimizer.zero_grad()
        trainee(batch, base).backward()
        optimizer.step()
    now = trainee.logprobs(batch)
    ((chosen, rejected, _),) = batch.pairs
    ((refused, _),) = batch.refused
    assert now[chosen] - now[rejected] > base[chosen] - base[rejected] + 1.0
    assert now[refused] < base[refused] - 0.5


def test_adapter_state_goes_out_and_back_unchanged(tiny_model: Path) -> None:
    trainee = fresh(tiny_model)
    doubled = {name: 2 * tensor + 1 for name, tensor in adapter_state(trainee).items()}
    set_adapter_state(trainee, doubled)
    for name, tensor in adapter_state(trainee).items():
        assert torch.equal(tensor, doubled[name])


def test_losses_of_many_positions_are_those_of_one_product() -> None:
    head = torch.nn.Linear(8, 50, bias=False)
    states = torch.randn(5_000, 8, requires_grad=True)
    targets = torch.randint(0, 50, (5_000,))
    pieces = token_losses(states, targets, head)
    (from_pieces,) = torch.autograd.grad(pieces.sum(), states)
    at_once = torch.nn.functional.cross_entropy(head(states), targets, reduction="none")
    (expected,) = torch.autograd.grad(at_once.sum(), states)
    assert torch.allclose(pieces, at_once, atol=1e-5)
    assert torch.allclose(from_pieces, expected, atol=1e-5)


def test_preference_and_aversion_start_neutral_and_stay_bounded() -> None:
    same = torch.tensor(-4.0)
    assert float(preference_loss(same, same, same, same, beta=0.1)) == pytest.approx(math.log(2))
    assert float(aversion_loss(same, same, beta=0.1)) == pytest.approx(0.5)
    gone, base = torch.tensor(-1e4), torch.tensor(-4.0)
    assert float(aversion_loss(gone, base, beta=0.1)) == pytest.approx(0.0, abs=1e-6)
    assert float(aversion_loss(base, gone, beta=0.1)) == pytest.approx(1.0, abs=1e-6)


def test_results_in_a_work_folder_are_read_back(tmp_path: Path) -> None:
    done = Trained(10, 2, 4_000, 3.5, 2.0, 1.0, 8, 1.0)
    workfolder.write(tmp_path / workfolder.TRAINED, done)
    assert workfolder.read(tmp_path / workfolder.TRAINED, Trained) == done
    assert workfolder.read_ruling(tmp_path) is None
