from __future__ import annotations

import math

import numpy as np
import pytest

from habitus_learner.statistics import (
    chance_by_luck,
    detectable_gain,
    paired_interval,
    ratio_difference_interval,
    ratio_interval,
    standard_error,
    student_quantile,
)


@pytest.mark.parametrize(
    ("probability", "degrees", "expected"),
    [(0.975, 1, 12.7062), (0.975, 19, 2.0930), (0.9, 4, 1.5332), (0.975, 200, 1.9719)],
)
def test_student_quantiles_are_those_of_the_tables(
    probability: float, degrees: int, expected: float
) -> None:
    assert student_quantile(probability, degrees) == pytest.approx(expected, abs=2e-4)


def test_the_interval_of_equal_clusters_is_close_to_students() -> None:
    random = np.random.default_rng(5)
    values = random.normal(1.0, 2.0, 40)
    found = paired_interval(values.tolist(), list(range(40)), seed=1)
    half = student_quantile(0.975, 39) * values.std(ddof=1) / math.sqrt(40)
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.15 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.15 * half)


def test_intervals_cover_the_truth_when_items_of_a_cluster_resemble_each_other() -> None:
    random = np.random.default_rng(7)
    covered, naive, trials = 0, 0, 100
    for trial in range(trials):
        sizes = random.integers(3, 12, 20)
        clusters = np.repeat(np.arange(20), sizes).tolist()
        values = (random.normal(0, 1, 20)[clusters] + random.normal(0, 1, len(clusters))).tolist()
        found = paired_interval(values, clusters, seed=trial)
        alone = paired_interval(values, list(range(len(values))), seed=trial)
        covered += found.low <= 0.0 <= found.high
        naive += alone.low <= 0.0 <= alone.high
    assert 0.90 <= covered / trials <= 0.99
    assert naive < covered - 12, "without clusters the same intervals are far too narrow"


def test_a_ratio_weighs_items_by_their_denominator() -> None:
    found = ratio_interval([1.0, 30.0], [1.0, 10.0], ["a", "b"], seed=0)
    assert found.mean == pytest.approx(31.0 / 11.0)


def test_a_difference_of_ratios_pairs_the_arms() -> None:
    shown = [4.0, 6.0] * 10
    kept = [8.0, 18.0] * 10
    less = [k - s for k, s in zip(kept, shown, strict=True)]
    found = ratio_difference_interval((kept, shown), (less, shown), list(range(20)), seed=0)
    assert (found.mean, found.low, found.high) == pytest.approx((1.0, 1.0, 1.0))


def test_the_same_seed_gives_the_same_interval() -> None:
    values, clusters = [0.3, -0.1, 0.9, 0.2], [1, 1, 2, 3]
    assert paired_interval(values, clusters, seed=4) == paired_interval(values, clusters, seed=4)


@pytest.mark.parametrize("clusters", [[], ["only"] * 5])
def test_fewer_than_two_clusters_bound_nothing(clusters: list[str]) -> None:
    found = paired_interval([1.0] * len(clusters), clusters, seed=0)
    assert (found.low, found.high) == (-math.inf, math.inf)
    assert not found.is_above_zero


def test_a_gain_said_to_be_detectable_is_detected_four_times_in_five() -> None:
    random = np.random.default_rng(11)
    clusters = list(range(30))
    error = 1.0 / math.sqrt(30)
    truth = detectable_gain(error, 30)
    hits = sum(
        paired_interval((random.normal(truth, 1.0, 30)).tolist(), clusters, seed=t).is_above_zero
        for t in range(100)
    )
    assert 0.66 <= hits / 100 <= 0.92


def test_the_standard_error_counts_clusters_not_items() -> None:
    values = [1.0, -1.0] * 10
    spread = [value for value in values for _ in range(5)]
    clusters = [index for index in range(20) for _ in range(5)]
    once = standard_error(values, [1.0] * 20, list(range(20)))
    assert standard_error(spread, [1.0] * 100, clusters) == pytest.approx(once)


def test_luck_of_signs_is_counted_exactly_for_a_few_clusters() -> None:
    found = chance_by_luck([1.0, 2.0, 1.0, 1.0], ["a", "a", "b", "c"], seed=1)
    assert found == pytest.approx(1 / 8, abs=0.02), "three coins must all fall right"


def test_one_cluster_that_outweighs_all_others_may_be_luck() -> None:
    values = [100.0, *([0.1, -0.1] * 20)]
    assert chance_by_luck(values, list(range(41)), seed=1) > 0.2


def test_no_difference_is_no_luck() -> None:
    assert chance_by_luck([0.0] * 30, list(range(30)), seed=1) == 1.0
