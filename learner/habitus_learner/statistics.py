"""Intervals for paired measurements that come in clusters.

Promises intervals that stay honest when items of one file or session resemble each
other: whole clusters are resampled, never items. Takes plain numbers and a seed, and
knows nothing of models, files or clocks.

An interval is the cluster bootstrap's percentile interval, widened for few clusters
(the "expanded percentile" of Hesterberg, arXiv 1411.5279): the tail level is that
at which a normal interval from G clusters would be as wide as Student's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import lru_cache
from statistics import NormalDist

import msgspec
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

RESAMPLES = 4_000
_BATCH = 500
_KEPT_UP_TO = 500
"""Clusters whose draws take some megabytes."""


class Interval(msgspec.Struct, frozen=True):
    """An estimate between its bounds; `clusters` says how many independent units it rests on.

    Fewer than two clusters bound nothing: `low` and `high` are then infinite.
    """

    mean: float
    low: float
    high: float
    clusters: int = 0

    @property
    def is_above_zero(self) -> bool:
        """Whether even the lower bound is an improvement."""
        return self.low > 0.0


def paired_interval(
    differences: Sequence[float],
    clusters: Sequence[Hashable],
    *,
    seed: int,
    level: float = 0.95,
) -> Interval:
    """The mean of per-item differences, each item weighing the same."""
    return ratio_interval(differences, [1.0] * len(differences), clusters, seed=seed, level=level)


def ratio_interval(
    numerators: Sequence[float],
    denominators: Sequence[float],
    clusters: Sequence[Hashable],
    *,
    seed: int,
    level: float = 0.95,
) -> Interval:
    """A ratio of sums, such as bits over characters.

    For the paired gain in bits per character of one arm over another, give the
    per-item differences in bits as numerators and the items' characters below.
    """
    columns = np.column_stack([_floats(numerators), _floats(denominators)])
    return _interval(columns, clusters, lambda s: _ratio(s[:, 0], s[:, 1]), seed, level)


def ratio_difference_interval(
    first: tuple[Sequence[float], Sequence[float]],
    second: tuple[Sequence[float], Sequence[float]],
    clusters: Sequence[Hashable],
    *,
    seed: int,
    level: float = 0.95,
) -> Interval:
    """How far the first ratio of sums lies above the second, items paired.

    Each arm gives (numerators, denominators); the denominators may differ between
    arms, as with characters retained per suggestion shown.
    """
    columns = np.column_stack([_floats(c) for c in (*first, *second)])
    return _interval(
        columns,
        clusters,
        lambda s: _ratio(s[:, 0], s[:, 1]) - _ratio(s[:, 2], s[:, 3]),
        seed,
        level,
    )


def chance_by_luck(
    differences: Sequence[float], clusters: Sequence[Hashable], *, seed: int
) -> float:
    """How often a sum as large as this comes up when each cluster's sign is a coin's.

    Exact where a cluster is as likely to fall to either side: where few clusters hold most of
    the weight, resampling them is too sure of itself and this is not.
    """
    sums = _cluster_sums(_floats(differences)[:, None], clusters)[:, 0]
    signs = np.random.default_rng(seed).integers(0, 2, (RESAMPLES, len(sums))) * 2.0 - 1.0
    as_large = int((signs @ sums >= sums.sum() - 1e-9).sum())
    return (1 + as_large) / (1 + RESAMPLES)


def standard_error(
    numerators: Sequence[float], denominators: Sequence[float], clusters: Sequence[Hashable]
) -> float:
    """The linearised, cluster-robust standard error of a ratio of sums."""
    sums = _cluster_sums(np.column_stack([_floats(numerators), _floats(denominators)]), clusters)
    count = len(sums)
    total = float(sums[:, 1].sum())
    if count < 2 or total == 0.0:
        return math.inf
    residuals = sums[:, 0] - sums[:, 0].sum() / total * sums[:, 1]
    return math.sqrt(count / (count - 1) * float(residuals @ residuals)) / total


def detectable_gain(standard_error: float, clusters: int, *, power: float = 0.8) -> float:
    """The smallest true gain whose 95% interval would exclude zero with this `power`."""
    if clusters < 2:
        return math.inf
    return standard_error * (
        student_quantile(0.975, clusters - 1) + student_quantile(power, clusters - 1)
    )


@lru_cache(maxsize=64)
def student_quantile(probability: float, degrees: int) -> float:
    """Student's t quantile.

    With t = √ν·tan u the density becomes cos(u)^(ν-1), which is bounded and smooth,
    so a plain cumulative sum over u is exact to five digits or more.
    """
    edges = np.linspace(-math.pi / 2, math.pi / 2, 20_001)
    middle = (edges[1:] + edges[:-1]) / 2
    mass = np.cumsum(np.cos(middle) ** (degrees - 1))
    u = float(np.interp(probability, np.concatenate([[0.0], mass / mass[-1]]), edges))
    return math.sqrt(degrees) * math.tan(u)


def _interval(
    columns: Array,
    clusters: Sequence[Hashable],
    statistic: Callable[[Array], Array],
    seed: int,
    level: float,
) -> Interval:
    sums = _cluster_sums(columns, clusters)
    count = len(sums)
    if count == 0:
        return Interval(0.0, -math.inf, math.inf, 0)
    mean = float(statistic(sums.sum(axis=0, keepdims=True))[0])
    if count == 1:
        return Interval(mean, -math.inf, math.inf, 1)
    tail = _expanded_tail((1.0 - level) / 2.0, count)
    low, high = np.quantile(_resampled(sums, statistic, seed), [tail, 1.0 - tail])
    return Interval(mean, float(low), float(high), count)


def _resampled(sums: Array, statistic: Callable[[Array], Array], seed: int) -> Array:
    """The statistic of many draws of as many clusters, with replacement.

    A draw is how often each cluster came up, so that a draw's sums are one product;
    in batches, which bounds the memory for thousands of clusters.
    """
    return np.concatenate([statistic(draws @ sums) for draws in _draws(len(sums), seed)])


def _draws(clusters: int, seed: int) -> Iterable[Array]:
    """Batches of draws; a few clusters' are kept, since a ruling asks several questions about
    the same ones."""
    return _kept(clusters, seed) if clusters <= _KEPT_UP_TO else _drawn(clusters, seed)


@lru_cache(maxsize=1)
def _kept(clusters: int, seed: int) -> tuple[Array, ...]:
    return tuple(_drawn(clusters, seed))


def _drawn(clusters: int, seed: int) -> Iterator[Array]:
    random = np.random.default_rng(seed)
    even = np.full(clusters, 1.0 / clusters)
    for _ in range(RESAMPLES // _BATCH):
        yield random.multinomial(clusters, even, size=_BATCH).astype(np.float64)


def _expanded_tail(tail: float, clusters: int) -> float:
    width = math.sqrt(clusters / (clusters - 1)) * student_quantile(1.0 - tail, clusters - 1)
    return NormalDist().cdf(-width)


def _cluster_sums(columns: Array, clusters: Sequence[Hashable]) -> Array:
    if len(columns) != len(clusters):
        raise ValueError(f"{len(columns)} items but {len(clusters)} cluster names")
    order: dict[Hashable, int] = {}
    rows = np.array([order.setdefault(name, len(order)) for name in clusters], dtype=np.intp)
    sums = np.zeros((len(order), columns.shape[1]))
    np.add.at(sums, rows, columns)
    return sums


def _ratio(above: Array, below: Array) -> Array:
    return np.divide(above, below, out=np.zeros_like(above), where=below != 0.0)


def _floats(values: Sequence[float]) -> Array:
    return np.asarray(values, dtype=np.float64)
