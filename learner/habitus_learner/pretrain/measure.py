"""Bits per character on held-out rows, as training watches them.

Promises: figures independent of the vocabulary: nats of the tokens over the bytes they spell.
Does not know: prompts, decoding, exact matches (`evaluate.py`).
"""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from habitus_learner.pretrain.model import FimModel
from habitus_learner.pretrain.shards import MIDDLE_WEIGHT, read_shard, shard_path
from habitus_learner.pretrain.tokenizer import SPECIALS


class Bits(msgspec.Struct, frozen=True):
    """Bits per character of all text, and of the middles alone."""

    everything: float
    middles: float


def byte_lengths(tokenizer: Tokenizer) -> Tensor:
    """How many bytes each token spells; special tokens spell none."""
    lengths = torch.zeros(tokenizer.get_vocab_size(), dtype=torch.float32)
    for token, index in tokenizer.get_vocab().items():
        lengths[index] = 0.0 if token in SPECIALS else len(token)  # one character is one byte
    return lengths


@torch.no_grad()
def held_out_bits(model: FimModel, rows: Path, lengths: Tensor, most_rows: int = 48) -> Bits:
    """The bits of the first rows of the first shard of `rows`."""
    ids, weights = read_shard(shard_path(rows, 0))
    device = model.cos.device
    lengths = lengths.to(device)
    nats = torch.zeros(2, dtype=torch.float64)
    characters = torch.zeros(2, dtype=torch.float64)
    for at in range(0, min(most_rows, len(ids)), 4):
        tokens = torch.from_numpy(ids[at : at + 4].astype(np.int64)).to(device)
        kinds = torch.from_numpy(weights[at : at + 4].astype(np.int64)).to(device)
        targets = tokens[:, 1:]
        scores = model.logits(tokens[:, :-1]).float()
        losses = functional.cross_entropy(scores.flatten(0, 1), targets.flatten(), reduction="none")
        spelled = lengths[targets].flatten()
        for index, mask in enumerate((kinds > 0, kinds == MIDDLE_WEIGHT)):
            chosen = mask.flatten() & (spelled > 0)
            nats[index] += losses[chosen].sum().cpu()
            characters[index] += spelled[chosen].sum().cpu()
    bits = nats / math.log(2) / characters
    return Bits(float(bits[0]), float(bits[1]))
