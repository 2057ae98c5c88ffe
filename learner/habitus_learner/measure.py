"""What two adapters do at the same places, by the engine's own hands.

Promises that prompts, weights and decoding are those of serving, with memory off on
both sides, so that the adapter alone is measured. Rules on nothing (see `gate`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from habitus_learner import gate, general
from habitus_learner.gate import Compared, Cost, Probe
from habitus_learner.places import Cut, Item
from habitus_learner.similarity import similarity
from habitus_server.engine.answer import Answerer
from habitus_server.engine.wire import Complete, Place, Score, Stop
from habitus_server.records import AdapterRef

PROBE_ITEMS = 192
ALWAYS_COMPARED = 60
COVERED = 0.5
"""The share of the episodes that is always measured."""


def compare(
    answerer: Answerer,
    items: Sequence[Item],
    *,
    incumbent: AdapterRef | None,
    candidate: AdapterRef,
    budget_s: float,
    clock: Callable[[], float] = time.monotonic,
    tell: Callable[[float], None] = lambda _share: None,
) -> list[Compared]:
    """Both arms at every item, or at the first ones when there is no time for all.

    Items come in random order and the time says nothing about their outcome, so that
    stopping early costs power and biases nothing. Enough to rule on is always measured.
    """
    compared: list[Compared] = []
    began = clock()
    needed = len({item.cluster for item in items}) * COVERED
    for number, item in enumerate(items):
        is_enough = len(compared) >= ALWAYS_COMPARED and len(
            {one.cluster for one in compared}
        ) >= max(gate.MIN_CLUSTERS, needed)
        if is_enough and clock() - began > budget_s:
            break
        tell(number / len(items))
        compared.append(
            Compared(
                id=item.id,
                cluster=item.cluster,
                chars=len(item.cut.target),
                incumbent=cost(answerer, item, incumbent),
                candidate=cost(answerer, item, candidate),
            )
        )
    return compared


def cost(answerer: Answerer, item: Item, adapter: AdapterRef | None) -> Cost:
    """What one arm makes of one place; the prompt is read once for both questions."""
    place = _place(item.path, item.language, item.cut)
    target = item.cut.target
    scored = answerer.score(
        Score(id=0, place=place, middle=target, adapter=adapter, use_memory=False)
    )
    room = min(96, 2 * scored.tokens + 8)
    lines = target.count("\n") + 1
    stop = Stop(max_tokens=room) if lines == 1 else Stop("block", max_lines=lines, max_tokens=room)
    completed = answerer.complete(
        Complete(id=0, window="gate", place=place, adapter=adapter, stop=stop, use_memory=False)
    )
    text = completed.candidates[0].text
    return Cost(
        bits=scored.bits,
        exact=text.rstrip() == target.rstrip(),
        similarity=similarity(text, target),
        text=text,
    )


def probe(
    answerer: Answerer, candidate: AdapterRef, *, seed: int, root: Path | None = None
) -> list[Probe]:
    """Passages of library files that no cycle trains on, under base weights and the candidate."""
    cuts = general.passages(general.probe_files(root), PROBE_ITEMS, Random(f"{seed}:probe"))
    # One arm after the other: weights are swapped once, not at every place.
    base = [_bits(answerer, one.path, one.cut, None) for one in cuts]
    adapted = [_bits(answerer, one.path, one.cut, candidate) for one in cuts]
    return [
        Probe(chars=len(one.cut.target), base_bits=before, candidate_bits=after)
        for one, before, after in zip(cuts, base, adapted, strict=True)
    ]


def _bits(answerer: Answerer, path: str, cut: Cut, adapter: AdapterRef | None) -> float:
    place = _place(path, "python", cut)
    return answerer.score(
        Score(id=0, place=place, middle=cut.target, adapter=adapter, use_memory=False)
    ).bits


def _place(path: str, language: str, cut: Cut) -> Place:
    return Place(workspace="", path=path, language=language, prefix=cut.prefix, suffix=cut.suffix)
