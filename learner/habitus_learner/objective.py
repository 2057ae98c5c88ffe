"""The losses: what it costs to write what the developer wrote, and what they refused.

Promises plain functions of scores, one term each, all bounded below. Knows no data,
no optimiser and no model class.

- Cross-entropy on targets, the prompt's own text counting by a weight of its own.
- Preference, for corrections, bug fixes and choices: the direct preference loss of
  Rafailov et al. (arXiv 2305.18290), chosen = the developer's text or choice, rejected =
  what it replaced or what was passed over, reference = base weights.
- Aversion, for refused text without a better one: the undesirable side of KTO
  (Ethayarajh et al., arXiv 2402.01306) with its reference point at zero. It is
  bounded, so that no text is pushed away without end.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

CHUNK_POSITIONS = 2_048
"""Vocabulary scores are made for this many positions at a time: with 152,000 entries
they would otherwise outweigh everything else in memory."""


def token_losses(states: Tensor, targets: Tensor, head: nn.Module) -> Tensor:
    """Nats per target. `states [n, width]`, `targets [n]`; scores are recomputed backward
    where there is more than one chunk of them."""
    if len(targets) <= CHUNK_POSITIONS:
        return _losses(states, targets, head)
    pieces = [
        checkpoint(_losses, part, wanted, head, use_reentrant=False)
        for part, wanted in zip(
            torch.split(states, CHUNK_POSITIONS),
            torch.split(targets, CHUNK_POSITIONS),
            strict=True,
        )
    ]
    return torch.cat(pieces)


def _losses(states: Tensor, targets: Tensor, head: nn.Module) -> Tensor:
    scores: Tensor = head(states)
    return functional.cross_entropy(scores.float(), targets, reduction="none")


def weighted_mean(losses: Tensor, weights: Tensor) -> Tensor:
    """The mean loss, each position by its weight; zero when nothing weighs."""
    return (losses * weights).sum() / weights.sum().clamp_min(1e-6)


def preference_loss(
    chosen: Tensor, rejected: Tensor, base_chosen: Tensor, base_rejected: Tensor, *, beta: float
) -> Tensor:
    """Per pair, from log-probabilities of whole texts; ln 2 while nothing is learned."""
    margin = (chosen - base_chosen) - (rejected - base_rejected)
    return -functional.logsigmoid(beta * margin)


def aversion_loss(refused: Tensor, base_refused: Tensor, *, beta: float) -> Tensor:
    """Per text, between 0 and 1; one half while it is as likely as under base weights."""
    return torch.sigmoid(beta * (refused - base_refused))
