"""How much of what was learned is served: as much as general code allows.

Promises the furthest point on the way from what served before to what was learned at which
passages of library files that were not trained on cost hardly more than under base weights. What
goes in the direction of a project's code takes more from general code the further it goes, faster
than it gains (Wortsman et al., arXiv 2109.01903). Knows no clock; the passages are always the
same, so that what served before has been within bounds by them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from random import Random

import msgspec
import torch
from torch import Tensor

from habitus_learner import general
from habitus_learner.dataset import Layout, Mix, Row, batched, passage_rows
from habitus_learner.trainee import Trainee, adapter_state, set_adapter_state

LEAST = 1 / 16
"""Of the way: less is not tried."""

TOLERANCE = 0.001

PASSAGES = 192
"""The gate reads others, behind longer prompts, where they cost a quarter of a per cent more; the
rest of what it allows (`gate.PROBE_TOLERANCE`) is for chance."""


class Origin(msgspec.Struct, frozen=True):
    """The adapter that a run goes on from; it has learned what was written before `seen_until`."""

    state: Mapping[str, Tensor]
    seen_until: float


def temper(trainee: Trainee, layout: Layout, mix: Mix, origin: Origin | None) -> float:
    """Go back towards `origin`, base weights without one, as far as general code asks; the share
    of the way that is left. Runs that practise no general code stay where they are.

    Half the way is tried until it costs little enough. What lies between is read off the parabola
    through its beginning, half and end, which these costs follow closely.
    """
    if not mix.library:
        return 1.0
    cuts = general.passages(general.gauge_files(), PASSAGES, Random("gauge"))
    rows = passage_rows(layout, cuts)
    learned = adapter_state(trainee)
    base = _cost(trainee, rows, layout, mix, is_adapted=False)

    def excess(share: float) -> float:
        """How much more is paid for the passages than is allowed, as a share."""
        set_adapter_state(trainee, between(origin, learned, share))
        return _cost(trainee, rows, layout, mix) / base - 1.0 - TOLERANCE

    end, at_end = 1.0, excess(1.0)
    if at_end <= 0.0:
        return 1.0
    at_start = -TOLERANCE if origin is None else excess(0.0)
    if at_start > TOLERANCE:
        # What served costs too much itself: no place to go back to.
        origin, at_start = None, -TOLERANCE
    while end > LEAST:
        at_half = excess(end / 2.0)
        if at_half <= 0.0:
            end *= _crossing(at_start, at_half, at_end)
            break
        end, at_end = end / 2.0, at_half
    set_adapter_state(trainee, between(origin, learned, end))
    return end


def between(
    origin: Origin | None, learned: Mapping[str, Tensor], share: float
) -> dict[str, Tensor]:
    """An adapter's tensors a share of the way from `origin`, or from no effect, to `learned`."""
    if origin is None:
        return {
            name: share * tensor if "lora_B" in name else tensor for name, tensor in learned.items()
        }
    return {name: torch.lerp(origin.state[name], end, share) for name, end in learned.items()}


def _crossing(start: float, half: float, end: float) -> float:
    """Where, between 1/2 and 1, the parabola through these values at 0, 1/2 and 1 is zero; `half`
    is at most zero there, and `end` above it."""
    curve = 2.0 * (start - 2.0 * half + end)
    slope = end - start - curve
    if abs(curve) < 1e-12:
        return -start / slope
    return (math.sqrt(slope * slope - 4.0 * curve * start) - slope) / (2.0 * curve)


def _cost(
    trainee: Trainee, rows: Sequence[Row], layout: Layout, mix: Mix, *, is_adapted: bool = True
) -> float:
    """Nats of the rows' texts, as they would be served or under base weights."""
    pad = layout.template.tokens.pad
    batches = (trainee.batch(part, pad) for part in batched(rows, mix))
    return sum(trainee.text_nats(batch, is_adapted=is_adapted)[0] for batch in batches)
