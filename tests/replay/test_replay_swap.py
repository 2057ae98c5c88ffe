"""The gap at a swap is read from answers around it."""

from __future__ import annotations

import pytest

from habitus_learner.replay.learning import PACE_S, Ask, is_near_swap, measure_swap, read_cycle


def asks(times: list[float], swapped_from: int) -> list[Ask]:
    return [
        Ask(at - 0.01, at, "v2" if number >= swapped_from else None)
        for number, at in enumerate(times)
    ]


def steady(count: int) -> list[float]:
    return [PACE_S * number for number in range(count)]


def test_answers_at_the_pace_have_no_gap() -> None:
    swap = measure_swap(asks(steady(20), 10), same_engine=True, same_server=True)
    assert swap is not None
    assert swap.gap_ms == pytest.approx(0.0, abs=1e-6)
    assert (swap.version_before, swap.version_after) == (None, "v2")


def test_the_longest_standstill_is_the_gap_less_the_pace() -> None:
    times = steady(10) + [9 * PACE_S + PACE_S + 0.5 + PACE_S * n for n in range(10)]
    swap = measure_swap(asks(times, 10), same_engine=True, same_server=True)
    assert swap is not None
    assert swap.gap_ms == pytest.approx(500.0)


def test_a_version_that_never_changed_was_not_swapped() -> None:
    assert measure_swap(asks(steady(5), 99), same_engine=True, same_server=True) is None


def test_asking_starts_when_training_is_over() -> None:
    assert not is_near_swap({"stage": "training"})
    assert is_near_swap({"stage": "judging"})


def test_a_cycle_that_never_began_is_named_so() -> None:
    assert read_cycle(None, 1.5).state == "not started"
