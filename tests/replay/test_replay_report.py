"""Observations become figures that compare the same items."""

from __future__ import annotations

import math

import msgspec
import pytest

from habitus_learner.replay.developer import Reaction
from habitus_learner.replay.figures import (
    by_file_of_a_commit,
    compare,
    measure_latency,
    summarise,
)
from habitus_learner.replay.items import Item, Place
from habitus_learner.replay.observation import Observation


def observation(
    number: int,
    *,
    exact: bool = False,
    bits: float = 10.0,
    latency_ms: float = 5.0,
    reaction: Reaction | None = None,
    path: str | None = None,
) -> Observation:
    place = Place.WITHIN if number % 2 else Place.INDENTATION
    item = Item("c", path or f"file{number % 8}.py", number, 4, place, "answer_ten")
    return Observation(
        item=item,
        text="answer_ten" if exact else "other",
        exact=exact,
        similarity=1.0 if exact else 0.25,
        reaction=reaction or (Reaction.ACCEPT if exact else Reaction.TYPE_OVER),
        accepted_characters=10 if exact else 0,
        retained_characters=10 if exact else 0,
        saved_characters=9 if exact else 0,
        latency_ms=latency_ms,
        bits=bits,
        chars=10,
    )


def test_an_arm_counts_shares_and_sums() -> None:
    arm = summarise([observation(n, exact=n < 10) for n in range(40)], seed=0)
    assert arm.exact_match == 0.25
    assert arm.exact_lines == 10
    assert arm.items == 40
    assert arm.characters_saved == 90
    assert arm.bits_per_char == pytest.approx(1.0)
    assert arm.edit_similarity == pytest.approx(0.25 + 0.25 * 0.75)
    assert (arm.shown, arm.accepted, arm.retained) == (40, 10, 10)
    assert arm.exact_match_interval[0] <= 0.25 <= arm.exact_match_interval[1]


def test_bits_per_character_weigh_items_by_their_length() -> None:
    long = msgspec.structs.replace(observation(0, bits=90.0), chars=90)
    short = msgspec.structs.replace(observation(1, bits=30.0), chars=10)
    assert summarise([long, short], seed=0).bits_per_char == pytest.approx(1.2)


def test_retained_characters_are_summed_between_their_bounds() -> None:
    arm = summarise([observation(n, exact=n % 4 == 0) for n in range(40)], seed=0)
    assert arm.retained_characters == 100
    low, high = arm.retained_characters_interval
    assert 0 <= low <= 100 <= high <= 400


def test_a_block_counts_a_file_of_each_commit_as_a_cluster() -> None:
    found = [
        msgspec.structs.replace(one, item=msgspec.structs.replace(one.item, commit=str(n % 3)))
        for n in range(40)
        for one in [observation(n, path=f"f{n % 2}.py")]
    ]
    same = {"frozen": found, "memory": found, "weights": found, "all": found}
    assert {g.files for g in compare(same, seed=0)} == {2}
    assert {g.files for g in compare(same, seed=0, cluster=by_file_of_a_commit)} == {6}


def test_a_reverted_suggestion_is_accepted_and_not_retained() -> None:
    reverted = msgspec.structs.replace(
        observation(0), reaction=Reaction.ACCEPT_THEN_REVERT, accepted_characters=5
    )
    arm = summarise([reverted, observation(1)], seed=0)
    assert (arm.accepted, arm.retained) == (1, 0)


def arms(better: int) -> dict[str, list[Observation]]:
    plain = [observation(n) for n in range(80)]
    good = [observation(n, exact=n < better, bits=8.0) for n in range(80)]
    return {"frozen": plain, "memory": plain, "weights": good, "all": good}


def test_a_uniform_saving_in_bits_is_a_clear_gain() -> None:
    gains = {(g.arm, g.than, g.measure): g for g in compare(arms(40), seed=0)}
    bits = gains["weights", "frozen", "bits_per_char"]
    assert bits.gain == pytest.approx(0.2)
    assert bits.is_clear
    exact = gains["all", "frozen", "exact_match"]
    assert exact.gain == pytest.approx(0.5)
    assert exact.is_clear


def test_equal_arms_gain_nothing() -> None:
    gains = {(g.arm, g.than, g.measure): g for g in compare(arms(40), seed=0)}
    same = gains["memory", "frozen", "exact_match"]
    assert (same.gain, same.low, same.high) == (0.0, 0.0, 0.0)
    assert not same.is_clear


def test_one_lucky_file_is_no_clear_gain() -> None:
    plain = [observation(n, path="one.py" if n < 20 else f"f{n % 8}.py") for n in range(80)]
    lucky = [
        observation(n, exact=n < 20, path="one.py" if n < 20 else f"f{n % 8}.py") for n in range(80)
    ]
    gains = compare({"frozen": plain, "memory": lucky, "weights": plain, "all": plain}, seed=0)
    (found,) = [g for g in gains if (g.arm, g.measure) == ("memory", "exact_match")]
    assert found.gain == 0.25
    assert not found.is_clear


def test_arms_that_were_asked_different_things_are_not_compared() -> None:
    found = arms(1)
    found["memory"] = [*found["memory"][:-1], observation(999)]
    with pytest.raises(ValueError, match="not asked the same"):
        compare(found, seed=0)


def test_latency_is_the_median_and_the_tail() -> None:
    latency = measure_latency([observation(n, latency_ms=float(n)) for n in range(102)])
    assert (latency.p50, latency.p95) == (51.0, 96.0)


def test_one_file_bounds_nothing_and_still_makes_json() -> None:
    arm = summarise([observation(0), observation(8)], seed=0)
    assert arm.exact_match_interval == (-math.inf, math.inf)
    assert b"null" in msgspec.json.encode(arm)
