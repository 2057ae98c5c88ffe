"""A model's weights as its folder holds them: configuration, tensors, and whether they fit.

Promises that only safetensors are read, and that damaged or foreign weights are said
to be so. Runs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from habitus_server.engine.network import Shape
from habitus_server.errors import ModelError

_FAMILY = ("llama", "mistral", "qwen2")
"""Architectures that `network` runs."""


def read_shape(config: Mapping[str, Any]) -> Shape | None:
    """The shape of a model that `network` can run, or None when it is another kind."""
    if config.get("model_type") not in _FAMILY:
        return None
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    kind = rope.get("rope_type", rope.get("type", "default"))
    sliding = config["model_type"] == "mistral" and config.get("sliding_window")
    if (
        kind != "default"
        or config.get("use_sliding_window")
        or sliding
        or config.get("hidden_act", "silu") != "silu"
        or rope.get("partial_rotary_factor", config.get("partial_rotary_factor", 1)) != 1
    ):
        return None
    try:
        heads = int(config["num_attention_heads"])
        width = int(config["hidden_size"])
        return Shape(
            layers=int(config["num_hidden_layers"]),
            width=width,
            feedforward=int(config["intermediate_size"]),
            heads=heads,
            kv_heads=int(config.get("num_key_value_heads") or heads),
            head_dim=int(config.get("head_dim") or width // heads),
            vocabulary=int(config["vocab_size"]),
            positions=int(config.get("max_position_embeddings", 2048)),
            rope_theta=float(rope.get("rope_theta", config.get("rope_theta", 10_000.0))),
            norm_epsilon=float(config.get("rms_norm_eps", 1e-6)),
            tied=bool(config.get("tie_word_embeddings", False)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"The model's config.json lacks or garbles {error}.") from error


def read_weights(
    folder: Path, name: str, device: torch.device, dtype: torch.dtype
) -> dict[str, Tensor]:
    """Every tensor of a model's safetensors files, in the served precision."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelError(
            f"The model {name} has no safetensors weights in {folder}. Only safetensors are "
            "loaded; other formats can run code."
        )
    weights: dict[str, Tensor] = {}
    for path in files:
        try:
            with safe_open(path, framework="pt", device=str(device)) as file:
                for key in file.keys():  # noqa: SIM118 (the handle is no mapping)
                    weights[key] = file.get_tensor(key).to(dtype)
        except (OSError, SafetensorError) as error:
            raise ModelError(
                f"The weights {path} are damaged: {error}. Download or copy the model again."
            ) from error
    return weights


def check_weights(weights: Mapping[str, Tensor], shape: Shape, name: str) -> None:
    for key, expected in _expected(shape).items():
        found = weights.get(key)
        if found is None or tuple(found.shape) != expected:
            state = "is missing" if found is None else f"has shape {tuple(found.shape)}"
            raise ModelError(
                f"The weights of {name} do not match its config.json: {key} {state}. "
                "Download or copy the model again."
            )


def _expected(shape: Shape) -> dict[str, tuple[int, ...]]:
    query, kv = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    expected: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (shape.vocabulary, shape.width),
        "model.norm.weight": (shape.width,),
    }
    if not shape.tied:
        expected["lm_head.weight"] = (shape.vocabulary, shape.width)
    for layer in range(shape.layers):
        root = f"model.layers.{layer}"
        expected |= {
            f"{root}.input_layernorm.weight": (shape.width,),
            f"{root}.post_attention_layernorm.weight": (shape.width,),
            f"{root}.self_attn.q_proj.weight": (query, shape.width),
            f"{root}.self_attn.k_proj.weight": (kv, shape.width),
            f"{root}.self_attn.v_proj.weight": (kv, shape.width),
            f"{root}.self_attn.o_proj.weight": (shape.width, query),
            f"{root}.mlp.gate_proj.weight": (shape.feedforward, shape.width),
            f"{root}.mlp.up_proj.weight": (shape.feedforward, shape.width),
            f"{root}.mlp.down_proj.weight": (shape.width, shape.feedforward),
        }
    return expected
