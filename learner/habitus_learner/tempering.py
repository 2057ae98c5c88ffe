"""How strongly an adapter is served: as strongly as general code allows.

Promises the largest part of what was learned under which passages of library files that were not
trained on cost hardly more than under base weights. What goes in the direction of a project's
code takes more from general code the further it goes, faster than it gains (Wortsman et al.,
arXiv 2109.01903). Knows no clock; the passages follow the seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

from habitus_learner import general
from habitus_learner.dataset import Layout, Mix, Row, batched, passage_rows
from habitus_learner.trainee import Trainee

LEAST = 1 / 16
"""Of the plan's temper: weaker than this nothing is served."""

TOLERANCE = 0.0025
"""Less than the gate allows (`gate.PROBE_TOLERANCE`): other passages are read there."""

PASSAGES = 192


def temper(trainee: Trainee, layout: Layout, mix: Mix) -> None:
    """Set the trainee's temper; runs that practise no general code keep that of their plan.

    Half as strong is tried until it costs little enough. What lies between is read off the
    parabola through base weights, half and whole, which these costs follow closely.
    """
    if not mix.library:
        return
    cuts = general.passages(general.gauge_files(), PASSAGES, Random(f"{mix.seed}:gauge"))
    rows = passage_rows(layout, cuts)
    whole = trainee.hyper.temper
    base = _cost(trainee, rows, layout, mix, 0.0)

    def excess(strength: float) -> float:
        """How much more than is allowed, as a share."""
        return _cost(trainee, rows, layout, mix, strength) / base - 1.0 - TOLERANCE

    high, above = whole, excess(whole)
    while above > 0.0 and high > LEAST * whole:
        below = excess(high / 2.0)
        if below <= 0.0:
            trainee.temper = high * _crossing(below, above)
            return
        high, above = high / 2.0, below
    trainee.temper = high


def _crossing(half: float, whole: float) -> float:
    """Where, between 1/2 and 1, a parabola is zero that has -`TOLERANCE` at 0, `half` <= 0 at 1/2
    and `whole` > 0 at 1."""
    curve = 2.0 * (whole - 2.0 * half - TOLERANCE)
    slope = whole + TOLERANCE - curve
    if abs(curve) < 1e-12:
        return TOLERANCE / slope
    return (math.sqrt(slope * slope + 4.0 * curve * TOLERANCE) - slope) / (2.0 * curve)


def _cost(
    trainee: Trainee, rows: Sequence[Row], layout: Layout, mix: Mix, strength: float
) -> float:
    """Nats of the rows' texts under a temper, which the trainee then has."""
    trainee.temper = strength
    pad = layout.template.tokens.pad
    return sum(trainee.text_nats(trainee.batch(part, pad))[0] for part in batched(rows, mix))
