"""Watches a published adapter at work, and says when it does harm.

Two kinds of evidence, each of which may be looked at after every request. *Live*: fewer
characters are retained per request than before. That suspects, and alone convicts nobody: a
hard week looks the same. *Paired*: both adapters at the same places, each scored against the
text that settled there. A hard week is hard for both, so that convicts. Takes numbers only;
asking both adapters is `second_look`'s, taking one back `registry`'s. Error rates, and what
they rest on, are in docs/judging.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from habitus_learner.gate import Compared

Array = npt.NDArray[np.float64]

CAP_CHARS = 24
"""Characters of one request count up to here: one long block must not outweigh a day."""

REFERENCE = 1_000
"""The newest requests before an adapter that its own are compared with."""

FEWEST_BEFORE = 100
"""Requests below which it is not known what to expect."""

SUSPECTS = 5.0
"""Live evidence, as odds, that is worth asking both adapters for."""

CONVICTS = 12.0
"""Paired evidence, as odds: an adapter that is no worse reaches it once in 12 times at most, and
is not convicted unless it was suspected too."""

CONVICTS_ALONE = 1_000.0
"""Live evidence that convicts where both adapters cannot be asked."""

_LOSSES = np.array([0.2, 0.33, 0.5, 0.7, 0.85])
"""Shares of the earlier mean that may be lost; live evidence is the mean over these."""

_BETS = np.array([0.3, 0.6, 0.9])
"""What is bet on each place; paired evidence is the mean over these."""

_BLOCK = 25
"""Requests in one block: sessions and bursts make neighbours alike."""


class Suspicion(msgspec.Struct, frozen=True):
    """Fewer characters are retained per request: `evidence` is odds against "as before"."""

    evidence: float
    requests: int
    mean_before: float
    mean_now: float

    @property
    def sentence(self) -> str:
        """What was seen, for the status and the store."""
        return (
            f"{self.mean_now:.1f} characters retained per request over {self.requests}, "
            f"{self.mean_before:.1f} before (evidence {self.evidence:.0f} to 1)"
        )


class Harm(msgspec.Struct, frozen=True):
    """Both adapters at the same places: `evidence` is odds against "no worse"."""

    evidence: float
    places: int
    mean_before: float
    mean_now: float

    @property
    def sentence(self) -> str:
        """What was seen, for the status and the store."""
        return (
            f"at {self.places} places written since, {self.mean_now:.1f} characters would have "
            f"been right, {self.mean_before:.1f} with the adapter before "
            f"(evidence {self.evidence:.0f} to 1)"
        )


def suspicion(before: Sequence[float], now: Sequence[float]) -> Suspicion | None:
    """Evidence that fewer characters are retained per request than `before`, both in time
    order; None where there is none worth a second look."""
    if len(before) < FEWEST_BEFORE or not now:
        return None
    evidence = float(np.exp(live_evidence(np.array(before), np.array(now))[-1]))
    if evidence < SUSPECTS:
        return None
    means = (float(np.minimum(some, CAP_CHARS).mean()) for some in (before, now))
    return Suspicion(evidence, len(now), *means)


def harm(places: Sequence[Compared]) -> Harm | None:
    """Evidence that a newer adapter (`candidate`) does worse than the earlier (`incumbent`) at
    places in time order; None while it falls short of a conviction."""
    if not places:
        return None
    incumbent = np.array([_worth(one.chars, one.incumbent.exact) for one in places])
    candidate = np.array([_worth(one.chars, one.candidate.exact) for one in places])
    evidence = float(np.exp(paired_evidence(incumbent, candidate).max()))
    if evidence < CONVICTS:
        return None
    return Harm(evidence, len(places), float(incumbent.mean()), float(candidate.mean()))


def live_evidence(before: Array, now: Array) -> Array:
    """After each request of `now`, the logarithm of the odds against "as before".

    The odds are a mixture's likelihood ratio for sums that are normal with a drift: each
    loss of `_LOSSES` against none, where the earlier mean is known only as well as its
    requests tell (its error is a drift of its own). Variance is that of block means, since
    neighbours resemble each other.
    """
    earlier, later = np.minimum(before, CAP_CHARS), np.minimum(now, CAP_CHARS)
    mean, noise = earlier.mean(), _noise(earlier)
    if mean == 0.0:
        return np.zeros(len(later))
    count = np.arange(1, len(later) + 1)
    spread = noise * (1.0 + count / len(earlier))
    loss = _LOSSES[:, None] * mean
    return _mixed(-loss * np.cumsum(later - mean) / spread - count * loss**2 / (2.0 * spread))


def paired_evidence(incumbent: Array, candidate: Array) -> Array:
    """After each place, the logarithm of what bets on "the candidate is worse" have grown to.

    A bet at fair odds cannot be expected to grow while, given what came before, the next
    place is no likelier to fall to the incumbent than to the candidate; how hard the places
    are does not matter (Waudby-Smith and Ramdas, arXiv 2010.09686).
    """
    lost = (np.minimum(incumbent, CAP_CHARS) - np.minimum(candidate, CAP_CHARS)) / CAP_CHARS
    return _mixed(np.cumsum(np.log1p(_BETS[:, None] * lost), axis=1))


def _mixed(logs: Array) -> Array:
    """The logarithm of the mean over the first axis."""
    most = logs.max(axis=0)
    mixed: Array = most + np.log(np.exp(logs - most).mean(axis=0))
    return mixed


def _noise(values: Array) -> float:
    """The variance that one value adds to a long sum: at least its own, more where
    neighbours resemble each other."""
    blocks = values[len(values) % _BLOCK :].reshape(-1, _BLOCK).mean(axis=1)
    alike = _BLOCK * float(blocks.var(ddof=1)) if len(blocks) > 1 else 0.0
    # Few blocks measure it badly; the excess is what they may have missed.
    return max(float(values.var(ddof=1)), alike * (1.0 + 2.0 / max(1, len(blocks))))


def _worth(chars: int, is_exact: bool) -> float:
    return float(min(chars, CAP_CHARS)) if is_exact else 0.0
