"""Examples parted by time into those that train and those that judge.

Promises that nothing which a gate item could reveal is trained on, and that the model's
own words carry a bounded share of the weight. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from habitus_learner.examples import Author, Episode, Example

OWN_SHARE = 0.25
"""The model's own words may carry at most this share of the whole weight."""


class Split(msgspec.Struct, frozen=True):
    """Examples parted at `cutoff`: `train` was known before it, `gate` written after."""

    train: tuple[Example, ...]
    gate: tuple[Example, ...]
    cutoff: float


class HoldOut(msgspec.Struct, frozen=True):
    """How much of what was written by hand since the incumbent's lessons judges: a `share`, more
    where that is fewer than `least_episodes`, and at most so many places."""

    share: float = 0.25
    least_episodes: int = 20
    most: int = 400


USUAL = HoldOut()


def split(
    examples: Sequence[Example],
    *,
    hold_out: HoldOut = USUAL,
    not_before: float = 0.0,
    back_to: float = float("inf"),
) -> Split:
    """Hold out the newest episodes, by hand, for the gate.

    The gate gets what `hold_out` says of the places written by hand since `not_before`, up to
    when the incumbent's lessons went, and reaches back as far as half of them for its episodes:
    most of what is new is there to be learned. Where a cycle before ended in doubt, its places
    stay held out: within the same half the gate reaches `back_to` where that one did, and has
    what was written since besides. What was written before the cutoff but settled after it is
    in neither part: its context may hold the gate's answers.
    """
    new = (e for e in examples if e.is_by_hand and e.at >= not_before)
    eligible = sorted(new, key=lambda e: -e.at)
    wanted = min(hold_out.most, max(1, round(hold_out.share * len(eligible))))
    limit = max(wanted, min(hold_out.most, len(eligible) // 2))
    episodes: set[Episode] = set()
    cutoff = float("inf")
    for taken, example in enumerate(eligible):
        has_enough = taken >= wanted and len(episodes) >= hold_out.least_episodes
        if taken >= limit or (has_enough and example.at < back_to):
            break
        episodes.add(example.episode)
        cutoff = example.at
    return Split(
        train=capped(tuple(e for e in examples if e.known_at < cutoff)),
        gate=tuple(e for e in examples if e.is_by_hand and e.at >= cutoff),
        cutoff=cutoff,
    )


def capped(examples: tuple[Example, ...]) -> tuple[Example, ...]:
    """Lower the weights of the model's own words until they carry no more than their share.

    Training on its own accepted words makes a model surer of what it says already.
    """
    own = sum(e.weight for e in examples if e.is_own_words)
    others = sum(e.weight for e in examples if e.author is Author.PERSON)
    allowed = others * OWN_SHARE / (1.0 - OWN_SHARE)
    if own <= allowed or others == 0.0:
        return examples
    return tuple(
        msgspec.structs.replace(e, weight=e.weight * allowed / own) if e.is_own_words else e
        for e in examples
    )
