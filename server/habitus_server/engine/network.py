"""The forward pass of the Llama family (Llama, Qwen2, Mistral), made for short steps.

Promises the logits that transformers' implementation gives, with the time spent in
matrix products: keys and values are written into a preallocated cache, projections
that read the same input are one product, weights in fp16 are read as such on a CPU
(`packing`), elsewhere norm gains are folded into the weights behind them, and a group's
query heads attend as rows of one call. Knows weights by their Hugging Face names and
no files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import msgspec
import torch
from torch import Tensor
from torch.nn.functional import (
    embedding,
    linear,
    rms_norm,
    scaled_dot_product_attention,
    silu,
)

from habitus_server.engine.kvcache import KvCache
from habitus_server.engine.lora import LowRank
from habitus_server.engine.packing import Packed
from habitus_server.engine.shortstep import MOST_ROWS, ShortLayer, ShortStep, one_thread
from habitus_server.errors import ModelError

ATTENTION = ("q_proj", "k_proj", "v_proj")
GATES = ("gate_proj", "up_proj")


class Shape(msgspec.Struct, frozen=True):
    """What of a model's configuration its forward pass needs."""

    layers: int
    width: int
    feedforward: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    positions: int
    rope_theta: float
    norm_epsilon: float
    tied: bool


class Projection:
    """`y = product(x)`, with an adapter's side product `x Aᵀ Bᵀ` where there is one.

    `down` is `[rank, in]`, `up` `[out, rank]`.
    """

    def __init__(
        self, product: Callable[[Tensor], Tensor], down: Tensor | None, up: Tensor | None
    ) -> None:
        self.product = product
        self.down = down
        self.up = up

    def __call__(self, x: Tensor) -> Tensor:
        y = self.product(x)
        if self.down is not None and self.up is not None:
            y = y + linear(linear(x, self.down), self.up)
        return y


class _Layer(msgspec.Struct, frozen=True):
    before: Tensor | None  # a norm's gain [width]; None where it is folded in
    attention: Projection  # [(heads + 2 kv_heads) head_dim, width]
    out: Projection
    between: Tensor | None
    gates: Projection  # [2 feedforward, width]
    down: Projection


