"""How a run is trained: settings against each other, at places that were written later.

    python -m benchmarks.learning.search h11 --steps 300
    python -m benchmarks.learning.search humanize --steps 500 --only plain general_share=0.25
    python -m benchmarks.learning.search h11 --of cycle --steps 250

Every variant learns the same examples in the same order for as many steps (but where its name
says otherwise), alone in this process and on one thread, and is asked at the same questions;
none is judged or published. Prints a table and writes build/bench/learning/search-NAME.json.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import msgspec
import torch
from benchmarks.figures import OUTPUT
from benchmarks.learning.arms import Arm, Outcome, score
from benchmarks.learning.histories import HISTORIES, open_history
from benchmarks.learning.variants import CYCLE, PAST, Subject, Variant, cycle_of, past_of

from habitus_learner.courtesy import Courtesy
from habitus_learner.dataset import Layout, Mix, batched, rows_of
from habitus_learner.examples import Example
from habitus_learner.job import continue_from, load_layout
from habitus_learner.measure import probe
from habitus_learner.planner import Hyper, Plan
from habitus_learner.train import Run
from habitus_learner.trainee import Trainee, load_trainee, save_adapter
from habitus_server import adapters
from habitus_server.adapters import Manifest
from habitus_server.engine.answer import Answerer
from habitus_server.engine.fim import Budget
from habitus_server.engine.memory import Memory
from habitus_server.engine.model import find_folder, load_model
from habitus_server.errors import UserError
from habitus_server.records import AdapterRef

THREADS = 1
SUBJECTS = {"past": (past_of, PAST), "cycle": (cycle_of, CYCLE)}


class Tried(msgspec.Struct, frozen=True):
    """One variant: bits per character and exact lines alone and with memory, what general code
    costs ÷ under base weights, and the share of later corrections that it sees coming."""

    variant: str
    alone: float
    mixed: float
    exact_alone: int
    exact_mixed: int
    general: float
    foreseen: float
    seconds: float


class Made(msgspec.Struct, frozen=True):
    """A variant's adapter, the share of later corrections that it sees coming, and its seconds."""

    ref: AdapterRef
    foreseen: float
    seconds: float


def main() -> int:
    """Train every variant, ask them all, print."""
    options = _options()
    torch.set_num_threads(THREADS)
    history = HISTORIES[options.history]
    find, variants = SUBJECTS[options.of]
    try:
        if unknown := [name for name in options.only or () if name not in variants]:
            raise UserError(
                f"No such variant: {', '.join(unknown)}. There are: {', '.join(variants)}."
            )
        subject = find(history, seed=options.seed)
    except UserError as error:
        print(error)
        return 1
    folder = OUTPUT / "learning"
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as made:
        trained = {
            name: _train(Path(made) / f"v{number}", subject, options.steps, variants[name])
            for number, name in enumerate(options.only or variants)
        }
        before = subject.incumbent
        arms = [Arm("before", before, recalls=False), Arm("before +", before, recalls=True)]
        for name, made_of in trained.items():
            arms.append(Arm(name, made_of.ref, recalls=False))
            arms.append(Arm(f"{name} +", made_of.ref, recalls=True))
        model = load_model("embedded", "cpu")
        outcomes = score(
            model, open_history(history), subject.block, arms, Path(made) / "outcomes.jsonl",
            seed=options.seed,
        )  # fmt: skip
        answerer = Answerer(model, Memory(model.tokens))
        found = [_tried("before", outcomes, _drift(answerer, before, options.seed), None)]
        for name, made_of in trained.items():
            drift = _drift(answerer, made_of.ref, options.seed)
            found.append(_tried(name, outcomes, drift, made_of))
    name = "-".join(("search", history.name, options.of, str(options.seed)))
    (folder / f"{name}.json").write_bytes(msgspec.json.encode(found))
    for one in found:
        print(
            f"{one.variant:24} alone {one.alone:.4f} ({one.exact_alone})  with memory "
            f"{one.mixed:.4f} ({one.exact_mixed})  general {one.general:.4f}  "
            f"foreseen {one.foreseen:.3f} of {len(subject.corrections)}  {one.seconds:.0f} s"
        )
    return 0


