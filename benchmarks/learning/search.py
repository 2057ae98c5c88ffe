"""How a run is trained: settings against each other, on one history's past and its next block.

    python -m benchmarks.learning.search h11 --steps 300
    python -m benchmarks.learning.search humanize --steps 500 --only plain general_share=0.35

Every variant learns the same examples in the same order for as many steps, alone in this
process and on one thread, and is asked at the same questions; none is judged or published.
Prints a table and writes build/bench/learning/search-NAME.json.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import torch
from benchmarks.figures import OUTPUT
from benchmarks.learning.arms import Arm, Outcome, score
from benchmarks.learning.histories import HISTORIES, blocks_of, open_history

from habitus_learner.courtesy import Courtesy
from habitus_learner.examples import Example
from habitus_learner.job import load_layout
from habitus_learner.measure import probe
from habitus_learner.past import Past
from habitus_learner.planner import Hyper, Plan
from habitus_learner.train import Run
from habitus_learner.trainee import Trainee, load_trainee, save_adapter
from habitus_server import adapters
from habitus_server.adapters import Manifest
from habitus_server.config import Config
from habitus_server.engine.answer import Answerer
from habitus_server.engine.fim import Budget
from habitus_server.engine.memory import Memory
from habitus_server.engine.model import find_folder, load_model
from habitus_server.records import AdapterRef

VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "rank=16": {"rank": 16},
    "AdamW": {"orthogonal": False},
    "learning_rate=1.5e-3": {"learning_rate": 1.5e-3},
    "learning_rate=6e-3": {"learning_rate": 6e-3},
    "prompt_weight=0.3": {"prompt_weight": 0.3},
    "general_share=0.15": {"general_share": 0.15},
    "general_share=0.35": {"general_share": 0.35},
    "temper=1": {"temper": 1.0, "general_share": 0.0},
}
THREADS = 1


class Tried(msgspec.Struct, frozen=True):
    """One variant: bits per character and exact lines alone and with memory, and what general
    code costs ÷ under base weights."""

    variant: str
    alone: float
    mixed: float
    exact_alone: int
    exact_mixed: int
    general: float
    seconds: float


def main() -> int:
    """Train every variant, ask them all, print."""
    options = _options()
    torch.set_num_threads(THREADS)
    history = HISTORIES[options.history]
    repository = open_history(history)
    block = blocks_of(repository, history, seed=options.seed)[0]
    examples = past_examples(Path(repository.path), block.before.id, seed=options.seed)
    folder = OUTPUT / "learning"
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as made:
        trained = {
            name: _train(Path(made) / f"v{number}", examples, options.steps, VARIANTS[name])
            for number, name in enumerate(options.only or VARIANTS)
        }
        refs = {name: ref for name, (ref, _) in trained.items()}
        arms = [Arm("frozen", None, recalls=False), Arm("memory", None, recalls=True)]
        for name, ref in refs.items():
            arms += [Arm(name, ref, recalls=False), Arm(f"{name} +", ref, recalls=True)]
        model = load_model("embedded", "cpu")
        outcomes = score(
            model, repository, block, arms, Path(made) / "outcomes.jsonl", seed=options.seed
        )
        answerer = Answerer(model, Memory(model.tokens))
        found = [_tried("frozen", "memory", outcomes, 1.0, 0.0)]
        for name, (ref, seconds) in trained.items():
            costs = probe(answerer, ref, seed=options.seed)
            drift = sum(c.candidate_bits for c in costs) / sum(c.base_bits for c in costs)
            found.append(_tried(name, f"{name} +", outcomes, drift, seconds))
    (folder / f"search-{history.name}.json").write_bytes(msgspec.json.encode(found))
    for one in found:
        print(
            f"{one.variant:24} alone {one.alone:.4f} ({one.exact_alone})  with memory "
            f"{one.mixed:.4f} ({one.exact_mixed})  general {one.general:.4f}  {one.seconds:.0f} s"
        )
    return 0


def past_examples(root: Path, until: str, *, seed: int) -> list[Example]:
    """What a history teaches up to a commit: its hunks, and the code that stood."""
    past = Past(root, Config(), until=until)
    written = [one for chapter in past.chapters() for one in chapter.examples]
    return [*written, *past.standing(past.until, written, seed=seed)]


def _train(
    folder: Path, examples: Sequence[Example], steps: int, changes: dict[str, Any]
) -> tuple[AdapterRef, float]:
    folder.mkdir()
    torch.manual_seed(0)
    base = find_folder("embedded")
    trainee = load_trainee(base, "embedded", torch.device("cpu"), Hyper(**changes))
    hyper = trainee.hyper
    plan = Plan(
        cycle_id=1, folder=str(folder), model="embedded", device="cpu", threads=THREADS,
        loads_hub_models=False, seed=0, minutes=600.0, max_steps=steps, cutoff=0.0,
        incumbent=None, busy_markers="", idle_seconds=0.0, checkpoint_every_s=1e9, hyper=hyper,
    )  # fmt: skip
    layout = load_layout(
        base, "embedded", Budget(hyper.prefix_tokens, hyper.suffix_tokens, context=0)
    )
    courtesy = Courtesy(None, 0.0, now=time.time, sleep=time.sleep)
    began = time.monotonic()
    Run(plan, trainee, layout, examples, batch_tokens=hyper.step_tokens, courtesy=courtesy).train()
    seconds = time.monotonic() - began
    _write(folder, trainee, base)
    print(f"trained {changes or 'plain'}: {seconds:.0f} s, temper {trainee.temper}", flush=True)
    return AdapterRef(folder.name, str(folder)), seconds


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


def _tried(
    alone: str, mixed: str, outcomes: Sequence[Outcome], general: float, seconds: float
) -> Tried:
    chars = sum(one.chars for one in outcomes)

    def bits(arm: str) -> float:
        return sum(one.answers[arm].bits for one in outcomes) / chars

    def exact(arm: str) -> int:
        return sum(one.answers[arm].exact for one in outcomes)

    return Tried(alone, bits(alone), bits(mixed), exact(alone), exact(mixed), general, seconds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning.search")
    parser.add_argument("history", choices=sorted(HISTORIES))
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", choices=list(VARIANTS), help="all by default")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
