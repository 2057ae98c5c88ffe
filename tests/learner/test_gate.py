from __future__ import annotations

import random

import pytest

from habitus_learner.gate import (
    MIN_CLUSTERS,
    MIN_ITEMS,
    PROBE_TOLERANCE,
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


def test_pure_noise_is_published_at_most_rarely() -> None:
    rulings = [rule(compared(seed=seed), STEADY, seed=seed) for seed in range(40)]
    assert sum(r.decision is Decision.PUBLISH for r in rulings) <= 3


def test_harm_is_rejected() -> None:
    ruling = rule(compared(gain=-0.15), STEADY, seed=1)
    assert ruling.decision is Decision.REJECT
    assert "not clear of zero" in ruling.sentence


def test_cheaper_characters_do_not_buy_fewer_exact_lines() -> None:
    ruling = rule(compared(gain=0.3, exact=-0.18), STEADY, seed=1)
    assert ruling.decision is Decision.REJECT
    assert "less often" in ruling.sentence


def test_forgetting_general_code_is_rejected() -> None:
    lost = [Probe(20, 30.0, 30.0 * (1.02 + PROBE_TOLERANCE))] * 20
    ruling = rule(compared(gain=0.3), lost, seed=1)
    assert ruling.decision is Decision.REJECT
    assert "general code costs 7% more" in ruling.sentence


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


def test_a_rejection_says_what_would_have_been_seen() -> None:
    ruling = rule(compared(seed=3), STEADY, seed=3)
    assert ruling.decision is Decision.REJECT
    assert f"one of {ruling.figures['detectable_gain']:.2f} would have been seen" in ruling.sentence


def test_an_installation_without_library_sources_is_not_held_against_a_candidate() -> None:
    assert rule(compared(gain=0.15), [], seed=1).decision is Decision.PUBLISH
