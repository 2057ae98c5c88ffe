"""How long to wait for the next key before the engine is asked."""

from __future__ import annotations

import pytest

from habitus_server.pace import FAST_S, LONGEST_S, PAUSE_S, Pace


def typing(gap_s: float, keys: int = 40) -> tuple[Pace, float]:
    """Somebody who has just pressed a key, and when."""
    pace = Pace()
    for key in range(keys):
        pace.typed(100.0 + key * gap_s)
    return pace, 100.0 + (keys - 1) * gap_s


def test_nobody_waits_before_the_engines_speed_is_known() -> None:
    pace, now = typing(0.1)
    assert pace.wait_s(now) == 0.0


@pytest.mark.parametrize("answer_s", [0.01, FAST_S])
def test_a_fast_engine_is_asked_at_every_key(answer_s: float) -> None:
    pace, now = typing(0.05)
    pace.answered(answer_s)
    assert pace.wait_s(now) == 0.0


def test_an_engine_much_faster_than_the_typing_is_asked_at_every_key() -> None:
    pace, now = typing(0.5)
    pace.answered(0.2)
    assert pace.wait_s(now) == 0.0


@pytest.mark.parametrize("gap_s", [0.05, 0.1, 0.15])
def test_a_slow_engine_waits_a_little_longer_than_the_usual_gap(gap_s: float) -> None:
    pace, now = typing(gap_s)
    pace.answered(1.0)
    assert gap_s < pace.wait_s(now) <= 2 * gap_s


def test_the_wait_is_bounded_however_slow_the_engine_and_the_typing() -> None:
    pace, now = typing(0.9)
    pace.answered(60.0)
    assert pace.wait_s(now) == LONGEST_S


def test_time_that_has_passed_since_the_key_counts() -> None:
    pace, now = typing(0.1)
    pace.answered(1.0)
    assert pace.wait_s(now + 10.0) == 0.0


def test_a_break_is_no_part_of_the_rhythm() -> None:
    (with_break, now), (without, end) = typing(0.1), typing(0.1)
    with_break.typed(now + 60 * PAUSE_S)
    with_break.answered(1.0)
    without.answered(1.0)
    assert with_break.wait_s(now + 60 * PAUSE_S) == pytest.approx(without.wait_s(end))


def test_an_engine_that_has_become_fast_is_believed_after_some_answers() -> None:
    pace, now = typing(0.1)
    pace.answered(1.0)
    for _ in range(20):
        pace.answered(0.01)
    assert pace.wait_s(now) == 0.0