def _train(folder: Path, subject: Subject, steps: int, variant: Variant) -> Made:
    folder.mkdir()
    torch.manual_seed(0)
    base = find_folder("embedded")
    trainee = load_trainee(base, "embedded", torch.device("cpu"), Hyper(**variant.changes))
    origin = None
    if subject.incumbent is not None and not variant.is_fresh:
        origin = continue_from(trainee, Path(subject.incumbent.path))
    hyper = trainee.hyper
    plan = Plan(
        cycle_id=1, folder=str(folder), model="embedded", device="cpu", threads=THREADS,
        loads_hub_models=False, seed=0, minutes=600.0, max_steps=round(steps * variant.times),
        cutoff=0.0, incumbent=None, busy_markers="", idle_seconds=0.0, checkpoint_every_s=1e9,
        hyper=hyper,
    )  # fmt: skip
    layout = load_layout(
        base, "embedded", Budget(hyper.prefix_tokens, hyper.suffix_tokens, context=0)
    )
    examples = [one for one in subject.examples if variant.has_signals or one.is_past]
    courtesy = Courtesy(None, 0.0, now=time.time, sleep=time.sleep)
    began = time.monotonic()
    trained = Run(
        plan, trainee, layout, examples, batch_tokens=hyper.step_tokens, courtesy=courtesy,
        origin=origin,
    ).train()  # fmt: skip
    seconds = time.monotonic() - began
    _write(folder, trainee, base)
    print(f"{variant}: {seconds:.0f} s, {trained.share:.2f} of it served", flush=True)
    foreseen = _foreseen(trainee, layout, subject.corrections)
    return Made(AdapterRef(folder.name, str(folder)), foreseen, seconds)


def _foreseen(trainee: Trainee, layout: Layout, corrections: Sequence[Example]) -> float:
    """The share of corrections of which the adapter, as it is served, favours what was written
    more than what it replaced, against base weights: DPO's reward accuracy."""
    chance = Random(0)
    rows = [row for one in corrections for row in rows_of(layout, one, chance) if row.rejected]
    mix = Mix(0, trainee.hyper.step_tokens, 0.0, (), shares=trainee.shares)
    right = []
    for part in batched(rows, mix):
        batch = trainee.batch(part, layout.template.tokens.pad)
        with trainee.tempered():
            gains = trainee.logprobs(batch) - trainee.logprobs(batch, is_adapted=False)
        right += [bool(gains[line] > gains[twin]) for line, twin, _ in batch.pairs]
    return sum(right) / max(1, len(right))


def _drift(answerer: Answerer, ref: AdapterRef | None, seed: int) -> float:
    if ref is None:
        return 1.0
    costs = probe(answerer, ref, seed=seed)
    return sum(cost.candidate_bits for cost in costs) / sum(cost.base_bits for cost in costs)


def _write(folder: Path, trainee: Trainee, base: Path) -> None:
    save_adapter(trainee, folder)
    (folder / adapters.EXAMPLES).touch()
    files = {name: adapters.hash_file(folder / name) for name in adapters.REQUIRED}
    manifest = Manifest(
        format=adapters.FORMAT, version=folder.name, base_model="embedded",
        base_sha256=adapters.hash_base(base), created_at=time.time(), parent=None, seed=0,
        files=files, examples={}, hyper_parameters={}, figures={}, verdict="",
    )  # fmt: skip
    (folder / adapters.MANIFEST).write_bytes(msgspec.json.encode(manifest))


def _tried(name: str, outcomes: Sequence[Outcome], general: float, made: Made | None) -> Tried:
    mixed = f"{name} +"
    chars = sum(one.chars for one in outcomes)

    def bits(arm: str) -> float:
        return sum(one.answers[arm].bits for one in outcomes) / chars

    def exact(arm: str) -> int:
        return sum(one.answers[arm].exact for one in outcomes)

    return Tried(
        name, bits(name), bits(mixed), exact(name), exact(mixed), general,
        made.foreseen if made else 0.5, made.seconds if made else 0.0,
    )  # fmt: skip


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning.search")
    parser.add_argument("history", choices=sorted(HISTORIES))
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--of", choices=sorted(SUBJECTS), default="past")
    parser.add_argument("--only", nargs="*", help="variants; all by default")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
