"""The embedded model's byte-level BPE.

Promises: any text round-trips byte for byte; Qwen2's own pre-tokenizer pattern, the only kind
that llama.cpp can be told about; Qwen2.5-Coder's special tokens by name.
Does not know: documents, windows, models.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
END = "<|endoftext|>"
PREFIX, MIDDLE, SUFFIX = "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>"
PAD, REPOSITORY, FILE = "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"
SPECIALS = (END, PREFIX, MIDDLE, SUFFIX, PAD, REPOSITORY, FILE)


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """A tokenizer of exactly `vocabulary` entries, the special tokens first."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[AddedToken(name, special=True, normalized=False) for name in SPECIALS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    if tokenizer.get_vocab_size() != vocabulary:
        raise ValueError(f"asked for {vocabulary} tokens, got {tokenizer.get_vocab_size()}")
    return tokenizer


def load_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer of a tokenizer.json."""
    return Tokenizer.from_file(str(path))


def encode_plain(tokenizer: Tokenizer, text: str) -> list[int]:
    """Token ids of one segment, on its own, with no special token read into it."""
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return ids


def special_id(tokenizer: Tokenizer, name: str) -> int:
    """The id of a special token; every tokenizer of the recipe has them all."""
    index = tokenizer.token_to_id(name)
    if index is None:
        raise KeyError(f"the tokenizer has no {name}")
    return index
