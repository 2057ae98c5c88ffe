"""The sizes that the recipe is known to train well.

Promises: each preset is complete, so that a run is named by its preset and its seed alone.
Does not know: how fast a machine is; `train.py` measures that.
"""

from __future__ import annotations

import msgspec


class Shape(msgspec.Struct, frozen=True):
    """The shape of a Qwen2 model with tied embeddings."""

    vocabulary: int
    width: int
    layers: int
    heads: int
    kv_heads: int
    feedforward: int
    head_dim: int = 64
    positions: int = 2048
    rope_theta: float = 10_000.0
    norm_epsilon: float = 1e-6
