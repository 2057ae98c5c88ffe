"""A checkpoint as the folder that the engine serves.

Promises: `Qwen2ForCausalLM` and `AutoTokenizer` load the folder; every file is replaced
atomically; the weights are stored in the dtype asked for and their SHA-256 is returned.
Does not know: how good the weights are; the model card (`card.py`).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

from habitus_learner.pretrain.errors import StepMissingError, WeightsTooLargeError
from habitus_learner.pretrain.model import FimModel
from habitus_learner.pretrain.presets import Shape
from habitus_learner.pretrain.tokenizer import END, FILE, PAD, SPECIALS, special_id

MOST_BYTES = 64_000_000
"""What the wheel has room for."""


def load_checkpoint(path: Path) -> tuple[FimModel, dict[str, Any]]:
    """The model of a training checkpoint, in fp32, and the checkpoint's position."""
    if not path.exists():
        raise StepMissingError(
            f"there is no checkpoint at {path}; run `habitus pretrain train` first"
        )
    state = torch.load(path, map_location="cpu", weights_only=True)
    model = FimModel(msgspec.convert(state["shape"], Shape))
    model.load_state_dict(state["model"])
    return model.eval(), state["position"]


def export(model: FimModel, tokenizer: Tokenizer, folder: Path, dtype: torch.dtype) -> str:
    """Write the served folder; returns the SHA-256 of model.safetensors."""
    folder.mkdir(parents=True, exist_ok=True)
    ids = {name: special_id(tokenizer, name) for name in SPECIALS}
    name = str(dtype).removeprefix("torch.")
    _write_json(folder / "config.json", _config(model.shape, ids, name))
    _write_json(
        folder / "generation_config.json",
        {"bos_token_id": ids[END], "eos_token_id": [ids[END], ids[FILE]], "do_sample": False,
         "pad_token_id": ids[PAD]},
    )  # fmt: skip
    _write_json(folder / "tokenizer_config.json", _tokenizer_config(ids, model.shape.positions))
    _replace(folder / "tokenizer.json", tokenizer.to_str(pretty=False).encode())
    weights = {key: value.to(dtype).contiguous() for key, value in model.state_dict().items()}
    partial = folder / "model.safetensors.part"
    save_file(weights, partial, metadata={"format": "pt"})
    partial.chmod(0o644)  # as every other file; safetensors leaves it to its owner alone
    if partial.stat().st_size > MOST_BYTES:
        size = partial.stat().st_size
        partial.unlink()
        raise WeightsTooLargeError(f"{size} bytes in {name}; at most {MOST_BYTES} fit")
    digest = hashlib.sha256(partial.read_bytes()).hexdigest()
    partial.replace(folder / "model.safetensors")
    return digest


def _config(shape: Shape, ids: dict[str, int], dtype: str) -> dict[str, Any]:
    return {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.width,
        "intermediate_size": shape.feedforward,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "head_dim": shape.head_dim,
        "hidden_act": "silu",
        "max_position_embeddings": shape.positions,
        "rms_norm_eps": shape.norm_epsilon,
        "rope_theta": shape.rope_theta,
        "tie_word_embeddings": True,
        "use_sliding_window": False,
        "attention_dropout": 0.0,
        "bos_token_id": ids[END],
        "eos_token_id": ids[END],
        "pad_token_id": ids[PAD],
        "dtype": dtype,
        "habitus": {"suffix_first": True},
    }


def _tokenizer_config(ids: dict[str, int], positions: int) -> dict[str, Any]:
    return {
        # The generic class: Qwen2's own would add a normaliser, and text would not round-trip.
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": positions,
        "eos_token": END,
        "pad_token": PAD,
        "bos_token": None,
        "unk_token": None,
        "additional_special_tokens": [name for name in SPECIALS if name not in (END, PAD)],
        "clean_up_tokenization_spaces": False,
        "add_prefix_space": False,
        "added_tokens_decoder": {
            str(index): {
                "content": name, "special": True, "normalized": False, "lstrip": False,
                "rstrip": False, "single_word": False,
            }
            for name, index in ids.items()
        },
    }  # fmt: skip


def _write_json(path: Path, value: Any) -> None:
    _replace(path, (json.dumps(value, indent=2) + "\n").encode())


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_name(path.name + ".part")
    partial.write_bytes(content)
    partial.replace(path)
