from __future__ import annotations

import random

import msgspec
import numpy as np
import pytest

from habitus_learner.gate import (
    MIN_CLUSTERS,
    MIN_ITEMS,
    PROBE_TOLERANCE,
    WORTH_HAVING,
    Compared,
    Cost,
    Decision,
    Probe,
    rule,
)

STEADY = [Probe(chars=20, base_bits=30.0, candidate_bits=30.0)] * 20


def compared(
    *, gain: float = 0.0, clusters: int = 30, each: int = 5, exact: float = 0.0, seed: int = 0
) -> list[Compared]:
    """Places whose candidate saves `gain` bits per character on average, unevenly by cluster."""
    chance = random.Random(seed)
    made = []
    for cluster in range(clusters):
        luck = chance.gauss(0.0, 0.1)
        for number in range(each):
            bits = chance.uniform(20.0, 60.0)
            saved = 30 * (gain + luck + chance.gauss(0.0, 0.1))
            was = chance.random() < 0.2
            is_now = chance.random() < 0.2 + exact if exact else was
            made.append(
                Compared(
                    id=f"{cluster}.{number}",
                    cluster=str(cluster),
                    chars=30,
                    incumbent=Cost(bits, was, 0.5),
                    candidate=Cost(bits - saved, is_now, 0.5),
                )
            )
    return made


def test_a_planted_improvement_is_published_with_its_figures() -> None:
    ruling = rule(compared(gain=0.15), STEADY, seed=1)
    assert ruling.decision is Decision.PUBLISH
    assert ruling.figures["gain_low"] > 0.0
    assert ruling.figures["bits_per_char_candidate"] < ruling.figures["bits_per_char_incumbent"]
    assert "150 later places in 30 episodes" in ruling.sentence
    assert ruling.sentence.endswith("Published.")


def heavy(gain: float, seed: int, *, clusters: int = 60) -> list[Compared]:
    """Places as real ones are: episodes of very different size, a few of which decide much,
    and differences with heavy tails that a whole episode shares."""
    draw = np.random.default_rng(seed)
    made = []
    for cluster in range(clusters):
        shared = 0.04 * draw.standard_t(3)
        for number in range(1 + min(20, int(draw.pareto(1.3) * 2))):
            chars = int(draw.integers(8, 60))
            bits = chars * 1.4 * float(draw.lognormal(0.0, 0.5))
            noise = chars * (shared + 0.1 * float(draw.standard_t(3)))
            made.append(
                Compared(
                    id=f"{cluster}.{number}",
                    cluster=str(cluster),
                    chars=chars,
                    incumbent=Cost(bits, False, 0.5),
                    candidate=Cost(bits * (1.0 - gain) - noise, False, 0.5),
                )
            )
    return made


def test_of_120_candidates_that_are_no_better_at_most_eight_are_published() -> None:
    """At the level, one in forty; more than eight would be seen once in a hundred times."""
    rulings = [rule(heavy(0.0, seed), STEADY, seed=seed) for seed in range(120)]
    assert sum(r.decision is Decision.PUBLISH for r in rulings) <= 8


def test_of_forty_candidates_that_save_five_percent_four_in_five_are_published() -> None:
    rulings = [rule(heavy(0.05, seed), STEADY, seed=seed) for seed in range(40)]
    assert sum(r.decision is Decision.PUBLISH for r in rulings) >= 32


def test_a_candidate_that_is_worse_is_never_published() -> None:
    rulings = [rule(heavy(-0.05, seed), STEADY, seed=seed) for seed in range(40)]
    assert not any(r.decision is Decision.PUBLISH for r in rulings)


def test_harm_is_rejected() -> None:
    ruling = rule(compared(gain=-0.15), STEADY, seed=1)
    assert ruling.decision is Decision.REJECT
    assert "there is no gain" in ruling.sentence


def test_a_gain_that_may_be_there_is_waited_for() -> None:
    places = compared(gain=0.03, clusters=MIN_CLUSTERS, seed=4)
    ruling = rule(places, STEADY, seed=1)
    assert ruling.figures["gain"] > 0.0 > ruling.figures["gain_low"]
    assert ruling.decision is Decision.WAIT
    assert "judges with more" in ruling.sentence


def test_a_gain_too_small_to_want_is_not_waited_for() -> None:
    even = [
        msgspec.structs.replace(one, candidate=Cost(one.incumbent.bits + turn, False, 0.5))
        for one, turn in zip(compared(clusters=60), [0.1, -0.11, 0.1, -0.11, 0.0] * 60, strict=True)
    ]
    ruling = rule(even, STEADY, seed=1)
    assert 0.0 < ruling.figures["gain_high"] < WORTH_HAVING
    assert ruling.decision is Decision.REJECT
    assert "under 2%, if there is any" in ruling.sentence


def test_cheaper_characters_do_not_buy_fewer_exact_lines() -> None:
    ruling = rule(compared(gain=0.3, exact=-0.18), STEADY, seed=1)
    assert ruling.decision is Decision.REJECT
    assert "less often" in ruling.sentence


def test_forgetting_general_code_is_rejected() -> None:
    lost = [Probe(20, 30.0, 30.0 * (1.02 + PROBE_TOLERANCE))] * 20
    ruling = rule(compared(gain=0.3), lost, seed=1)
    assert ruling.decision is Decision.REJECT
    assert "general code costs 3.0% more, 1% is the most allowed" in ruling.sentence


@pytest.mark.parametrize(
    "places",
    [
        compared(gain=1.0, clusters=MIN_CLUSTERS - 1, each=20),
        compared(gain=1.0, clusters=MIN_CLUSTERS, each=1),
        [],
    ],
)
def test_too_little_to_judge_by_is_waited_for(places: list[Compared]) -> None:
    ruling = rule(places, STEADY, seed=1)
    assert ruling.decision is Decision.WAIT
    assert f"{MIN_ITEMS} places" in ruling.sentence
    assert f"{len(places)} in {len({p.cluster for p in places})} so far" in ruling.sentence


@pytest.mark.parametrize("gain", [-0.2, 0.0, 0.2])
def test_every_verdict_says_what_could_not_have_been_seen(gain: float) -> None:
    ruling = rule(compared(gain=gain, seed=3), STEADY, seed=3)
    unseen = f"a gain under {ruling.figures['detectable_gain']:.3f} cannot be counted on"
    assert unseen in ruling.sentence


def test_whole_lines_that_may_be_worse_are_judged_again_with_more() -> None:
    right_before, right_now = {0, 11}, {7}
    places = [
        msgspec.structs.replace(
            one,
            incumbent=msgspec.structs.replace(one.incumbent, exact=number in right_before),
            candidate=msgspec.structs.replace(one.candidate, exact=number in right_now),
        )
        for number, one in enumerate(compared(gain=0.3, clusters=20, each=2))
    ]
    ruling = rule(places, STEADY, seed=1)
    assert ruling.decision is Decision.WAIT
    assert "may be right less often" in ruling.sentence


def test_an_installation_without_library_sources_is_not_held_against_a_candidate() -> None:
    assert rule(compared(gain=0.15), [], seed=1).decision is Decision.PUBLISH
