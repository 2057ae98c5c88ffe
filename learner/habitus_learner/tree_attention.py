"""Attention over a sheet: every token sees its own line, shared beginnings are read once.

Promises the same numbers in two forms, with gradients: `by_piece` multiplies only what is
seen, for small models on a CPU; `by_tree` leaves it to torch's fused attention, trees side
by side under a mask. Rotary positions are applied by either. Knows no weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional

from habitus_learner.sheet import Piece, Sheet

CHUNK_QUERIES = 128
"""So many queries of a piece are scored at a time, against what the last of them sees."""


class Turns:
    """Rotary tables of a sheet's slots: cosines and sines `[slots, 1, head_dim / 2]`."""

    def __init__(self, positions: Tensor, head_dim: int, theta: float) -> None:
        steps = torch.arange(0, head_dim, 2, dtype=torch.float32, device=positions.device)
        angles = positions[:, None].float() / theta ** (steps / head_dim)
        self.cos = angles.cos()[:, None]
        self.sin = angles.sin()[:, None]

    def turn(self, x: Tensor, *, back: bool = False) -> Tensor:
        """`x` `[slots, heads, head_dim]` turned by position; its halves are the pairs."""
        first, second = x.chunk(2, dim=-1)
        cos, sin = self.cos.to(x.dtype), (-self.sin if back else self.sin).to(x.dtype)
        turned = torch.empty_like(x)
        half = first.shape[-1]
        torch.mul(first, cos, out=turned[..., :half]).addcmul_(second, sin, value=-1)
        torch.mul(second, cos, out=turned[..., half:]).addcmul_(first, sin)
        return turned


def by_piece(query: Tensor, key: Tensor, value: Tensor, turns: Turns, sheet: Sheet) -> Tensor:
    """What the queries see, `[slots, heads * head_dim]`.

    `query` `[slots, heads, head_dim]`, `key` and `value` `[slots, kv_heads, head_dim]`.
    """
    result: Tensor = _ByPiece.apply(  # type: ignore[no-untyped-call]
        query, key, value, turns, sheet.pieces
    )
    return result


