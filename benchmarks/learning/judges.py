"""How often gate and guard are wrong, rehearsed.

The gate judges cycles made of real scores: of places by which adapters below
`build/bench/learning` were judged (`judged.jsonl`), and of `*.scores.json` there. Whole clusters
are drawn, and in a null cycle the two arms of each are exchanged at random, so that neither is
better. A gain is planted in such cycles once the real one is taken out. The guard
judges made-up developers (`developers`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

import msgspec
import numpy as np
from benchmarks.figures import OUTPUT, SEED, figure
from benchmarks.learning import Options
from benchmarks.learning.developers import (
    DRIFTING,
    STEADY,
    UNEVEN,
    Habit,
    live,
    median,
    rolled_back_after,
)
from benchmarks.learning.scores import Score

from habitus_learner import judged
from habitus_learner.gate import MIN_CLUSTERS, Compared, Cost, Decision, Probe, rule
from habitus_learner.judged import Judged

SCORES = OUTPUT / "learning"
PLACES = 240
"""Places of one rehearsed cycle."""
DOUBTED = (240, 360, 480, 600)
"""Places of cycles in a row, each in doubt but the last."""
STEADY_PROBE = [Probe(chars=20, base_bits=30.0, candidate_bits=30.0)]
BEFORE, CLEAN_REQUESTS, HARM_REQUESTS = 1_000, 2_000, 1_500
HABITS = {"steady work": STEADY, "uneven sessions": UNEVEN, "drifting tasks": DRIFTING}


def figures(options: Options) -> list[dict[str, Any]]:
    """Error rates of both."""
    return [*_gate(options), *_guard(options)]


def _gate(options: Options) -> list[dict[str, Any]]:
    pools = [*_pools()]
    if not pools:
        print(f"No scores in {SCORES}; see benchmarks.learning.scores.")
        return []
    cycles = 50 if options.small else 1_000
    null = _rehearsed(pools, cycles, gain=0.0)
    planted = _rehearsed(pools, cycles // 4, gain=0.05)
    worse = _rehearsed(pools, cycles // 4, gain=-0.02)
    return [
        _share("gate: false promotions, null cycles", _published(null), "<= 0.05, upper bound"),
        _share("gate: a null candidate judged again, promoted within four cycles of doubt",
               [_passes(pools[n % len(pools)], n) for n in range(cycles // 4)]),
        _share("gate: promotions of a gain of 5%", _published(planted), ">= 0.8"),
        _share("gate: doubt, at a gain of 5%", [d is Decision.WAIT for d in planted]),
        _share("gate: promotions of a candidate 2% worse", _published(worse)),
    ]  # fmt: skip


def _passes(pool: Sequence[Score], number: int) -> bool:
    """Whether a candidate that is no better is promoted, when the very same one is judged at the
    same places and more as long as there is doubt: the worst that waiting can do."""
    places = rehearse(pool, random.Random(f"{SEED}:{number}"), gain=0.0, places=DOUBTED[-1])
    for end in DOUBTED:
        decision = rule(places[:end], STEADY_PROBE, seed=number).decision
        if decision is not Decision.WAIT:
            return decision is Decision.PUBLISH
    return False


def _pools() -> Iterator[list[Score]]:
    """Paired scores, a list for each comparison that has enough clusters to draw from."""
    for path in sorted(SCORES.glob("*.scores.json")):
        yield msgspec.json.decode(path.read_bytes(), type=list[Score])
    # Both workspaces of a part have its warm start.
    published = {path.parent.name: path for path in SCORES.rglob(f"adapters/*/{judged.FILE}")}
    for _, path in sorted(published.items()):
        scores = [_score(one) for one in judged.read(path.parent)]
        if len({one.cluster for one in scores}) >= MIN_CLUSTERS:
            yield scores


def _score(one: Judged) -> Score:
    return Score(
        cluster=one.episode,
        chars=one.chars,
        incumbent_bits=one.bits_before,
        candidate_bits=one.bits_after,
        incumbent_exact=one.exact_before,
        candidate_exact=one.exact_after,
    )


def _rehearsed(pools: Sequence[list[Score]], cycles: int, *, gain: float) -> list[Decision]:
    draw = random.Random(f"{SEED}:{gain}")
    return [
        rule(
            rehearse(pools[number % len(pools)], draw, gain=gain), STEADY_PROBE, seed=number
        ).decision
        for number in range(cycles)
    ]


def rehearse(
    pool: Sequence[Score], draw: random.Random, *, gain: float, places: int = PLACES
) -> list[Compared]:
    """A cycle in which the candidate is better by `gain`, a share of the incumbent's bits.

    With a gain of 0 the real differences are exchanged as they are; otherwise what all
    clusters share of them is taken out first, and only their unevenness is exchanged.
    """
    clusters: dict[str, list[Score]] = {}
    for one in pool:
        clusters.setdefault(one.cluster, []).append(one)
    names = sorted(clusters)
    shared = 0.0
    if gain:
        bits = sum(one.incumbent_bits for one in pool)
        shared = 1.0 - sum(one.candidate_bits for one in pool) / bits
    made: list[Compared] = []
    for number in count():
        if len(made) >= places:
            break
        swaps = draw.random() < 0.5
        for one in clusters[draw.choice(names)]:
            made.append(_place(one, f"{number}", len(made), shared, gain, swaps=swaps))
    return made[:places]


def _place(
    one: Score, cluster: str, number: int, shared: float, gain: float, *, swaps: bool
) -> Compared:
    saved = one.incumbent_bits * (1.0 - shared) - one.candidate_bits
    exact = (one.incumbent_exact, one.candidate_exact)
    if swaps:
        saved, exact = -saved, exact[::-1]
    bits = one.incumbent_bits
    return Compared(
        id=str(number),
        cluster=cluster,
        chars=one.chars,
        incumbent=Cost(bits, exact[0], 0.0),
        candidate=Cost(bits * (1.0 - gain) - saved, exact[1], 0.0),
    )


def _published(decisions: Sequence[Decision]) -> list[bool]:
    return [one is Decision.PUBLISH for one in decisions]


def _guard(options: Options) -> list[dict[str, Any]]:
    runs = 20 if options.small else 1_000
    made = []
    for name, habit in HABITS.items():
        made += [
            _share(
                f"guard: clean runs rolled back, {name}",
                _ended(habit, runs, (0.3, 0.3), None),
                "<= 0.01" if habit is DRIFTING else "",
            ),
            _share(
                f"guard: clean runs rolled back, {name}, then hard for good",
                _ended(habit, runs // 2, (0.3, 0.3), 200),
            ),
        ]
        for since, target in ((0.05, 60), (0.2, 400)):
            delays = _delays(habit, max(21, runs // 5), (0.3, since), HARM_REQUESTS)
            made.append(
                _median(
                    f"guard: requests until 30% -> {since:.0%} is rolled back, {name}",
                    delays,
                    target,
                )
            )
    return made


def _ended(
    habit: Habit, runs: int, rates: tuple[float, float], hard_from: int | None
) -> list[bool]:
    delays = _delays(habit, runs, rates, CLEAN_REQUESTS, hard_from)
    return [delay < float("inf") for delay in delays]


def _delays(
    habit: Habit,
    runs: int,
    rates: tuple[float, float],
    requests: int,
    hard_from: int | None = None,
) -> list[float]:
    draw = np.random.default_rng(SEED)
    return [
        rolled_back_after(
            live(draw, habit, before=BEFORE, requests=requests, rates=rates, hard_from=hard_from)
        )
        for _ in range(runs)
    ]


def _share(name: str, outcomes: Sequence[bool], target: str = "") -> dict[str, Any]:
    """How often, with its exact 95% bounds; an upper target is held by the upper bound."""
    hits, n = sum(outcomes), len(outcomes)
    low, high = exact_bounds(hits, n)
    holds = None
    if target:
        side, limit = target.split(",")[0].split()
        judged = high if "upper" in target else hits / n
        holds = judged <= float(limit) if side == "<=" else judged >= float(limit)
    return figure(name, hits / n, n=n, interval=(low, high), target=target, holds=holds)


def _median(name: str, delays: Sequence[float], target: int) -> dict[str, Any]:
    draw = random.Random(SEED)
    drawn = sorted(median(draw.choices(delays, k=len(delays))) for _ in range(500))
    # A run without an end counts as longer than any.
    low, value, high = (min(one, HARM_REQUESTS) for one in (drawn[12], median(delays), drawn[487]))
    return figure(
        name,
        value,
        n=len(delays),
        interval=(low, high),
        target=f"<= {target}",
        holds=value <= target,
    )


def exact_bounds(hits: int, n: int) -> tuple[float, float]:
    """The 95% bounds of a share by Clopper and Pearson, by bisection of binomial tails."""
    low = 0.0 if hits == 0 else _root(lambda p: _at_most(hits - 1, n, p) - 0.975)
    high = 1.0 if hits == n else _root(lambda p: _at_most(hits, n, p) - 0.025)
    return low, high


def _root(falls: Callable[[float], float]) -> float:
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2.0
        low, high = (middle, high) if falls(middle) > 0.0 else (low, middle)
    return low


def _at_most(hits: int, n: int, p: float) -> float:
    """The chance of at most so many hits among `n`."""
    if p <= 0.0:
        return 1.0
    if p >= 1.0:
        return float(hits >= n)
    ways = np.arange(hits + 1)
    logs = np.cumsum(np.log(np.concatenate([[1.0], (n - ways[:-1]) / (ways[:-1] + 1.0)])))
    return float(np.exp(logs + ways * np.log(p) + (n - ways) * np.log1p(-p)).sum())