class Network:
    """One set of weights, ready to run; `forward` reads tokens into a cache."""

    def __init__(
        self,
        shape: Shape,
        weights: Mapping[str, Tensor],
        *,
        low_rank: Mapping[str, LowRank] | None = None,
    ) -> None:
        self.shape = shape
        self.vocabulary = shape.vocabulary
        self.positions = shape.positions
        self._low_rank = dict(low_rank or {})
        self._embedding = weights["model.embed_tokens.weight"]
        place = self._embedding.device
        # No CPU adds up in fp16: such weights are there to be packed.
        self._packs = self._embedding.dtype == torch.float16 and place.type == "cpu"
        self._dtype = torch.float32 if self._packs else self._embedding.dtype
        head = self._embedding if shape.tied else weights["lm_head.weight"]
        product = self._product(head, weights.get("lm_head.bias"))
        self._head = Projection(product, *self._sides(("lm_head",), None))
        self._norm = weights["model.norm.weight"]
        self._layers = [self._layer(weights, index) for index in range(shape.layers)]
        self._low_rank.clear()
        self._turns = _turns(shape, place)
        self._short = self._short_step() if self._packs else None

    def new_cache(self) -> KvCache:
        """An empty cache with room for an ordinary prompt; it grows by itself."""
        shape = self.shape
        capacity = min(1280, shape.positions)
        like = self._embedding.new_empty(0, dtype=self._dtype)
        return KvCache(shape.layers, shape.kv_heads, shape.head_dim, capacity, like)

    @torch.inference_mode()
    def forward(self, ids: Sequence[int], cache: KvCache, *, rows: int = 1) -> Tensor:
        """Read `ids` after what `cache` holds; logits of the last `rows` `[rows, vocabulary]`."""
        start, count = cache.length, len(ids)
        end = start + count
        if end > self.positions:
            raise ModelError(f"A prompt of {end} tokens is longer than the model's context.")
        cache.reserve(min(self.positions, -(-end // 256) * 256))
        if self._short is not None and count <= MOST_ROWS:
            with one_thread():
                x = self._short.read(ids, cache.store, start)
        else:
            x = self._read(ids, cache, start)
        cache.length = end
        x = rms_norm(x[-rows:], (self.shape.width,), self._norm, self.shape.norm_epsilon)
        return self._head(x).float()

    def _read(self, ids: Sequence[int], cache: KvCache, start: int) -> Tensor:
        read = torch.tensor(ids, device=self._embedding.device)
        x = embedding(read, self._embedding).to(self._dtype)
        mask = self._mask(start, len(ids))
        turns = self._turns[start : start + len(ids)]
        for layer, kv in zip(self._layers, cache.store, strict=True):
            x = self._step(layer, x, turns, kv, start, mask)
        return x

    def _step(
        self,
        layer: _Layer,
        x: Tensor,  # [T, width]
        turns: Tensor,  # [T, 1, head_dim / 2], complex
        kv: Tensor,  # [2, 1, kv_heads, capacity, head_dim]
        start: int,
        mask: Tensor | None,  # [group * T, start + T]
    ) -> Tensor:
        shape = self.shape
        count, end = x.shape[0], start + x.shape[0]
        rotated = shape.heads + shape.kv_heads
        normed = rms_norm(x, (shape.width,), layer.before, shape.norm_epsilon)
        mixed = layer.attention(normed).view(count, rotated + shape.kv_heads, shape.head_dim)
        turned = _rotate(mixed[:, :rotated], turns)
        kv[0, 0, :, start:end] = turned[:, shape.heads :].transpose(0, 1)
        kv[1, 0, :, start:end] = mixed[:, rotated:].transpose(0, 1)
        group = shape.heads // shape.kv_heads
        # Heads are laid out [kv_heads, group]: a group's queries are rows over its own keys.
        query = turned[:, : shape.heads].view(count, shape.kv_heads, group, shape.head_dim)
        query = query.permute(1, 2, 0, 3).reshape(1, shape.kv_heads, group * count, shape.head_dim)
        seen = scaled_dot_product_attention(
            query, kv[0, :, :, :end], kv[1, :, :, :end], attn_mask=mask
        )
        seen = seen.view(shape.kv_heads, group, count, shape.head_dim).permute(2, 0, 1, 3)
        x = x + layer.out(seen.reshape(count, -1))
        normed = rms_norm(x, (shape.width,), layer.between, shape.norm_epsilon)
        gate, up = layer.gates(normed).chunk(2, dim=-1)
        return x + layer.down(silu(gate) * up)

    def _short_step(self) -> ShortStep:
        layers = [
            ShortLayer(
                _known(one.before), one.attention, one.out, _known(one.between), one.gates, one.down
            )
            for one in self._layers
        ]
        heads, kv_heads, epsilon = self.shape.heads, self.shape.kv_heads, self.shape.norm_epsilon
        return ShortStep(
            layers, self._embedding, self._turns,
            heads=heads, kv_heads=kv_heads, norm_epsilon=epsilon,
        )  # fmt: skip

    def _mask(self, start: int, count: int) -> Tensor | None:
        """Which keys each query row may see; a single new token sees everything."""
        if count == 1:
            return None
        device = self._embedding.device
        keys = torch.arange(start + count, device=device)
        seen = keys <= torch.arange(start, start + count, device=device)[:, None]
        return seen.repeat(self.shape.heads // self.shape.kv_heads, 1)

    def _layer(self, weights: Mapping[str, Tensor], index: int) -> _Layer:
        root = f"model.layers.{index}"
        attention = tuple(f"{root}.self_attn.{name}" for name in ATTENTION)
        gates = tuple(f"{root}.mlp.{name}" for name in GATES)
        before = weights[f"{root}.input_layernorm.weight"]
        between = weights[f"{root}.post_attention_layernorm.weight"]
        if self._packs:  # gains would be lost in the rounding of what they are folded into
            kept: tuple[Tensor | None, ...] = before, between
            folded: tuple[Tensor | None, ...] = None, None
        else:
            kept, folded = (None, None), (before, between)
        return _Layer(
            kept[0],
            self._projection(weights, attention, folded[0], turned=True),
            self._projection(weights, (f"{root}.self_attn.o_proj",), None),
            kept[1],
            self._projection(weights, gates, folded[1]),
            self._projection(weights, (f"{root}.mlp.down_proj",), None),
        )

    def _projection(
        self,
        weights: Mapping[str, Tensor],
        names: tuple[str, ...],
        gain: Tensor | None,
        *,
        turned: bool = False,
    ) -> Projection:
        """Projections of one input as one, behind a norm whose `gain` is folded in."""
        weight = torch.cat([weights[f"{name}.weight"] for name in names])
        biases = [weights.get(f"{name}.bias") for name in names]
        bias = None
        if any(b is not None for b in biases):
            bias = torch.cat(
                [
                    weight.new_zeros(weights[f"{name}.weight"].shape[0]) if b is None else b
                    for name, b in zip(names, biases, strict=True)
                ]
            ).to(self._dtype)
        down, up = self._sides(names, {name: weights[f"{name}.weight"].shape[0] for name in names})
        if turned:
            order = self._interleaved(weight.shape[0]).to(weight.device)
            weight = weight[order]
            bias = bias[order] if bias is not None else None
            up = up[order] if up is not None else None
        if gain is not None:
            weight = _scaled(weight, gain)
            down = _scaled(down, gain) if down is not None else None
        return Projection(self._product(weight.contiguous(), bias), down, up)

    def _product(self, weight: Tensor, bias: Tensor | None) -> Callable[[Tensor], Tensor]:
        return Packed(weight, bias) if self._packs else partial(linear, weight=weight, bias=bias)

    def _sides(
        self, names: tuple[str, ...], rows: Mapping[str, int] | None
    ) -> tuple[Tensor | None, Tensor | None]:
        """The adapter's factors for fused projections: stacked `down`, block-diagonal `up`."""
        parts = [
            None if part is None else LowRank(part.down.to(self._dtype), part.up.to(self._dtype))
            for part in map(self._low_rank.get, names)
        ]
        if not any(parts):
            return None, None
        if rows is None:
            (part,) = parts
            assert part is not None
            return part.down, part.up
        down = torch.cat([part.down for part in parts if part is not None])
        up = down.new_zeros(sum(rows.values()), down.shape[0])
        row = column = 0
        for name, part in zip(names, parts, strict=True):
            if part is not None:
                rank = part.down.shape[0]
                up[row : row + rows[name], column : column + rank] = part.up
                column += rank
            row += rows[name]
        return down, up

    def _interleaved(self, rows: int) -> Tensor:
        """Row order that puts the two halves of each rotated head next to each other.

        Rotary pairs are (i, i + head_dim / 2); as neighbours they are complex numbers,
        and turning them is one product. Keys and queries are permuted alike, so their
        products, and with them the attention, stay what they were.
        """
        shape = self.shape
        order = torch.arange(rows)
        turned = (shape.heads + shape.kv_heads) * shape.head_dim
        halves = order[:turned].view(-1, 2, shape.head_dim // 2)
        order[:turned] = halves.transpose(1, 2).reshape(-1)
        return order


def _known(gain: Tensor | None) -> Tensor:
    assert gain is not None, "packed layers keep their gains"
    return gain


def _rotate(x: Tensor, turns: Tensor) -> Tensor:
    """Turn `x` `[T, heads, head_dim]` by position; complex numbers need fp32."""
    pairs = torch.view_as_complex(x.float().reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * turns).flatten(-2).to(x.dtype)


def _turns(shape: Shape, device: torch.device) -> Tensor:
    """Unit complex numbers `[positions, 1, head_dim / 2]` by which pairs are turned."""
    steps = torch.arange(0, shape.head_dim, 2, dtype=torch.float32)
    frequencies = 1.0 / shape.rope_theta ** (steps / shape.head_dim)
    angles = torch.outer(torch.arange(shape.positions, dtype=torch.float32), frequencies)
    return torch.polar(torch.ones_like(angles), angles)[:, None].to(device)


def _scaled(weight: Tensor, gain: Tensor) -> Tensor:
    return (weight.float() * gain.float()).to(weight.dtype)