class _ByPiece(Function):
    """Probabilities are kept for the backward pass: few, where only what is seen is scored."""

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, turns: Turns, pieces: list[Piece]
    ) -> Tensor:
        slots, heads, head_dim = query.shape
        # A group's queries are rows over its own keys: [kv_heads, group, slots, head_dim].
        q = turns.turn(query).view(slots, key.shape[1], -1, head_dim).permute(1, 2, 0, 3)
        k = turns.turn(key).transpose(0, 1).contiguous()
        v = value.transpose(0, 1).contiguous()
        seen = query.new_empty(slots, key.shape[1], heads // key.shape[1], head_dim)
        out = seen.permute(1, 2, 0, 3)
        kept: list[Tensor] = []
        for piece in pieces:
            keys, values = _line(k, piece), _line(v, piece)
            for start, end, sees in _chunks(piece):
                rows = q[:, :, start:end].reshape(len(q), -1, head_dim)
                scores = torch.bmm(rows, keys[:, :sees].mT).mul_(head_dim**-0.5)
                _hide_later(scores, end - start)
                kept.append(torch.softmax(scores, dim=-1))
                mixed = torch.bmm(kept[-1], values[:, :sees])
                out[:, :, start:end] = mixed.view(len(q), -1, end - start, head_dim)
        ctx.save_for_backward(q, k, v, *kept)
        ctx.turns, ctx.pieces = turns, pieces
        return seen.view(slots, -1)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, *kept = ctx.saved_tensors
        groups, group, slots, head_dim = q.shape
        grads = grad.view(slots, groups, group, head_dim).permute(1, 2, 0, 3)
        for_query = grad.new_empty(slots, groups, group, head_dim)
        dq = for_query.permute(1, 2, 0, 3)
        dk, dv = torch.zeros_like(k), torch.zeros_like(v)
        chunk = 0
        for piece in ctx.pieces:
            keys, values = _line(k, piece), _line(v, piece)
            for_keys, for_values = torch.zeros_like(keys), torch.zeros_like(values)
            for start, end, sees in _chunks(piece):
                share = kept[chunk]
                rows = q[:, :, start:end].reshape(groups, -1, head_dim)
                above = grads[:, :, start:end].reshape(groups, -1, head_dim)
                for_values[:, :sees].baddbmm_(share.mT, above)
                for_share = torch.bmm(above, values[:, :sees].mT)
                moved = torch._softmax_backward_data(for_share, share, -1, share.dtype)
                moved.mul_(head_dim**-0.5)
                below = torch.bmm(moved, keys[:, :sees])
                dq[:, :, start:end] = below.view(groups, group, -1, head_dim)
                for_keys[:, :sees].baddbmm_(moved.mT, rows)
                chunk += 1
            _add_line(dk, piece, for_keys)
            _add_line(dv, piece, for_values)
        turned_back = ctx.turns.turn(for_query.view(slots, -1, head_dim), back=True)
        keys_back = ctx.turns.turn(dk.transpose(0, 1).contiguous(), back=True)
        return turned_back, keys_back, dv.transpose(0, 1), None, None


def _chunks(piece: Piece) -> Iterator[tuple[int, int, int]]:
    """(first slot, end, number of keys that the last slot sees) of a piece's chunks."""
    before = sum(end - start for start, end in piece.sees)
    for start in range(piece.start, piece.end, CHUNK_QUERIES):
        end = min(start + CHUNK_QUERIES, piece.end)
        yield start, end, before + end - piece.start


def _hide_later(scores: Tensor, count: int) -> None:
    """The last `count` keys are the chunk's own: each query sees those up to itself."""
    hidden = scores.new_full((count, count), float("-inf")).triu_(1)
    scores.view(len(scores), -1, count, scores.shape[-1])[..., -count:] += hidden


def _line(x: Tensor, piece: Piece) -> Tensor:
    """The part of `x` `[kv_heads, slots, head_dim]` that a piece sees, in its line's order."""
    if not piece.sees:
        return x[:, piece.start : piece.end]
    spans = (*piece.sees, (piece.start, piece.end))
    return torch.cat([x[:, start:end] for start, end in spans], dim=1)


def _add_line(total: Tensor, piece: Piece, part: Tensor) -> None:
    at = 0
    for start, end in (*piece.sees, (piece.start, piece.end)):
        total[:, start:end] += part[:, at : at + end - start]
        at += end - start


class Trees:
    """A sheet's trees side by side: `index` `[trees, longest]` of slots, and who sees whom."""

    def __init__(self, sheet: Sheet, device: torch.device) -> None:
        longest = max(end - start for start, end in sheet.trees)
        index = torch.zeros(len(sheet.trees), longest, dtype=torch.long)
        is_slot = torch.zeros(len(sheet.trees), longest, dtype=torch.bool)
        # What stands for no slot sees itself: a row that sees nothing has no mean.
        mask = torch.eye(longest, dtype=torch.bool).repeat(len(sheet.trees), 1, 1)
        pieces = iter(sheet.pieces)
        for number, (start, end) in enumerate(sheet.trees):
            index[number, : end - start] = torch.arange(start, end)
            is_slot[number, : end - start] = True
            for piece in _within(pieces, end):
                _show(mask[number], piece, start)
        self.index = index.to(device)
        self.is_slot = is_slot.to(device)
        self.mask = mask[:, None].to(device)


def _within(pieces: Iterator[Piece], end: int) -> Iterator[Piece]:
    for piece in pieces:
        yield piece
        if piece.end == end:
            return


def _show(mask: Tensor, piece: Piece, origin: int) -> None:
    rows = mask[piece.start - origin : piece.end - origin]
    for start, end in piece.sees:
        rows[:, start - origin : end - origin] = True
    own = rows[:, piece.start - origin : piece.end - origin]
    own |= torch.ones_like(own).tril_()


def by_tree(query: Tensor, key: Tensor, value: Tensor, turns: Turns, trees: Trees) -> Tensor:
    """As `by_piece`, by one call of torch's own attention."""
    query, key = _turned(query, turns), _turned(key, turns)
    q, k, v = (x[trees.index].transpose(1, 2) for x in (query, key, value))
    is_grouped = q.shape[1] != k.shape[1]
    seen = functional.scaled_dot_product_attention(
        q, k, v, attn_mask=trees.mask, enable_gqa=is_grouped
    )
    return seen.transpose(1, 2)[trees.is_slot].flatten(1)


def _turned(x: Tensor, turns: Turns) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    cos, sin = turns.cos.to(x.dtype), turns.sin.to(x.dtype)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)
