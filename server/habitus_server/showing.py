"""Whether a suggestion is worth showing: an estimate that it would be kept.

A logistic regression over a few features of the text, the model's certainty and the place.
The weights it ships with were fitted by `benchmarks/showing.py` on replayed places; `fit`
moves them towards what one workspace's developer kept. Promises that silence is capped
(`Silence`), and that one unlikely suggestion among many is still shown: without it nothing
would be learned of what is held back. Knows no store and no clock.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from habitus_server.engine.wire import Candidate
from habitus_server.session import Snapshot

FEATURES = (
    "bias",
    "mean log-probability",
    "least log-probability",
    "length",
    "is a block",
    "ends the line",
    "begins a line",
    "is inside a word",
    "was cut by the limit",
    "dismissed lately",
    "memory's share",
)
"""What `features` gives, in order; stored with each suggestion, so only ever append."""

DEFAULTS = (1.04, 3.5, 0.83, -0.28, 0.78, 1.04, -0.29, 0.43, -1.42, -0.5, 0.5)
"""Fitted by `python -m benchmarks.showing --fit`; the last two are set by hand, since a replay
has neither dismissals nor an engine that tells memory's share."""

MOST_SILENT_IN_A_ROW = 8
"""After so many places held back, the next suggestion is shown whatever its estimate."""

FORGIVEN_S = 120.0
"""A dismissal weighs half after this."""
STRENGTH = 20.0
"""How many places the shipped weights are worth against a workspace's own."""
DOUBT_LEFT = 0.85
"""By each typed character that agrees; set by hand."""
_STEPS = 8


class Reaction(msgspec.Struct, frozen=True):
    """What became of one shown suggestion; kept is also what was edited and stayed in part."""

    features: tuple[float, ...]
    is_kept: bool


class Silence:
    """How many suggestions of a window were held back in a row."""

    def __init__(self) -> None:
        self._run = 0
        self._held_back = ""
        self._shown = ""

    def allows(self, suggestion_id: str, chance: float, threshold: float) -> bool:
        """Whether a suggestion is shown; one that was stays, also while it is typed."""
        if suggestion_id == self._shown or chance >= threshold or self._is_enough(suggestion_id):
            self._run, self._shown = 0, suggestion_id
            return True
        if suggestion_id != self._held_back:
            self._run, self._held_back = self._run + 1, suggestion_id
        return False

    def _is_enough(self, suggestion_id: str) -> bool:
        return self._run >= MOST_SILENT_IN_A_ROW and suggestion_id != self._held_back


def chance_after_typing(chance: float, typed: int) -> float:
    """The estimate once so many characters of a suggestion were typed by hand."""
    return 1.0 - (1.0 - chance) * DOUBT_LEFT**typed


def threshold_of(eagerness: float) -> float:
    """The estimate that is needed: 0 at eagerness 1 (show all), 0.5 at 0, 0.08 at the usual 0.6."""
    return 0.5 * (1.0 - min(1.0, max(0.0, eagerness))) ** 2


def features(
    candidate: Candidate,
    text: str,
    snapshot: Snapshot,
    *,
    dismissed_s_ago: float = math.inf,
    memory_share: float = 0.0,
) -> tuple[float, ...]:
    """What is known of `text`, trimmed from a candidate for a place, as `FEATURES` names it."""
    logprobs = candidate.logprobs or (-10.0,)
    line = snapshot.prefix[snapshot.prefix.rfind("\n") + 1 :]
    rest = snapshot.suffix.partition("\n")[0]
    before = line[-1:]
    return (
        1.0,
        max(-5.0, sum(logprobs) / len(logprobs)),
        max(-10.0, min(logprobs)),
        math.log1p(len(text)),
        float("\n" in text),
        float(not rest.strip()),
        float(not line.strip()),
        float(before.isalnum() or before == "_"),
        float(candidate.finish == "length"),
        0.5 ** (dismissed_s_ago / FORGIVEN_S),
        memory_share,
    )


def chance(weights: Sequence[float], seen: Sequence[float]) -> float:
    """The estimate that a suggestion of these features is kept, 0 to 1."""
    score = sum(one * value for one, value in zip(weights, seen, strict=False))
    return 1.0 / (1.0 + math.exp(-min(30.0, max(-30.0, score))))


def fit(
    reactions: Sequence[Reaction],
    prior: Sequence[float] = DEFAULTS,
    *,
    strength: float = STRENGTH,
) -> tuple[float, ...]:
    """The most likely weights after these reactions, starting from `prior`.

    Newton's method on the log-likelihood with a Gaussian prior; some tens of milliseconds
    for a thousand reactions.
    """
    weights = [*prior]
    size = len(weights)
    known = [one for one in reactions if len(one.features) == size]
    if not known:
        return tuple(weights)
    for _ in range(_STEPS):
        slope = [strength / size * (p - w) for p, w in zip(prior, weights, strict=True)]
        curve = [[strength / size * (i == j) for j in range(size)] for i in range(size)]
        for one in known:
            estimate = chance(weights, one.features)
            error, spread = one.is_kept - estimate, estimate * (1.0 - estimate)
            for i, value in enumerate(one.features):
                if not value:
                    continue
                slope[i] += error * value
                row, scaled = curve[i], spread * value
                for j in range(i + 1):
                    row[j] += scaled * one.features[j]
        for i in range(size):
            for j in range(i):
                curve[j][i] = curve[i][j]
        step = _solve(curve, slope)
        weights = [w + s for w, s in zip(weights, step, strict=True)]
        if max(map(abs, step)) < 1e-4:
            break
    return tuple(weights)


def _solve(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Gaussian elimination with pivots; the matrix is positive definite by its prior."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    size = len(rows)
    for at in range(size):
        best = max(range(at, size), key=lambda row: abs(rows[row][at]))
        rows[at], rows[best] = rows[best], rows[at]
        for below in range(at + 1, size):
            share = rows[below][at] / rows[at][at]
            rows[below] = [
                value - share * above for value, above in zip(rows[below], rows[at], strict=True)
            ]
    solved = [0.0] * size
    for at in reversed(range(size)):
        rest = sum(rows[at][j] * solved[j] for j in range(at + 1, size))
        solved[at] = (rows[at][size] - rest) / rows[at][at]
    return solved
