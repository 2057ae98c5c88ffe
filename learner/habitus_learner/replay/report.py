"""What a replay found, as figures.

Promises that every figure is computed from the same items in every arm, with intervals
that resample whole files, and that the report names everything needed to repeat it.
Pure: observations in, records out; printing and plotting are other rooms'.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from habitus_learner.replay.items import Place
from habitus_learner.replay.walk import Observation
from habitus_learner.statistics import Interval, ratio_interval

FORMAT = 1

Amount = Callable[[Observation], float]


class Arm(msgspec.Struct, frozen=True):
    """One arm's figures over all items.

    `exact_match` is the share of items whose suggestion's first line is what was
    written; `edit_similarity` a mean, 0 where nothing was shown; `characters_saved` the
    keystrokes spared in all; `accepted` counts suggestions taken in whole or in part,
    `retained` those that were not undone afterwards.
    """

    exact_match: float
    exact_match_interval: tuple[float, float]
    edit_similarity: float
    edit_similarity_interval: tuple[float, float]
    bits_per_char: float
    bits_per_char_interval: tuple[float, float]
    characters_saved: int
    characters_saved_interval: tuple[float, float]
    shown: int
    accepted: int
    retained: int
    accepted_characters: int
    retained_characters: int
    items: int
    exact_lines: int
    exact_by_place: dict[str, float]


class Gain(msgspec.Struct, frozen=True):
    """How much better `arm` is than `than` on the same items, with its 95% interval.

    Positive is better: bits per character are counted as bits saved.
    """

    arm: str
    than: str
    measure: str
    gain: float
    low: float
    high: float
    files: int

    @property
    def is_clear(self) -> bool:
        """Whether the whole interval lies above zero."""
        return self.low > 0.0


class AdapterFacts(msgspec.Struct, frozen=True):
    """The adapter that the last two arms used."""

    version: str
    sha256: str
    examples: dict[str, int]


class Latency(msgspec.Struct, frozen=True):
    """How long a request took from the editor's side, in milliseconds."""

    p50: float
    p95: float


class CycleFacts(msgspec.Struct, frozen=True):
    """One learning cycle and how it ended."""

    id: int
    state: str
    adapter: str | None
    verdict: str
    figures: dict[str, float]
    minutes: float


class SwapFacts(msgspec.Struct, frozen=True):
    """How the new version came into service while completions went on being asked for.

    `gap_ms` is the longest time between two answers around the change, less the pace at
    which they were asked for; `before_ms` and `after_ms` the median answers.
    """

    gap_ms: float
    pace_ms: float
    answers: int
    before_ms: float
    after_ms: float
    version_before: str | None
    version_after: str | None
    same_engine_process: bool
    same_server_process: bool


class LearningFacts(msgspec.Struct, frozen=True):
    """What happened to the suggestions of the learning phase."""

    items_asked: int
    shown: int
    exact: int
    reactions: dict[str, int]
    commits: int
    lines_written: int


class ItemsFacts(msgspec.Struct, frozen=True):
    """The fingerprint of what was asked, fixed before the first question."""

    evaluation_sha256: str
    learning_sha256: str
    evaluation_lines: int
    evaluation_items: int
    evaluation_files: int
    evaluation_lines_available: int
    learning_lines: int


class Source(msgspec.Struct, frozen=True):
    """What was replayed: which commits were learned from, and which were asked about."""

    name: str
    head: str
    learned_from: tuple[str, ...]
    evaluated_on: tuple[str, ...]


class Machine(msgspec.Struct, frozen=True):
    """Where it ran."""

    system: str
    processor: str
    cores: int
    memory_gib: float
    device: str
    python: str
    versions: dict[str, str]


class Report(msgspec.Struct, frozen=True):
    """A whole replay. `swap_gap_ms` repeats the swap's figure at the top."""

    format: int
    finished_at: str
    source: Source
    model: str
    seed: int
    items: ItemsFacts
    frozen: Arm
    memory: Arm
    weights: Arm
    all: Arm
    gains: tuple[Gain, ...]
    adapter: AdapterFacts | None
    latency_ms: Latency
    latency_by_arm_ms: dict[str, Latency]
    swap_gap_ms: float | None
    swap: SwapFacts | None
    cycles: tuple[CycleFacts, ...]
    learning: LearningFacts
    machine: Machine
    seconds: dict[str, float]


def summarise(observations: Sequence[Observation], *, seed: int) -> Arm:
    """One arm's figures."""

    def interval(above: Amount, below: Amount) -> Interval:
        return _ratio(observations, observations, above, below, seed)

    exact = interval(_exact, _one)
    similarity = interval(_similarity, _one)
    bits = interval(_bits, _chars)
    saved = interval(_saved, _one)
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


def compare(arms: Mapping[str, Sequence[Observation]], *, seed: int) -> tuple[Gain, ...]:
    """Every paired gain of `COMPARED`; the arms hold the same items in the same order."""
    gains: list[Gain] = []
    for arm, than in COMPARED:
        first, second = arms[arm], arms[than]
        if [o.item for o in first] != [o.item for o in second]:
            raise ValueError(f"the arms {arm} and {than} were not asked the same")
        gains += [
            _gain(arm, than, "exact_match", first, second, _exact, _one, seed),
            _gain(arm, than, "edit_similarity", first, second, _similarity, _one, seed),
            _gain(arm, than, "characters_saved", first, second, _saved, _one, seed),
            _gain(arm, than, "bits_per_char", second, first, _bits, _chars, seed),
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
) -> Gain:
    found = _ratio(more, less, above, below, seed, paired=True)
    return Gain(arm, than, measure, found.mean, found.low, found.high, found.clusters)


def _ratio(
    more: Sequence[Observation],
    less: Sequence[Observation],
    above: Amount,
    below: Amount,
    seed: int,
    *,
    paired: bool = False,
) -> Interval:
    return ratio_interval(
        [above(a) - above(b) if paired else above(a) for a, b in zip(more, less, strict=True)],
        [below(a) for a in more],
        [o.item.path for o in more],
        seed=seed,
    )


def _exact(observation: Observation) -> float:
    return float(observation.exact)


def _similarity(observation: Observation) -> float:
    return observation.similarity


def _saved(observation: Observation) -> float:
    return float(observation.saved_characters)


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
