"""Bounded samples of examples."""

from __future__ import annotations

import random

from habitus_learner.examples import Author, Example, Kind
from habitus_learner.reservoir import Bounds, sample

NO_BOUND = 10**9


def example(number: int, weight: float = 1.0, target: str = "x = 1") -> Example:
    return Example(
        id=f"e{number}",
        kind=Kind.PATTERN,
        path="a.py",
        language="python",
        prefix="",
        suffix="",
        target=target,
        rejected="",
        weight=weight,
        session="s",
        at=float(number),
        known_at=float(number),
        row_ids=(),
        author=Author.PERSON,
    )


def test_fewer_than_the_bounds_are_all_kept_oldest_first() -> None:
    found = sample([example(2), example(1)], Bounds(5, NO_BOUND), seed=0)
    assert [one.id for one in found] == ["e1", "e2"]


def test_the_sample_depends_on_the_seed_and_not_on_the_order() -> None:
    every = [example(n) for n in range(200)]
    shuffled = random.Random(1).sample(every, len(every))
    bounds = Bounds(20, NO_BOUND)
    assert sample(every, bounds, seed=3) == sample(shuffled, bounds, seed=3)
    assert sample(every, bounds, seed=3) != sample(every, bounds, seed=4)


def test_weightier_examples_are_likelier() -> None:
    every = [example(n, weight=4.0 if n % 2 else 1.0) for n in range(2_000)]
    found = sample(every, Bounds(400, NO_BOUND), seed=0)
    heavy = sum(one.weight == 4.0 for one in found)
    assert len(found) == 400
    assert 280 < heavy < 340, "about four fifths, a little less as the heavy ones run out"


def test_characters_are_bounded_too() -> None:
    every = [example(n, target="y" * 100) for n in range(50)]
    found = sample(every, Bounds(NO_BOUND, 1_000), seed=0)
    assert len(found) == 10
