"""The arithmetic behind the report's drawings, against its laws."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise

import pytest

from habitus_learner.report.facts import Day
from habitus_learner.report.scale import (
    LONGEST_BREAK,
    SHORT_BREAK_DAYS,
    Scale,
    calendar,
    round_step,
    scale_around,
    scale_from_zero,
    spread,
)
from habitus_learner.report.timeline import group_days

SEEDS = range(200)


def some_values(chance: random.Random) -> list[float]:
    size = 10.0 ** chance.randint(-4, 6)
    return [chance.uniform(-size, size) for _ in range(chance.randint(1, 8))]


@pytest.mark.parametrize("make", [scale_around, scale_from_zero])
def test_a_scale_keeps_order_and_stays_within_its_ends(make: Callable[..., Scale]) -> None:
    for seed in SEEDS:
        chance = random.Random(seed)
        values = sorted(some_values(chance))
        start, end = sorted((chance.uniform(0, 50), chance.uniform(60, 500)))
        scale = make(values, start, end)
        places = [scale.at(value) for value in values]
        assert places == sorted(places)
        assert all(start - 1e-6 <= place <= end + 1e-6 for place in places)


def test_a_scale_maps_its_bounds_to_its_ends_also_when_it_runs_backwards() -> None:
    scale = Scale(2.0, 6.0, 300.0, 100.0)
    assert (scale.at(2.0), scale.at(4.0), scale.at(6.0)) == (300.0, 200.0, 100.0)


def test_what_lies_outside_the_bounds_is_drawn_at_the_nearer_end() -> None:
    scale = Scale(0.0, 1.0, 10.0, 20.0)
    assert (scale.at(-5.0), scale.at(9.0)) == (10.0, 20.0)


def test_ticks_are_round_evenly_apart_within_the_bounds_and_not_too_many() -> None:
    for seed in SEEDS:
        chance = random.Random(seed)
        scale = scale_around(some_values(chance), 0.0, 100.0)
        about = chance.randint(2, 6)
        ticks = scale.ticks(about)
        assert 1 <= len(ticks) <= about + 1
        step = round_step((scale.high - scale.low) / about)
        assert all(abs(b - a - step) < 1e-6 * step for a, b in pairwise(ticks))
        room = 1e-6 * step
        assert all(scale.low - room <= tick <= scale.high + room for tick in ticks)


def test_a_scale_from_zero_ends_at_a_round_value_that_holds_all() -> None:
    for seed in SEEDS:
        values = [abs(value) for value in some_values(random.Random(seed))]
        scale = scale_from_zero(values, 0.0, 1.0)
        assert scale.low == 0.0
        assert max(values) <= scale.high * (1 + 1e-9) <= 2.0 * max(values)
        assert scale.ticks(3)[-1] == pytest.approx(scale.high)


@pytest.mark.parametrize("values", [[], [0.0], [7.0, 7.0], [float("inf")], [-3.0]])
def test_a_scale_of_nothing_or_of_one_value_has_a_length(values: list[float]) -> None:
    for scale in (scale_around(values, 0.0, 1.0), scale_from_zero(values, 0.0, 1.0)):
        assert scale.low < scale.high


def test_an_axis_of_days_keeps_their_order_and_reaches_both_ends() -> None:
    for seed in SEEDS:
        chance = random.Random(seed)
        days = sorted(chance.uniform(0, 10 ** chance.randint(1, 4)) for _ in range(9))
        axis = calendar(days, 30.0, 900.0)
        places = [axis.at(chance.uniform(a, b)) for a, b in pairwise(days)]
        assert places == sorted(places)
        assert axis.at(days[0]) == axis.at(days[0] - 5.0) == 30.0
        assert axis.at(days[-1]) == axis.at(days[-1] + 5.0) == pytest.approx(900.0)


def test_a_long_stretch_without_anything_is_cut_and_a_short_one_is_not() -> None:
    days = [0.0, 10.0, 20.0, 1_000.0, 1_010.0]
    axis = calendar(days, 0.0, 1.0)
    assert axis.cuts == ((20.0, 1_000.0),)
    assert axis.is_cut(500.0) and not axis.is_cut(5.0)
    longest = max(SHORT_BREAK_DAYS, LONGEST_BREAK * 1_010.0)
    assert axis.at(1_000.0) - axis.at(20.0) == pytest.approx(longest / (longest + 30.0))


def test_labels_are_moved_until_none_overlaps_in_their_order_and_never_to_the_left() -> None:
    for seed in SEEDS:
        chance = random.Random(seed)
        labels = range(chance.randint(0, 9))
        wanted = [chance.uniform(0, 100) for _ in labels]
        widths = [chance.uniform(5, 60) for _ in labels]
        placed = spread(wanted, widths)
        order = sorted(labels, key=lambda n: wanted[n])
        for a, b in pairwise(order):
            assert placed[b] - placed[a] >= (widths[a] + widths[b]) / 2 - 1e-9
        assert all(place >= was for was, place in zip(wanted, placed, strict=True))


def test_days_in_groups_lose_no_count_and_are_no_more_than_asked() -> None:
    for seed in SEEDS:
        chance = random.Random(seed)
        start = date(2026, 1, 1)
        numbers = sorted(chance.sample(range(700), chance.randint(1, 40)))
        days = [
            Day(f"{start + timedelta(days=n)}", 0.0, chance.randint(0, 9), n % 3, 7, n % 7)
            for n in numbers
        ]
        groups = group_days(days, start, 40)
        assert len(groups) <= 41
        for name in ("shown", "taken", "accepted_chars", "retained_chars"):
            assert sum(getattr(g, name) for g in groups) == sum(getattr(d, name) for d in days)
        assert all(b.first - a.first >= a.days for a, b in pairwise(groups))
