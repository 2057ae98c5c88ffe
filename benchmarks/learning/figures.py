"""What the parts' outcomes come to: ratios between arms, with intervals that resample files.

Promises figures from cached outcomes alone; a question that only one arm was asked counts for
none. Clusters are files of a commit, of all seeds together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from benchmarks.figures import SEED, figure
from benchmarks.learning.arms import Answer, Outcome

from habitus_learner.statistics import Interval, ratio_interval

FROZEN, MEMORY, WEIGHTS, ALL, GIT = "frozen", "memory", "weights", "all", "weights from git alone"


class Learned(msgspec.Struct, frozen=True):
    """What a warm-up or a cycle came to, and how long it took."""

    state: str
    verdict: str
    adapter: str | None
    figures: dict[str, float]
    seconds: float


class Asked(msgspec.Struct, frozen=True):
    """An outcome, and where it comes from."""

    history: str
    seed: int
    block: int
    outcome: Outcome

    @property
    def cluster(self) -> tuple[str, str]:
        """Questions about one file of one commit resemble each other, whatever the seed."""
        return self.history, self.outcome.cluster


def table(asked: Sequence[Asked]) -> list[dict[str, Any]]:
    """Every figure that is about answers."""
    found = []
    for history in dict.fromkeys(one.history for one in asked):
        own = [one for one in asked if one.history == history]
        ratio = _ratio(own, WEIGHTS, FROZEN, _bits)
        name = f"{history}: bits per character, weights ÷ frozen"
        holds = ratio.mean <= 0.85 and ratio.high < 1.0
        found.append(_shown(name, ratio, own, "≤ 0.85, below 1", holds))
    ratio = _ratio(asked, WEIGHTS, FROZEN, _exact)
    found.append(
        _shown(
            "exact lines, weights ÷ frozen", ratio, asked,
            "≥ 1.5, above 1", ratio.mean >= 1.5 and ratio.low > 1.0,
        )
    )  # fmt: skip
    later = [one for one in asked if GIT in one.outcome.answers]
    if later:
        ratio = _ratio(later, WEIGHTS, GIT, _bits)
        name = "bits per character, signals and git ÷ git alone"
        found.append(_shown(name, ratio, later, "below 1", ratio.high < 1.0))
    for what, value in (("exact lines", _exact), ("retained characters", _retained)):
        ratio = _ratio(asked, ALL, FROZEN, value)
        found.append(_shown(f"{what}, all ÷ frozen", ratio, asked, "≥ 2", ratio.mean >= 2.0))
    ratio = _ratio(asked, ALL, MEMORY, _bits)
    name = "bits per character, all ÷ memory and retrieval"
    found.append(_shown(name, ratio, asked, "≤ 0.92", ratio.mean <= 0.92))
    ratio = _ratio(asked, ALL, MEMORY, _exact)
    name = "exact lines, all ÷ memory and retrieval"
    found.append(_shown(name, ratio, asked, "≥ 1.15", ratio.mean >= 1.15))
    return found + _levels(asked)


def remembered(learned: Sequence[Learned]) -> list[dict[str, Any]]:
    """What general code costs under what was published, and how many runs were."""
    states = [one.state for one in learned]
    found = [
        figure(f"runs that ended {state}", states.count(state), n=len(states))
        for state in sorted(set(states))
    ]
    published = [one for one in learned if one.adapter is not None]
    if published:
        costs = [1.0 + one.figures["probe_drift"] for one in published]
        name = "forgetting probe, bits per character, learned ÷ base, mean [least, most]"
        found.append(
            figure(
                name, sum(costs) / len(costs), n=len(costs), interval=(min(costs), max(costs)),
                target="≤ 1.01", holds=max(costs) <= 1.01,
            )
        )  # fmt: skip
    return found


def _levels(asked: Sequence[Asked]) -> list[dict[str, Any]]:
    """Each arm by itself."""
    found = []
    for arm in dict.fromkeys(name for one in asked for name in one.outcome.answers):
        own = [one for one in asked if arm in one.outcome.answers]
        chars = sum(one.outcome.chars for one in own)
        answers = [one.outcome.answers[arm] for one in own]
        for name, value in (
            ("bits per character", sum(a.bits for a in answers) / chars),
            ("exact lines, share", sum(a.exact for a in answers) / len(own)),
            ("similarity", sum(a.similarity for a in answers) / len(own)),
            ("retained characters, share", sum(a.retained for a in answers) / chars),
        ):
            found.append(figure(f"{arm}: {name}", value, n=len(own)))
    return found


def _ratio(
    asked: Sequence[Asked], above: str, below: str, value: Callable[[Answer], float]
) -> Interval:
    pairs = [one for one in asked if {above, below} <= one.outcome.answers.keys()]
    over = [value(one.outcome.answers[above]) for one in pairs]
    under = [value(one.outcome.answers[below]) for one in pairs]
    if not sum(under):
        # Nothing to divide by: the gain is understated as if the arm below had one.
        return Interval(sum(over), 0.0, float("inf"), clusters=0)
    return ratio_interval(
        over,
        under,
        [one.cluster for one in pairs],
        seed=SEED,
    )


def _shown(
    name: str, ratio: Interval, asked: Sequence[Asked], target: str, holds: bool
) -> dict[str, Any]:
    # JSON has no word for infinity: what nothing bounds has no interval.
    bounds = (ratio.low, ratio.high) if math.isfinite(ratio.high) else None
    return figure(name, ratio.mean, n=len(asked), interval=bounds, target=target, holds=holds)


def _bits(answer: Answer) -> float:
    return answer.bits


def _exact(answer: Answer) -> float:
    return float(answer.exact)


def _retained(answer: Answer) -> float:
    return float(answer.retained)
