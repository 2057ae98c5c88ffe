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


class Preset(msgspec.Struct, frozen=True):
    """A shape with the training that suits it."""

    shape: Shape
    rows_per_step: int
    rows_per_pass: int
    muon_rate: float
    adam_rate: float
    target_tokens: int
    package_bytes: int
    """The most source taken from one package: breadth beats depth for a small model."""
    warmup_steps: int = 100
    weight_decay: float = 0.1
    is_bf16: bool = False


PRESETS = {
    # Two cores without bf16 units train about 3,000 tokens a second at this size: some 15 million
    # in ninety minutes. Fewer, wider layers cost less per parameter than more, narrower ones.
    "cpu": Preset(
        shape=Shape(vocabulary=4096, width=256, layers=4, heads=4, kv_heads=2, feedforward=768),
        rows_per_step=8,
        rows_per_pass=4,
        muon_rate=0.012,
        adam_rate=0.012,
        target_tokens=50_000_000,
        package_bytes=420_000,
    ),
    # 31 million parameters: 62 MB of bf16. Wants a larger corpus or several passes.
    "gpu": Preset(
        shape=Shape(vocabulary=12_288, width=512, layers=9, heads=8, kv_heads=2, feedforward=1408),
        rows_per_step=128,
        rows_per_pass=32,
        muon_rate=0.004,
        adam_rate=0.004,
        target_tokens=1_500_000_000,
        package_bytes=8_000_000,
        warmup_steps=300,
        is_bf16=True,
    ),
    # For the recipe's own tests.
    "tiny": Preset(
        shape=Shape(
            vocabulary=320, width=32, layers=2, heads=2, kv_heads=1, feedforward=48, head_dim=16
        ),
        rows_per_step=2,
        rows_per_pass=2,
        muon_rate=0.01,
        adam_rate=0.01,
        target_tokens=40_000,
        package_bytes=420_000,
        warmup_steps=2,
    ),
}
