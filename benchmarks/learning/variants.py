"""What a search compares, and what the variants learn from.

Promises that all variants of a search learn the same examples: a history's past (`past`), or
what a cycle of a finished part learned (`cycle`), signals and past as that cycle mixed them.
"""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path
from typing import Any

import msgspec
import pygit2
from benchmarks.learning.histories import Block, History, blocks_of, open_history
from benchmarks.learning.parts import Part

from habitus_learner.examples import Example
from habitus_learner.past import Past
from habitus_learner.workfolder import read_examples
from habitus_server import adapters
from habitus_server.config import Config
from habitus_server.errors import UserError
from habitus_server.records import AdapterRef


class Variant(msgspec.Struct, frozen=True):
    """What a run does otherwise: its settings, how many times as many steps it makes, whether
    it goes on from the adapter in service, and whether signals are among its examples."""

    changes: dict[str, Any] = {}
    times: float = 1.0
    is_fresh: bool = False
    has_signals: bool = True


class Subject(msgspec.Struct, frozen=True):
    """What is learned, from which adapter on, and the block that is asked afterwards, with what
    its commits wrote in place of something else."""

    examples: list[Example]
    incumbent: AdapterRef | None
    block: Block
    corrections: list[Example]


PAST: dict[str, Variant] = {
    "plain": Variant(),
    "steps×2": Variant(times=2.0),
    "steps×½": Variant(times=0.5),
    "step_tokens=512, steps×2": Variant({"step_tokens": 512}, times=2.0),
    "rank=16": Variant({"rank": 16}),
    "AdamW": Variant({"orthogonal": False}),
    "learning_rate=1.5e-3": Variant({"learning_rate": 1.5e-3}),
    "learning_rate=6e-3": Variant({"learning_rate": 6e-3}),
    "prompt_weight=0.3": Variant({"prompt_weight": 0.3}),
    "prompts=384+128": Variant({"prefix_tokens": 384, "suffix_tokens": 128}),
    "prompts=640+192": Variant({"prefix_tokens": 640, "suffix_tokens": 192}),
    "general_share=0.15": Variant({"general_share": 0.15}),
    "general_share=0.25": Variant({"general_share": 0.25}),
    "general_share=0.55": Variant({"general_share": 0.55}),
    "temper=1": Variant({"temper": 1.0}),
}

CYCLE: dict[str, Variant] = {
    "plain": Variant(),
    "without signals": Variant(has_signals=False),
    "preference_weight=0": Variant({"preference_weight": 0.0}),
    "aversion_weight=0": Variant({"aversion_weight": 0.0}),
    "neither": Variant({"preference_weight": 0.0, "aversion_weight": 0.0}),
    "both=0.3": Variant({"preference_weight": 0.3, "aversion_weight": 0.3}),
    "fresh": Variant(is_fresh=True),
    "fresh, steps×3": Variant(is_fresh=True, times=3.0),
    "continued_rate=1": Variant({"continued_rate": 1.0}),
    "continued_rate=¼": Variant({"continued_rate": 0.25}),
}


def past_of(history: History, *, seed: int) -> Subject:
    """A history's hunks up to its first block, and the code that stood."""
    repository = open_history(history)
    block = blocks_of(repository, history, seed=seed)[0]
    past = Past(Path(repository.path), Config(), until=block.before.id)
    written = [one for chapter in past.chapters() for one in chapter.examples]
    examples = [*written, *past.standing(past.until, written, seed=seed)]
    return Subject(examples, None, block, _corrections(repository, block))


def cycle_of(history: History, *, seed: int) -> Subject:
    """What the cycle after a part's first block learned, from the warm-up's adapter on; raises
    `UserError` where that was not run or not published."""
    part = Part(history, seed)
    before, after = part.served(0), part.served(1)
    if after is None or after == before:
        raise UserError(
            f"{part.folder} has no published cycle; run `python -m benchmarks.learning "
            f"{history.name} --seeds {seed} --only-parts` first."
        )
    examples = read_examples(Path(after.path) / adapters.EXAMPLES)
    repository = open_history(history)
    block = blocks_of(repository, history, seed=seed)[1]
    return Subject(examples, before, block, _corrections(repository, block))


def _corrections(repository: pygit2.Repository, block: Block) -> list[Example]:
    past = Past(Path(repository.path), Config(), until=block.last.id)
    later = takewhile(lambda chapter: chapter.at > block.before.time, past.chapters())
    found = [one for chapter in later for one in chapter.examples if one.rejected]
    # As if they had been seen: what commits replaced is not preferred against (`dataset`).
    return [msgspec.structs.replace(one, id=f"later {one.id}") for one in found]
