"""The forward pass of the Llama family (Llama, Qwen2, Mistral) for training an adapter.

Promises the states and gradients of transformers' layers under peft's, for the same
parameters, read from a sheet instead of padded rows. A small model's adapter is added to
its weights once for each pass, and a product costs what it costs without one; the
adapter's gradient needs the gradient of no whole matrix. Knows no losses and no rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn.functional import linear, rms_norm, silu
from torch.utils.checkpoint import checkpoint

from habitus_learner.batch import Batch
from habitus_learner.tree_attention import Trees, Turns, by_piece, by_tree
from habitus_server.engine.network import Shape

Attend = Callable[[Tensor, Tensor, Tensor], Tensor]


class Trunk:
    """A model's layers, by the parameters of its own modules.

    `adds` says that adapters are added to the weights: for models of which a second copy
    is small. `recomputes` that layers are computed again in the backward pass.
    """

    def __init__(self, model: Any, shape: Shape, *, adds: bool) -> None:
        self._model = model
        self._shape = shape
        self.adds = adds
        self.recomputes = False

    def states(self, batch: Batch, *, is_adapted: bool = True) -> Tensor:
        """The normed state of every slot `[slots, width]`, which the head reads."""
        shape = self._shape
        x: Tensor = self._model.embed_tokens(batch.ids)
        attend = self._attention(batch)
        for layer in self._model.layers:
            if self.recomputes and torch.is_grad_enabled():
                x = checkpoint(self._layer, layer, x, attend, is_adapted, use_reentrant=False)
            else:
                x = self._layer(layer, x, attend, is_adapted)
        return rms_norm(x, (shape.width,), self._model.norm.weight, shape.norm_epsilon)

    def _attention(self, batch: Batch) -> Attend:
        turns = Turns(batch.positions, self._shape.head_dim, self._shape.rope_theta)
        if self.adds:
            return lambda query, key, value: by_piece(query, key, value, turns, batch.sheet)
        trees = Trees(batch.sheet, batch.ids.device)
        return lambda query, key, value: by_tree(query, key, value, turns, trees)

    def _layer(self, layer: Any, x: Tensor, attend: Attend, is_adapted: bool) -> Tensor:
        shape = self._shape

        def project(module: nn.Module, read: Tensor) -> Tensor:
            return _project(module, read, adds=self.adds, is_adapted=is_adapted)

        attention, feedforward = layer.self_attn, layer.mlp
        read = rms_norm(x, (shape.width,), layer.input_layernorm.weight, shape.norm_epsilon)
        seen = attend(
            project(attention.q_proj, read).view(-1, shape.heads, shape.head_dim),
            project(attention.k_proj, read).view(-1, shape.kv_heads, shape.head_dim),
            project(attention.v_proj, read).view(-1, shape.kv_heads, shape.head_dim),
        )
        x = x + project(attention.o_proj, seen)
        gain = layer.post_attention_layernorm.weight
        read = rms_norm(x, (shape.width,), gain, shape.norm_epsilon)
        inner = silu(project(feedforward.gate_proj, read)) * project(feedforward.up_proj, read)
        return x + project(feedforward.down_proj, inner)


def _project(module: Any, x: Tensor, *, adds: bool, is_adapted: bool) -> Tensor:
    """A linear layer under peft, as its modules hold it."""
    base = module.base_layer
    weight, bias = base.weight, base.bias
    if not is_adapted:
        return linear(x, weight, bias)
    down = module.lora_A["default"].weight
    up = module.lora_B["default"].weight * module.scaling["default"]
    if adds:
        result: Tensor = _Added.apply(x, weight, bias, down, up)  # type: ignore[no-untyped-call]
        return result
    # In the adapter's own precision, as peft does: gradients of fp16 would vanish.
    return linear(x, weight, bias) + linear(linear(x.to(down.dtype), down), up).to(x.dtype)


class _Added(Function):
    """`x (W + up down)ᵀ + b`, of which W is frozen."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, down: Tensor, up: Tensor
    ) -> Tensor:
        whole = torch.addmm(weight, up, down)
        ctx.save_for_backward(x, whole, down, up)
        return linear(x, whole, bias)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, whole, down, up = ctx.saved_tensors
        for_x = grad @ whole if ctx.needs_input_grad[0] else None
        return for_x, None, None, (grad @ up).mT @ x, grad.mT @ (x @ down.mT)
