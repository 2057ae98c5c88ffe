"""Real paired scores for the simulations of `judges`: base weights and a trained adapter.

    python -m benchmarks.learning.scores REPOSITORY NAME [--minutes 4] [--places 480]

Trains on what a repository's past teaches up to a time, with the job of a real cycle, and
asks both arms at lines written later. What comes out holds numbers, paths and ids, no text.
"""

from __future__ import annotations

import argparse
import tempfile
from itertools import islice
from pathlib import Path

import msgspec
from benchmarks.figures import OUTPUT, SEED

from habitus_learner import measure, workfolder
from habitus_learner.child import run_job
from habitus_learner.gate import Compared
from habitus_learner.past import Past
from habitus_learner.places import items_of
from habitus_learner.planner import Plan
from habitus_learner.split import HoldOut, split
from habitus_server.config import Config
from habitus_server.engine.answer import Answerer
from habitus_server.engine.memory import Memory
from habitus_server.engine.model import load_model
from habitus_server.records import AdapterRef

FOLDER = OUTPUT / "learning"


class Score(msgspec.Struct, frozen=True):
    """One place under both arms, as simulations resample it."""

    cluster: str
    chars: int
    incumbent_bits: float
    candidate_bits: float
    incumbent_exact: bool
    candidate_exact: bool


def main() -> int:
    """Train, compare, write."""
    options = _options()
    chapters = islice(Past(options.repository, Config()).chapters(), options.commits)
    examples = [one for chapter in chapters for one in chapter.examples]
    parts = split(examples, hold_out=HoldOut(share=options.share, most=options.places))
    items = items_of(parts.gate, seed=SEED, limit=options.places)
    print(f"{len(parts.train)} lessons to train on, {len(items)} later places", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        plan = _plan(Path(folder) / "work", parts.cutoff, options.minutes)
        workfolder.lay_out(plan, parts)
        ruling = run_job(Path(plan.folder), lambda _line: None)
        print(ruling.sentence, ruling.figures, flush=True)
        model = load_model(plan.model, plan.device)
        compared = measure.compare(
            Answerer(model, Memory(model.tokens)),
            items,
            incumbent=None,
            candidate=AdapterRef("candidate", str(Path(plan.folder) / workfolder.CANDIDATE)),
            budget_s=float("inf"),
        )
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{options.name}.scores.json"
    path.write_bytes(msgspec.json.encode([_score(one) for one in compared]))
    print(f"{len(compared)} places in {path}")
    return 0


def _plan(folder: Path, cutoff: float, minutes: float) -> Plan:
    return Plan(
        cycle_id=1,
        folder=str(folder),
        model="embedded",
        device="cpu",
        threads=1,
        loads_hub_models=False,
        seed=SEED,
        minutes=minutes,
        max_steps=0,
        cutoff=cutoff,
        incumbent=None,
        busy_markers="",
        idle_seconds=0.0,
    )


def _score(one: Compared) -> Score:
    return Score(
        cluster=one.cluster,
        chars=one.chars,
        incumbent_bits=one.incumbent.bits,
        candidate_bits=one.candidate.bits,
        incumbent_exact=one.incumbent.exact,
        candidate_exact=one.candidate.exact,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repository", type=Path)
    parser.add_argument("name")
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--places", type=int, default=480)
    parser.add_argument("--commits", type=int, default=600, help="the newest that wrote code")
    parser.add_argument("--share", type=float, default=0.3)
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
