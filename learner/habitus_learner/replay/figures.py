"""What observations come to.

Promises that every figure is computed from the same items in every arm, with intervals
that resample whole clusters of items. Pure: observations in, records out.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence

from habitus_learner.replay.items import Place
from habitus_learner.replay.observation import Observation
from habitus_learner.replay.report import Arm, Gain, Latency
from habitus_learner.statistics import Interval, ratio_interval

Amount = Callable[[Observation], float]
Cluster = Callable[[Observation], Hashable]


def by_file(observation: Observation) -> Hashable:
    """Items of one file resemble each other, in whichever commit they were written."""
    return observation.item.path


def by_file_of_a_commit(observation: Observation) -> Hashable:
    """The clusters within a block, which holds few files and few commits."""
    return observation.item.commit, observation.item.path


def summarise(observations: Sequence[Observation], *, seed: int, cluster: Cluster = by_file) -> Arm:
    """One arm's figures."""

    def interval(above: Amount, below: Amount) -> Interval:
        return _ratio(observations, observations, above, below, seed, cluster)

    exact = interval(_exact, _one)
    similarity = interval(_similarity, _one)
    bits = interval(_bits, _chars)
    saved = interval(_saved, _one)
    retained = interval(_retained, _one)
    count = len(observations)
    return Arm(
        exact_match=exact.mean,
        exact_match_interval=_bounds(exact),
        edit_similarity=similarity.mean,
        edit_similarity_interval=_bounds(similarity),
        bits_per_char=bits.mean,
        bits_per_char_interval=_bounds(bits),
        characters_saved=sum(o.saved_characters for o in observations),
        characters_saved_interval=(saved.low * count, saved.high * count),
        shown=sum(o.is_shown for o in observations),
        accepted=sum(o.is_accepted for o in observations),
        retained=sum(o.retained_characters > 0 for o in observations),
        accepted_characters=sum(o.accepted_characters for o in observations),
        retained_characters=sum(o.retained_characters for o in observations),
        retained_characters_interval=(retained.low * count, retained.high * count),
        items=count,
        exact_lines=sum(o.exact for o in observations),
        exact_by_place={place.value: _exact_share(observations, place) for place in Place},
    )


COMPARED = (
    ("memory", "frozen"),
    ("weights", "frozen"),
    ("all", "frozen"),
    ("all", "memory"),
    ("all", "weights"),
)
"""Each arm against frozen weights, and both speeds together against each alone."""


def compare(
    arms: Mapping[str, Sequence[Observation]], *, seed: int, cluster: Cluster = by_file
) -> tuple[Gain, ...]:
    """Every paired gain of `COMPARED`; the arms hold the same items in the same order."""
    gains: list[Gain] = []
    for arm, than in COMPARED:
        first, second = arms[arm], arms[than]
        if [o.item for o in first] != [o.item for o in second]:
            raise ValueError(f"the arms {arm} and {than} were not asked the same")
        gains += [
            _gain(arm, than, "exact_match", first, second, _exact, _one, seed, cluster),
            _gain(arm, than, "edit_similarity", first, second, _similarity, _one, seed, cluster),
            _gain(arm, than, "characters_saved", first, second, _saved, _one, seed, cluster),
            _gain(arm, than, "retained_characters", first, second, _retained, _one, seed, cluster),
            _gain(arm, than, "bits_per_char", second, first, _bits, _chars, seed, cluster),
        ]
    return tuple(gains)


def measure_latency(observations: Sequence[Observation]) -> Latency:
    """The median and 95th percentile over every item that was answered."""
    times = sorted(o.latency_ms for o in observations if o.latency_ms > 0.0)
    return Latency(_percentile(times, 0.5), _percentile(times, 0.95))


def _gain(
    arm: str,
    than: str,
    measure: str,
    more: Sequence[Observation],
    less: Sequence[Observation],
    above: Amount,
    below: Amount,
    seed: int,
    cluster: Cluster,
) -> Gain:
    found = _ratio(more, less, above, below, seed, cluster, paired=True)
    return Gain(arm, than, measure, found.mean, found.low, found.high, found.clusters)


def _ratio(
    more: Sequence[Observation],
    less: Sequence[Observation],
    above: Amount,
    below: Amount,
    seed: int,
    cluster: Cluster,
    *,
    paired: bool = False,
) -> Interval:
    return ratio_interval(
        [above(a) - above(b) if paired else above(a) for a, b in zip(more, less, strict=True)],
        [below(a) for a in more],
        [cluster(o) for o in more],
        seed=seed,
    )


def _exact(observation: Observation) -> float:
    return float(observation.exact)


def _similarity(observation: Observation) -> float:
    return observation.similarity


def _saved(observation: Observation) -> float:
    return float(observation.saved_characters)


def _retained(observation: Observation) -> float:
    return float(observation.retained_characters)


def _bits(observation: Observation) -> float:
    return observation.bits or 0.0


def _chars(observation: Observation) -> float:
    return float(observation.chars or 0)


def _one(observation: Observation) -> float:
    return 1.0


def _bounds(interval: Interval) -> tuple[float, float]:
    return interval.low, interval.high


def _exact_share(observations: Sequence[Observation], place: Place) -> float:
    asked = [o for o in observations if o.item.place is place]
    return sum(o.exact for o in asked) / len(asked) if asked else 0.0


def _percentile(ordered: Sequence[float], share: float) -> float:
    """The nearest-rank percentile; 0 when nothing was measured."""
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]
