"""What fits on this machine, and the plan of one training run.

Promises sizes that follow from a model's size and the memory that is free, as plain
arithmetic. Detects nothing itself: hardware comes in as a value.
"""

from __future__ import annotations

import math

import msgspec

from habitus_server.records import AdapterRef

_CHUNK_POSITIONS = 2_048
_SMALL_PARAMETERS = 50_000_000


class Hyper(msgspec.Struct, frozen=True):
    """What a run is trained with; `learning_rate` and `step_tokens` 0 follow the model's size.

    `continues` starts from the incumbent's weights instead of from none: with a few
    minutes a cycle, what earlier cycles learned is worth more than a fresh start.
    """

    rank: int = 16
    alpha: int = 32
    learning_rate: float = 0.0
    weight_decay: float = 0.01
    warmup: float = 0.05
    step_tokens: int = 0
    prompt_weight: float = 0.3
    preference_weight: float = 0.1
    aversion_weight: float = 0.1
    beta: float = 0.1
    general_share: float = 0.15
    max_passes: int = 30
    continues: bool = True
    prefix_tokens: int = 192
    suffix_tokens: int = 64


class Plan(msgspec.Struct, frozen=True):
    """One training run, complete: a killed one is taken up from this and its checkpoint.

    `folder` is the run's work folder; `busy_markers` the folder whose `*.busy` files say
    when an engine last served, "" when the run does not yield; `max_steps` 0 leaves
    the end to `minutes`.
    """

    cycle_id: int
    folder: str
    model: str
    device: str
    threads: int
    loads_hub_models: bool
    seed: int
    minutes: float
    max_steps: int
    cutoff: float
    incumbent: AdapterRef | None
    busy_markers: str
    idle_seconds: float
    checkpoint_every_s: float = 20.0
    hyper: Hyper = Hyper()


def sized(hyper: Hyper, parameters: int) -> Hyper:
    """`hyper` with what follows a base model's size filled in.

    The rate falls with the cube root of the size, from what measured best for the
    embedded model to what is published for LoRA on models of 7 billion (3e-4). Small
    models see few tokens on a CPU, and gain more from many small steps than from few
    large ones; large ones would leave a GPU idle.
    """
    rate = 3e-3 * min(1.0, math.cbrt(5_000_000 / parameters))
    tokens = 1_024 if parameters < _SMALL_PARAMETERS else 4_096
    return msgspec.structs.replace(
        hyper,
        learning_rate=hyper.learning_rate or rate,
        step_tokens=hyper.step_tokens or tokens,
    )


class Hardware(msgspec.Struct, frozen=True):
    """A training device, and how much of its memory is free."""

    is_cpu: bool
    free_bytes: int


class Size(msgspec.Struct, frozen=True):
    """A model with its adapter as memory sees it; `element_bytes` is the base's precision."""

    parameters: int
    adapter_parameters: int
    width: int
    layers: int
    vocabulary: int
    element_bytes: int


class Fit(msgspec.Struct, frozen=True):
    """How a run is laid out: tokens of one forward pass, and whether layers are recomputed."""

    batch_tokens: int
    has_checkpointing: bool
    expected_bytes: int


def fit(hardware: Hardware, size: Size, *, step_tokens: int) -> Fit | None:
    """The largest forward pass that memory allows, or None when not even a small one fits.

    Counted are the weights, the adapter with its gradient and optimiser in fp32, scores
    over the vocabulary for one chunk of positions, and per token 34 values of the model's
    width for each layer (2 when layers are recomputed backward).
    """
    usable = hardware.free_bytes * (0.5 if hardware.is_cpu else 0.85)
    fixed = (
        size.parameters * size.element_bytes
        + size.adapter_parameters * 16
        + 3 * 4 * _CHUNK_POSITIONS * size.vocabulary
    )
    for share in (1, 2, 4, 8):
        tokens = step_tokens // share
        for has_checkpointing, values in ((False, 34), (True, 2)):
            held = tokens * size.width * (size.layers * values + 34) * size.element_bytes
            if fixed + held <= usable:
                return Fit(tokens, has_checkpointing, fixed + held)
    return None
