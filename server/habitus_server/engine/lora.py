"""A LoRA adapter as read from disk, whole or refused.

Promises factors that give exactly what peft's own layers give, in two forms: added
into a copy of the weights (`merged`), or kept beside them. Does not know the forward
pass; whole means what `habitus_server.adapters.verify` says.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from habitus_server.adapters import CONFIG, WEIGHTS, verify
from habitus_server.errors import ModelError

_KEY = re.compile(r"base_model\.model\.(?P<name>.+)\.lora_(?P<side>[AB])\.weight\Z")


class LowRank:
    """One layer's update: `down` `[rank, in]`, `up` `[out, rank]`, its scale inside `up`."""

    def __init__(self, down: Tensor, up: Tensor) -> None:
        self.down = down
        self.up = up


class _Config(msgspec.Struct, frozen=True):
    peft_type: str
    r: int
    lora_alpha: float
    bias: str = "none"
    use_rslora: bool = False
    use_dora: bool = False
    fan_in_fan_out: bool = False
    modules_to_save: list[str] | None = None
    rank_pattern: dict[str, int] = {}
    alpha_pattern: dict[str, float] = {}


def read_adapter(folder: Path, *, base_sha256: str | None = None) -> dict[str, LowRank]:
    """The updates of a published adapter by layer name; `ModelError` when it is not whole."""
    verify(folder, base_sha256=base_sha256)
    config = _read_config(folder)
    try:
        tensors = load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise _refusal(folder, f"its weights cannot be read ({error})") from error
    sides: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        match = _KEY.match(key)
        if match is None:
            raise _refusal(folder, f"it holds {key}, which is not plain LoRA")
        sides.setdefault(match["name"], {})[match["side"]] = tensor
    updates: dict[str, LowRank] = {}
    for name, pair in sides.items():
        if pair.keys() != {"A", "B"} or pair["A"].shape[0] != pair["B"].shape[1]:
            raise _refusal(folder, f"its factors for {name} do not match")
        if not all(torch.isfinite(side).all() for side in pair.values()):
            raise _refusal(folder, f"its factors for {name} are not finite")
        rank = pair["A"].shape[0]
        updates[name] = LowRank(pair["A"], pair["B"] * _scale(config, name, rank))
    if not updates:
        raise _refusal(folder, "it holds no layers")
    return updates


def check_fit(updates: Mapping[str, LowRank], weights: Mapping[str, Tensor], folder: Path) -> None:
    """Raise `ModelError` unless every update has a weight of its shape."""
    for name, update in updates.items():
        weight = weights.get(f"{name}.weight")
        if weight is None or weight.shape != (update.up.shape[0], update.down.shape[1]):
            raise _refusal(folder, f"it was trained on another model: {name} does not fit")


def merged(weights: Mapping[str, Tensor], updates: Mapping[str, LowRank]) -> dict[str, Tensor]:
    """`weights` with the updates added; what has none is shared, not copied."""
    result = dict(weights)
    for name, update in updates.items():
        weight = weights[f"{name}.weight"]
        step = update.up.to(weight.device).float() @ update.down.to(weight.device).float()
        result[f"{name}.weight"] = (weight.float() + step).to(weight.dtype)
    return result


def beside(weights: Mapping[str, Tensor], updates: Mapping[str, LowRank]) -> dict[str, LowRank]:
    """The updates in the place and precision of the weights they stand beside."""
    return {
        name: LowRank(
            update.down.to(weights[f"{name}.weight"]), update.up.to(weights[f"{name}.weight"])
        )
        for name, update in updates.items()
    }


def _read_config(folder: Path) -> _Config:
    try:
        config = msgspec.json.decode((folder / CONFIG).read_bytes(), type=_Config)
    except (OSError, msgspec.MsgspecError) as error:
        raise _refusal(folder, f"its {CONFIG} cannot be read ({error})") from error
    plain = config.peft_type == "LORA" and config.bias == "none" and not config.modules_to_save
    if not plain or config.use_dora or config.fan_in_fan_out:
        raise _refusal(folder, "it is not plain LoRA on linear layers")
    return config


def _scale(config: _Config, name: str, rank: int) -> float:
    alpha = config.lora_alpha
    for pattern, value in config.alpha_pattern.items():
        if re.match(rf"(.*\.)?({pattern})$", name):
            alpha = value
    return alpha / (math.sqrt(rank) if config.use_rslora else rank)


def _refusal(folder: Path, why: str) -> ModelError:
    return ModelError(
        f"The adapter {folder.name} is refused: {why}. "
        "Run `habitus rollback` to use an earlier one."
    )
