"""Whether a candidate may replace the incumbent.

Promises a ruling that follows from paired measurements alone, with sentences that give
its figures and what it could not have seen. Bits per character decide, because they have
the power; exact match must not be inferior; the forgetting probe must not have moved. In
doubt it waits: the next cycle judges at these places and more. Knows no model: what is
ruled on is measured in `measure`. Error rates are in docs/judging.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import Enum

import msgspec

from habitus_learner.statistics import (
    Interval,
    chance_by_luck,
    detectable_gain,
    paired_interval,
    ratio_interval,
    standard_error,
)

MIN_CLUSTERS = 20
MIN_ITEMS = 30
LEVEL = 0.95
"""Of the gain's interval. A candidate that is no better passes one cycle in forty, and costs a
swap; each cycle is a test of its own, and one that is worse passes far more rarely."""

WORTH_HAVING = 0.02
"""The gain, as a share of the incumbent's bits, that is waited for while it may be there."""

EXACT_MARGIN = 0.05
"""Exact match may be lower by less than this with 97.5% confidence."""

PROBE_TOLERANCE = 0.01
"""General code may cost this share more than under base weights."""


class Decision(Enum):
    """What becomes of a candidate."""

    PUBLISH = "publish"
    REJECT = "reject"
    WAIT = "wait"


class Cost(msgspec.Struct, frozen=True):
    """One arm at one place: `exact` and `similarity` are of `text`, its greedy completion."""

    bits: float
    exact: bool
    similarity: float
    text: str = ""


class Compared(msgspec.Struct, frozen=True):
    """One place under both arms; `cluster` names the episode that it belongs to."""

    id: str
    cluster: str
    chars: int
    incumbent: Cost
    candidate: Cost


class Probe(msgspec.Struct, frozen=True):
    """One place in general code, in bits under base weights and under the candidate."""

    chars: int
    base_bits: float
    candidate_bits: float


class Ruling(msgspec.Struct, frozen=True):
    """The decision, a sentence for the user, and the numbers by name."""

    decision: Decision
    sentence: str
    figures: dict[str, float]


def enough(clusters: int, items: int) -> Ruling | None:
    """A ruling to wait when there is too little to judge by, before anything is trained."""
    if clusters >= MIN_CLUSTERS and items >= MIN_ITEMS:
        return None
    return Ruling(
        Decision.WAIT,
        f"Waiting for more code: judging needs {MIN_ITEMS} places written by hand in "
        f"{MIN_CLUSTERS} files or sessions, and there are {items} in {clusters} so far.",
        {"gate_items": float(items), "gate_clusters": float(clusters)},
    )


def rule(places: Sequence[Compared], probes: Sequence[Probe], *, seed: int) -> Ruling:
    """Rule on a candidate from what both arms did at the same places."""
    clusters = [place.cluster for place in places]
    waiting = enough(len(set(clusters)), len(places))
    if waiting is not None:
        return waiting
    chars = [float(place.chars) for place in places]
    saved = [place.incumbent.bits - place.candidate.bits for place in places]
    gain = ratio_interval(saved, chars, clusters, seed=seed, level=LEVEL)
    exact = paired_interval(
        [float(p.candidate.exact) - float(p.incumbent.exact) for p in places], clusters, seed=seed
    )
    similarity = paired_interval(
        [p.candidate.similarity - p.incumbent.similarity for p in places], clusters, seed=seed
    )
    luck = chance_by_luck(saved, clusters, seed=seed)
    drift = probe_drift(probes)
    detectable = detectable_gain(standard_error(saved, chars, clusters), gain.clusters)
    figures = {
        "gate_items": float(len(places)),
        "gate_clusters": float(gain.clusters),
        "bits_per_char_incumbent": sum(p.incumbent.bits for p in places) / sum(chars),
        "bits_per_char_candidate": sum(p.candidate.bits for p in places) / sum(chars),
        "detectable_gain": detectable,
        "gain_by_luck": luck,
        "exact_incumbent": _mean([float(p.incumbent.exact) for p in places]),
        "exact_candidate": _mean([float(p.candidate.exact) for p in places]),
        "probe_drift": drift,
        "probe_items": float(len(probes)),
        **_named("gain", gain),
        **_named("exact_gain", exact),
        **_named("similarity_gain", similarity),
    }
    decision, why = _decide(gain, luck, exact, drift, figures["bits_per_char_incumbent"])
    return Ruling(decision, f"{_summary(figures, gain)} {why}", figures)


def probe_drift(probes: Sequence[Probe]) -> float:
    """How much more general code costs than under base weights, as a share."""
    before = sum(probe.base_bits for probe in probes)
    return sum(probe.candidate_bits for probe in probes) / before - 1.0 if before else 0.0


def _decide(
    gain: Interval, luck: float, exact: Interval, drift: float, bits: float
) -> tuple[Decision, str]:
    if drift > PROBE_TOLERANCE:
        return Decision.REJECT, (
            f"Not published: general code costs {drift:.1%} more, {PROBE_TOLERANCE:.0%} is "
            "the most allowed."
        )
    if gain.mean <= 0.0:
        return Decision.REJECT, "Not published: there is no gain."
    if gain.high < WORTH_HAVING * bits:
        return Decision.REJECT, (
            f"Not published: the gain is under {WORTH_HAVING:.0%}, if there is any."
        )
    if exact.high < 0.0:
        return Decision.REJECT, (
            f"Not published: whole lines are right less often ({_signed(exact, 100)} points)."
        )
    if not gain.is_above_zero or luck > (1.0 - LEVEL) / 2.0:
        return Decision.WAIT, (
            f"The gain is not clear of luck ({luck:.1%} would be as large); the next cycle "
            "judges with more."
        )
    if exact.low <= -EXACT_MARGIN:
        return Decision.WAIT, (
            f"Whole lines may be right less often ({_signed(exact, 100)} points); the next "
            "cycle judges with more."
        )
    return Decision.PUBLISH, "Published."


def _summary(figures: dict[str, float], gain: Interval) -> str:
    return (
        f"{figures['bits_per_char_candidate']:.2f} bits per character instead of "
        f"{figures['bits_per_char_incumbent']:.2f} on {figures['gate_items']:.0f} later places "
        f"in {gain.clusters} episodes (gain {_signed(gain)}), exact lines "
        f"{figures['exact_candidate']:.1%} instead of {figures['exact_incumbent']:.1%}. With so "
        f"many, a gain under {figures['detectable_gain']:.3f} cannot be counted on to be seen."
    )


def _signed(interval: Interval, scale: float = 1.0) -> str:
    digits = 1 if scale > 1 else 3
    mean, low, high = (scale * v for v in (interval.mean, interval.low, interval.high))
    return f"{mean:.{digits}f}, 95% from {low:.{digits}f} to {high:.{digits}f}"


def _named(name: str, interval: Interval) -> dict[str, float]:
    bounds = {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}
    return {key: value for key, value in bounds.items() if math.isfinite(value)}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
