"""A tiny random Qwen2 with a byte-level tokenizer, for tests that need an engine and no sense.

`make_tiny_model(folder)` writes what `habitus` loads as a local model: two layers, 64 wide.
The same seed gives the same weights. `make_adapter(model, folder)` publishes an adapter of it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from habitus_server.records import AdapterRef

SPECIAL = (
    "<|endoftext|>",
    "<|fim_prefix|>",
    "<|fim_middle|>",
    "<|fim_suffix|>",
    "<|fim_pad|>",
    "<|file_sep|>",
)
_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_SAMPLE = '''def connect(self, host, port=None):
    """Open a connection to a host."""
    for index, value in enumerate(self.values):
        if value is not None and value.name == host:
            return self.open_connection(value, port)
    raise ValueError("no such host: %s" % host)

class Connection:
    def __init__(self, name, values):
        self.name = name
        self.values = list(values)

    def close(self):
        for value in self.values:
            value.close()
'''


def make_tiny_model(
    folder: Path, *, seed: int = 0, fim: bool = True, tied: bool = True, width: int = 64
) -> Path:
    """Write the model into `folder` (made when missing) and return it."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    size = _write_tokenizer(folder, SPECIAL if fim else SPECIAL[:1])
    config = {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "hidden_size": width,
        "intermediate_size": 2 * width,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "vocab_size": size,
        "tie_word_embeddings": tied,
        "hidden_act": "silu",
        "bos_token_id": 0,
        "eos_token_id": 0,
        "dtype": "float32",
        "use_sliding_window": False,
        "habitus": {"suffix_first": True},
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    generator = torch.Generator().manual_seed(seed)
    tensors = {
        name: torch.randn(shape, generator=generator) * (0.3 if name.endswith("bias") else 0.15)
        for name, shape in _shapes(config).items()
    }
    for name in tensors:
        if "norm" in name:
            tensors[name] = 1 + tensors[name]
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        if name in tensors:
            tensors[name][_seldom(folder, size)] *= 0.05
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def make_adapter(model: Path, folder: Path, *, seed: int = 0) -> AdapterRef:
    """An adapter that peft wrote, published as the learner does."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from habitus_server.records import AdapterRef

    torch.manual_seed(seed)
    config = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", init_lora_weights=False)
    base = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    get_peft_model(base, config).save_pretrained(folder)
    (folder / "examples.jsonl").write_text("", encoding="utf-8")
    write_manifest(folder, model=model, seed=seed)
    return AdapterRef(folder.name, str(folder))


def write_manifest(folder: Path, *, model: Path | None = None, seed: int = 0) -> None:
    """The manifest of an adapter of `model`; without one, of a folder that holds no weights."""
    import msgspec

    from habitus_server.adapters import MANIFEST, REQUIRED, Manifest, hash_base, hash_file

    folder.mkdir(parents=True, exist_ok=True)
    manifest = Manifest(
        format=1,
        version=folder.name,
        base_model=str(model),
        base_sha256=hash_base(model) if model else "",
        created_at=0.0,
        parent=None,
        seed=seed,
        files={name: hash_file(folder / name) for name in REQUIRED} if model else {},
        examples={},
        hyper_parameters={},
        figures={},
        verdict="",
    )
    (folder / MANIFEST).write_bytes(msgspec.json.encode(manifest))


def _seldom(folder: Path, size: int) -> list[int]:
    """Tokens that should rarely win, so that random weights write some printable text."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    texts = [tokenizer.decode([index], skip_special_tokens=True) for index in range(size)]
    plain = [text.isascii() and text.isprintable() and text != "" for text in texts]
    return [index for index in range(size) if not plain[index]]


def _shapes(config: dict[str, object]) -> dict[str, tuple[int, ...]]:
    width, inner, size = (
        int(str(config[key])) for key in ("hidden_size", "intermediate_size", "vocab_size")
    )
    kv = width // 2
    shapes: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (size, width),
        "model.norm.weight": (width,),
    }
    if not config["tie_word_embeddings"]:
        shapes["lm_head.weight"] = (size, width)
    for layer in range(2):
        root = f"model.layers.{layer}"
        shapes |= {
            f"{root}.input_layernorm.weight": (width,),
            f"{root}.post_attention_layernorm.weight": (width,),
            f"{root}.self_attn.q_proj.weight": (width, width),
            f"{root}.self_attn.q_proj.bias": (width,),
            f"{root}.self_attn.k_proj.weight": (kv, width),
            f"{root}.self_attn.k_proj.bias": (kv,),
            f"{root}.self_attn.v_proj.weight": (kv, width),
            f"{root}.self_attn.v_proj.bias": (kv,),
            f"{root}.self_attn.o_proj.weight": (width, width),
            f"{root}.mlp.gate_proj.weight": (inner, width),
            f"{root}.mlp.up_proj.weight": (inner, width),
            f"{root}.mlp.down_proj.weight": (width, inner),
        }
    return shapes


def _write_tokenizer(folder: Path, special: tuple[str, ...]) -> int:
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=512,
        special_tokens=[AddedToken(name, special=True) for name in special],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([_SAMPLE] * 4, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"eos_token": "<|endoftext|>", "tokenizer_class": "PreTrainedTokenizerFast"}
    (folder / "tokenizer_config.json").write_text(json.dumps(names), encoding="utf-8")
    return int(tokenizer.get_vocab_size())
