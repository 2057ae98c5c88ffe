"""What counts as one request, and what of it was retained."""

from __future__ import annotations

from habitus_learner.eligible import OCCASION_S, OPEN_S, eligible
from habitus_server.records import Fate, Outcome, State

LATER = 1e6


def fate(at: float, state: State | None, outcome: Outcome | None = None, chars: int = 0) -> Fate:
    return Fate("w", "v1", at, state, outcome, chars if outcome else None)


def kept(at: float) -> Fate:
    return fate(at, State.ACCEPTED, Outcome.KEPT, 12)


def values(*fates: Fate, now: float = LATER) -> list[int]:
    return [one.chars for one in eligible(fates, now)]


def test_dismissals_and_expiries_count_as_nothing_retained() -> None:
    assert values(kept(1), fate(20, State.DISMISSED), fate(40, State.EXPIRED)) == [12, 0, 0]


def test_keys_typed_past_changing_suggestions_are_one_request() -> None:
    passing = [fate(at, State.SUPERSEDED) for at in (1, 2, 3)]
    assert values(*passing) == [0]
    assert values(*passing, kept(4)) == [12]


def test_typing_on_for_longer_is_a_request_for_each_line_s_time() -> None:
    passing = [fate(float(at), State.SUPERSEDED) for at in range(0, 3 * int(OCCASION_S))]
    assert values(*passing) == [0, 0, 0]


def test_silence_is_a_request_with_nothing_retained() -> None:
    assert values(fate(1, None), kept(30)) == [0, 12]


def test_silence_before_something_taken_is_the_same_request() -> None:
    assert values(fate(1, None), kept(3)) == [12]


def test_what_another_adapter_answered_is_another_request() -> None:
    other = Fate("w", None, 1.0, State.SUPERSEDED)
    assert [one.adapter for one in eligible([other, kept(2)], LATER)] == [None, "v1"]


def test_windows_do_not_mix() -> None:
    other = Fate("w2", "v1", 2.0, State.SUPERSEDED)
    assert values(fate(1, State.SUPERSEDED), other, kept(3)) == [0, 12]


def test_text_that_nobody_judged_counts_for_nothing() -> None:
    assert values(fate(1, State.ACCEPTED, Outcome.CENSORED), kept(30)) == [12]


def test_reverted_text_counts_what_stayed() -> None:
    assert values(fate(1, State.ACCEPTED, Outcome.REVERTED, 2)) == [2]


def test_nothing_after_an_open_suggestion_counts_until_it_is_decided_or_lost() -> None:
    rows = (kept(1), fate(20, State.ACCEPTED), fate(40, State.DISMISSED))
    assert values(*rows, now=100.0) == [12]
    assert values(*rows, now=20.0 + OPEN_S) == [12, 0]


def test_an_occasion_that_may_still_end_well_is_waited_for() -> None:
    assert values(fate(1, None), now=2.0) == []
