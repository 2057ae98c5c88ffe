"""How far memory is trusted: a chain of gates in front of the model.

Each level of evidence (a longer match before a shorter one, the open file before the
rest) has a gate; a token is drawn from the first level whose gate opens, and from the
model when none does. This is back-off as in prediction by partial matching (Cleary
and Witten 1984) and the nested cache models of Hellendoorn and Devanbu (2017), with
the model as the last level and the escape probabilities learned. Promises
distributions that sum to one, and weights that any settled text can improve by one
gradient step of its log-likelihood. Knows neither text nor where evidence is from.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from math import exp

import msgspec
import numpy as np
from numpy.typing import NDArray

from habitus_server.engine.gate_prior import PRIOR

Probabilities = NDArray[np.float64]

RATE = 0.06
PULL = 0.002
"""Each step draws a weight this much back to the prior it started from."""

_LENGTHS = (1, 2, 3, 4, 5, 7, 10, 16)
_COUNTS = (2, 3, 6, 20)
_SHARES = (0.5, 0.8, 0.999)
_AGREEMENT = (0.003, 0.03, 0.2, 0.6)
_SURENESS = (0.3, 0.6, 0.9)
_RANKS = 4

_WIDTHS = (2 * 9, 5 * 4, 5 * 4, _RANKS, 2)
_BASES = tuple(int(base) for base in np.cumsum((0, *_WIDTHS[:-1])))
SIZE = sum(_WIDTHS)


class Level(msgspec.Struct, frozen=True):
    """What followed one context: `tokens` and their `shares`, out of `count` places.

    Few of them come as lists, many as arrays: each is the quicker there.
    """

    is_local: bool
    length: int
    count: int
    tokens: list[int] | NDArray[np.int64]
    shares: list[float] | Probabilities
    likeliest: tuple[int, float] | None = None

    def top(self) -> tuple[int, float]:
        """The token that followed most often, and its share."""
        if self.likeliest is not None:
            return self.likeliest
        share = max(self.shares)
        return int(self.tokens[list(self.shares).index(share)]), float(share)

    def share_of(self, token: int) -> float:
        """How often a token followed, of all places."""
        if isinstance(self.tokens, list):
            pairs = zip(self.tokens, self.shares, strict=True)
            return float(sum(share for one, share in pairs if one == token))
        return float(self.shares[self.tokens == token].sum())


class Mixture:
    """One step's served distribution, and what is needed to learn from what came."""

    def __init__(
        self,
        served: Probabilities,
        model: Probabilities,
        levels: Sequence[Level],
        rows: Sequence[tuple[int, ...]],
        openness: Sequence[float],
        weights: Sequence[float],
    ) -> None:
        self.served = served
        self.model = model
        self.levels = levels
        self.rows = rows  # [levels, features]
        self.openness = openness  # [levels]: each gate's own probability
        self.weights = weights  # [levels + 1]: probability of drawing there; the model last


class Gates:
    """One workspace's gate weights, in one language class."""

    def __init__(self, prior: Sequence[float] | Probabilities = PRIOR) -> None:
        self._prior = np.array(prior, np.float64)
        self.weights = self._prior.copy()
        self.steps = 0

    def mix(self, model: Probabilities, levels: Sequence[Level], *, is_known: bool) -> Mixture:
        """The served distribution; `is_known` says that the model was trained for the language."""
        rows = _rows(model, levels, is_known)
        table = self.weights.tolist()  # numbers, not arrays: there are few
        openness = [1.0 / (1.0 + exp(-sum(map(table.__getitem__, row)))) for row in rows]
        passed, weights = 1.0, []
        for share in openness:
            weights.append(passed * share)
            passed *= 1.0 - share
        weights.append(passed)
        served = model * passed
        named: dict[int, float] = {}
        for weight, level in zip(weights, levels, strict=False):
            if isinstance(level.tokens, list):
                for token, share in zip(level.tokens, level.shares, strict=True):
                    named[token] = named.get(token, 0.0) + weight * share
            else:
                served[level.tokens] += weight * level.shares  # type: ignore[operator]
        if named:
            tokens = np.fromiter(named, np.int64, len(named))
            served[tokens] += np.fromiter(named.values(), np.float64, len(named))
        return Mixture(served, model, levels, rows, openness, weights)

    def learn(self, mixture: Mixture, token: int) -> None:
        """One step up the log-likelihood of `token`."""
        if not mixture.levels:
            return
        likelihoods = [level.share_of(token) for level in mixture.levels]
        drawn = np.array(mixture.weights) * [*likelihoods, float(mixture.model[token])]
        total = drawn.sum()
        if total <= 0.0:
            return
        drawn /= total  # posterior probability of having drawn at each level
        reached = np.cumsum(drawn[::-1])[::-1][:-1]
        slopes = drawn[:-1] - np.array(mixture.openness) * reached
        rows = np.array(mixture.rows, np.int64)
        np.add.at(self.weights, rows, RATE * slopes[:, None])
        touched = rows.ravel()
        self.weights[touched] += PULL * (self._prior[touched] - self.weights[touched])
        self.steps += 1


def _rows(
    model: Probabilities, levels: Sequence[Level], is_known: bool
) -> list[tuple[int, int, int, int, int]]:
    """The features of each level's gate, as indices into the weights."""
    sureness = bisect_right(_SURENESS, float(model.max())) if levels else 0
    lengths, counts, views, ranks, languages = _BASES
    rows = []
    for rank, level in enumerate(levels):
        token, best = level.top()
        agreement = bisect_right(_AGREEMENT, float(model[token]))
        share = bisect_right(_SHARES, best)
        rows.append(
            (
                lengths + 9 * level.is_local + bisect_right(_LENGTHS, level.length),
                counts + 4 * bisect_right(_COUNTS, level.count) + share,
                views + 4 * agreement + sureness,
                ranks + min(rank, _RANKS - 1),
                languages + is_known,
            )
        )
    return rows
