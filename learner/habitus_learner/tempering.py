"""How strongly an adapter is served: as strongly as general code allows.

Promises the largest part of what was learned under which places in library files that were not
trained on cost hardly more than under base weights. What goes in the direction of a project's
code takes more from general code the further it goes, faster than it gains (Wortsman et al.,
arXiv 2109.01903). Knows no clock; the places follow the seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from habitus_learner import general
from habitus_learner.dataset import Layout, Mix, Row, batched, general_rows
from habitus_learner.trainee import Trainee

LEAST = 0.1
"""Of the plan's temper; what is served is found by halving between this and all of it."""
HALVINGS = 4

TOLERANCE = 0.005
"""Less than the gate allows (`gate.PROBE_TOLERANCE`): other places are asked there."""

PLACES = 96


def temper(trainee: Trainee, layout: Layout, mix: Mix) -> None:
    """Set the trainee's temper; runs that practise no general code keep that of their plan."""
    if not mix.library:
        return
    cuts = general.passages(general.gauge_files(), PLACES, Random(f"{mix.seed}:gauge"))
    rows = general_rows(layout, cuts)
    most = (1.0 + TOLERANCE) * _cost(trainee, rows, layout, mix, 0.0)
    whole = trainee.hyper.temper
    if _cost(trainee, rows, layout, mix, whole) <= most:
        return
    low, high = LEAST * whole, whole
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        is_allowed = _cost(trainee, rows, layout, mix, middle) <= most
        low, high = (middle, high) if is_allowed else (low, middle)
    trainee.temper = low


def _cost(
    trainee: Trainee, rows: Sequence[Row], layout: Layout, mix: Mix, strength: float
) -> float:
    """Nats of the rows' texts under a temper, which the trainee then has."""
    trainee.temper = strength
    pad = layout.template.tokens.pad
    return sum(trainee.text_nats(trainee.batch(part, pad))[0] for part in batched(rows, mix))
