"""A few tokens through a packed network's layers, with as little as possible between products.

A step of one token makes some hundred calls on a few hundred numbers each: on a CPU the
calls cost as much as the sums. numpy's are a fraction of torch's, so everything but the
products and the attention is numpy on the same memory. Promises what `network` computes
for more tokens; knows no cache beyond its buffer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import sqrt

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

Rows = NDArray[np.float32]
Product = Callable[[Tensor], Tensor]

MOST_ROWS = 16
"""Beyond so many, products take nearly all of the time."""


@contextmanager
def one_thread() -> Iterator[None]:
    """torch on one thread for a while.

    Where products are small a second one gains nothing, and costs much when another
    program wants its core.
    """
    usual = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(usual)


class ShortLayer:
    """A layer's products of fp32 rows, and the gains of its norms."""

    def __init__(
        self,
        before: Tensor,
        attention: Product,
        out: Product,
        between: Tensor,
        gates: Product,
        down: Product,
    ) -> None:
        self.before: Rows = before.numpy()
        self.attention = attention
        self.out = out
        self.between: Rows = between.numpy()
        self.gates = gates
        self.down = down


class ShortStep:
    """Reads at most `MOST_ROWS` tokens."""

    def __init__(
        self,
        layers: Sequence[ShortLayer],
        embedding: Tensor,
        turns: Tensor,
        *,
        heads: int,
        kv_heads: int,
        norm_epsilon: float,
    ) -> None:
        self._layers = layers
        self._embedding = embedding.numpy()  # [vocabulary, width], fp16
        self._turns = turns.numpy()  # [positions, 1, head_dim / 2], complex
        self._heads = heads
        self._kv_heads = kv_heads
        self._epsilon = norm_epsilon
        self._masks = {
            count: np.triu(np.full((count, count), -np.inf, np.float32), 1)
            for count in range(2, MOST_ROWS + 1)
        }

    def read(self, ids: Sequence[int], store: Tensor, start: int) -> Tensor:
        """What the last layer gives for `ids` `[count, width]`, keys and values in `store`.

        `store` is `[layers, 2, 1, kv_heads, capacity, head_dim]` and holds `start` tokens.
        """
        count, end = len(ids), start + len(ids)
        x = self._embedding[list(ids)].astype(np.float32)
        turns = self._turns[start:end]
        mask = self._mask(start, count)
        written = store.numpy()
        # Cutting views costs as much as a small product: all layers are cut at once.
        held = [one.unbind() for one in store[..., :end, :].unbind()]
        for index, (layer, (keys, values)) in enumerate(zip(self._layers, held, strict=True)):
            mixed = layer.attention(self._normed(x, layer.before)).numpy()
            query = self._keep(mixed, turns, written[index, :, 0, :, start:end])
            seen = scaled_dot_product_attention(
                torch.from_numpy(query), keys, values, attn_mask=mask
            )
            x += layer.out(self._joined(seen.numpy(), count)).numpy()
            both = layer.gates(self._normed(x, layer.between)).numpy()
            x += layer.down(torch.from_numpy(_gated(both))).numpy()
        return torch.from_numpy(x)

    def _keep(self, mixed: Rows, turns: NDArray[np.complex64], kept: Rows) -> Rows:
        """Write keys and values into `kept` `[2, kv_heads, count, head_dim]`; the queries."""
        count, rotated = len(mixed), self._heads + self._kv_heads
        heads = mixed.reshape(count, rotated + self._kv_heads, -1)
        turned = (heads[:, :rotated].view(np.complex64) * turns).view(np.float32)
        kept[0] = turned[:, self._heads :].swapaxes(0, 1)
        kept[1] = heads[:, rotated:].swapaxes(0, 1)
        group = self._heads // self._kv_heads
        query = turned[:, : self._heads].reshape(count, self._kv_heads, group, -1)
        # As in `network`: a group's queries are rows over its own keys.
        return query.transpose(1, 2, 0, 3).reshape(1, self._kv_heads, group * count, -1)

    def _joined(self, seen: Rows, count: int) -> Tensor:
        """Heads side by side again `[count, heads * head_dim]`."""
        group = self._heads // self._kv_heads
        apart = seen.reshape(self._kv_heads, group, count, -1)
        return torch.from_numpy(apart.transpose(2, 0, 1, 3).reshape(count, -1))

    def _normed(self, x: Rows, gain: Rows) -> Tensor:
        # A row's product with itself, row by row: numpy's ways over all rows take longer.
        squares = [float(row.dot(row)) / x.shape[1] for row in x]
        scales = [1.0 / sqrt(square + self._epsilon) for square in squares]
        scaled = x * np.array(scales, np.float32)[:, None]
        scaled *= gain
        return torch.from_numpy(scaled)

    def _mask(self, start: int, count: int) -> Tensor | None:
        """Added to scores `[group * count, start + count]`; a single token sees everything."""
        if count == 1:
            return None
        group = self._heads // self._kv_heads
        mask = np.zeros((group, count, start + count), np.float32)
        mask[:, :, start:] = self._masks[count]
        return torch.from_numpy(mask.reshape(group * count, -1))


def _gated(both: Rows) -> Rows:
    """`silu(gate) * up` of the two halves."""
    half = both.shape[1] // 2
    gate = both[:, :half]
    result = np.exp(-gate)
    result += 1.0
    np.divide(gate, result, out=result)
    result *= both[:, half:]
    return result
