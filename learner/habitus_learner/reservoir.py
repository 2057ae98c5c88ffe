"""A bounded sample of examples, the weightier ones more likely in it.

Promises the same sample for the same examples and seed, in whatever order they come, and
to hold no more than its bounds while they stream by. Pure.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from random import Random

import msgspec

from habitus_learner.examples import Example


class Bounds(msgspec.Struct, frozen=True):
    """The most examples, and the most characters of text in all of them together."""

    examples: int
    characters: int


def sample(examples: Iterable[Example], bounds: Bounds, *, seed: int) -> list[Example]:
    """Weighted sampling without replacement in one pass (Efraimidis and Spirakis, 2006),
    oldest first."""
    kept: list[tuple[float, str, Example]] = []
    characters = 0
    for example in examples:
        if example.weight <= 0.0:
            continue
        chance = Random(f"{seed}:{example.id}").random() ** (1.0 / example.weight)
        heapq.heappush(kept, (chance, example.id, example))
        characters += _size(example)
        while kept and (len(kept) > bounds.examples or characters > bounds.characters):
            characters -= _size(heapq.heappop(kept)[2])
    return sorted((example for _, _, example in kept), key=lambda e: (e.at, e.id))


def _size(example: Example) -> int:
    texts = (example.prefix, example.suffix, example.target, example.rejected)
    return sum(map(len, texts))
