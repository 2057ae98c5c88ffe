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
    """What a run is trained with; `rank`, `alpha`, `learning_rate` and `step_tokens` 0 follow the
    model's size, and so does `orthogonal`: whether updates are Muon's instead of AdamW's.

    `temper` is how strongly an adapter is served: steps that go a little too far are taken back;
    how much of a run's learning is served besides, general code decides (`tempering`).
    `continues` starts from the incumbent's weights instead of from none: with a few
    minutes a cycle, what earlier cycles learned is worth more than a fresh start. It trains at
    `continued_rate` of the rate: as much is gained, and less of general code forgotten.
    """

    rank: int = 0
    alpha: int = 0
    learning_rate: float = 0.0
    orthogonal: bool | None = None
    temper: float = 0.7
    weight_decay: float = 0.01
    warmup: float = 0.05
    step_tokens: int = 0
    prompt_weight: float = 1.0
    preference_weight: float = 0.1
    aversion_weight: float = 0.1
    beta: float = 0.1
    general_share: float = 0.4
    max_passes: int = 30
    continues: bool = True
    continued_rate: float = 0.5
    prefix_tokens: int = 192
    suffix_tokens: int = 64


class Plan(msgspec.Struct, frozen=True):
    """One training run, complete: a killed one is taken up from this and its checkpoint.

    `folder` is the run's work folder; `busy_markers` the folder whose `*.busy` files say
    when an engine last served, "" when the run does not yield; `max_steps` 0 leaves
    the end to `minutes`. `subject` and `facts` are for whoever tells of it (`course`).
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
    subject: str = ""
    facts: dict[str, float] = {}


def sized(hyper: Hyper, parameters: int) -> Hyper:
    """`hyper` with what follows a base model's size filled in.

    A small model is given room for much (rank 64) and Muon's updates: at the embedded one they
    lower later lines' bits further than AdamW's (docs/learning.md). Large models get what is
    published for LoRA: the rate falls with the cube root of the size to 3e-4 at 7 billion
    parameters. Small models see few tokens on a CPU, and gain more from many small steps than
    from few large ones; large ones would leave a GPU idle.
    """
    is_small = parameters < _SMALL_PARAMETERS
    rate = 3e-3 * min(1.0, math.cbrt(5_000_000 / parameters))
    rank = hyper.rank or (64 if is_small else 16)
    return msgspec.structs.replace(
        hyper,
        rank=rank,
        alpha=hyper.alpha or 2 * rank,
        learning_rate=hyper.learning_rate or rate,
        orthogonal=is_small if hyper.orthogonal is None else hyper.orthogonal,
        step_tokens=hyper.step_tokens or (1_024 if is_small else 4_096),
    )


class Hardware(msgspec.Struct, frozen=True):
    """A training device, and how much of its memory is free."""

    is_cpu: bool
    free_bytes: int


class Size(msgspec.Struct, frozen=True):
    """A model with its adapter as memory sees it; `element_bytes` is the base's precision,
    `is_copied` says that a pass holds the weights a second time, the adapter added."""

    parameters: int
    adapter_parameters: int
    width: int
    layers: int
    vocabulary: int
    element_bytes: int
    is_copied: bool = False


class Fit(msgspec.Struct, frozen=True):
    """How a run is laid out: tokens that one forward pass reads, and whether layers are
    computed again in the backward pass."""

    batch_tokens: int
    has_checkpointing: bool
    expected_bytes: int


def fit(hardware: Hardware, size: Size, *, step_tokens: int) -> Fit | None:
    """The largest forward pass that memory allows, or None when not even a small one fits.

    Counted are the weights, the adapter with its gradient and optimiser in fp32, scores
    over the vocabulary for one chunk of positions, and per token 34 values of the model's
    width for each layer (2 when layers are recomputed backward): of the gated block some
    22, where that is 5.4 times as wide as the model, of norms and projections 8, and where
    attention keeps its probabilities 4, for lines of 512 tokens.
    """
    usable = hardware.free_bytes * (0.5 if hardware.is_cpu else 0.85)
    fixed = (
        size.parameters * size.element_bytes * (2 if size.is_copied else 1)
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
