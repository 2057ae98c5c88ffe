"""The Qwen2 forward pass that training uses.

Promises: parameter names, shapes and numbers equal to transformers' `Qwen2ForCausalLM` with
tied embeddings (a test compares the two), in a form that compiles to few, fused CPU loops.
Does not know: data, optimisers, files; how the weights are served.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from habitus_learner.pretrain.presets import Shape


def rotary_tables(length: int, head_dim: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines `[length, head_dim]`, both halves alike, as Qwen2 lays them out."""
    frequencies = theta ** (-torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim)
    angles = torch.outer(torch.arange(length, dtype=torch.float32), frequencies)
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary position embedding of `x [batch, heads, time, head_dim]`."""
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


class RmsNorm(nn.Module):
    """Root-mean-square norm with a learned gain, in fp32 whatever comes in."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        scale = torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.epsilon)
        return self.weight * (wide * scale).to(x.dtype)


class Attention(nn.Module):
    """Causal grouped-query attention with biases on Q, K and V."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.head_dim = shape.heads, shape.kv_heads, shape.head_dim
        inner, kv = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
        self.q_proj = nn.Linear(shape.width, inner)
        self.k_proj = nn.Linear(shape.width, kv)
        self.v_proj = nn.Linear(shape.width, kv)
        self.o_proj = nn.Linear(inner, shape.width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        batch, time, _ = x.shape
        q = self.q_proj(x).view(batch, time, self.heads, self.head_dim).transpose(1, 2)
        k = self.k_proj(x).view(batch, time, self.kv_heads, self.head_dim).transpose(1, 2)
        v = self.v_proj(x).view(batch, time, self.kv_heads, self.head_dim).transpose(1, 2)
        q, k = rotate(q, cos, sin).to(v.dtype), rotate(k, cos, sin).to(v.dtype)
        group = self.heads // self.kv_heads
        k, v = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        result: Tensor = self.o_proj(mixed.transpose(1, 2).reshape(batch, time, -1))
        return result


class Feedforward(nn.Module):
    """The gated SiLU block."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.width, shape.feedforward, bias=False)
        self.up_proj = nn.Linear(shape.width, shape.feedforward, bias=False)
        self.down_proj = nn.Linear(shape.feedforward, shape.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))
        return result


class Layer(nn.Module):
    """One pre-norm transformer layer."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.self_attn = Attention(shape)
        self.mlp = Feedforward(shape)
        self.input_layernorm = RmsNorm(shape.width, shape.norm_epsilon)
        self.post_attention_layernorm = RmsNorm(shape.width, shape.norm_epsilon)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        result: Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return result


class Trunk(nn.Module):
    """Embeddings, layers and the last norm: everything below the vocabulary head."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocabulary, shape.width)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = RmsNorm(shape.width, shape.norm_epsilon)


class FimModel(nn.Module):
    """A causal model over `[batch, time]` token ids; its head is its embedding table."""

    cos: Tensor
    sin: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.model = Trunk(shape)
        cos, sin = rotary_tables(shape.positions, shape.head_dim, shape.rope_theta)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def hidden(self, tokens: Tensor) -> Tensor:
        """The normed states `[batch, time, width]` that the head reads."""
        x = self.model.embed_tokens(tokens)
        time = tokens.shape[1]
        cos, sin = self.cos[:time], self.sin[:time]
        for layer in self.model.layers:
            x = layer(x, cos, sin)
        result: Tensor = self.model.norm(x)
        return result

    def logits(self, tokens: Tensor) -> Tensor:
        """Next-token scores `[batch, time, vocabulary]`."""
        return functional.linear(self.hidden(tokens), self.model.embed_tokens.weight)

    def forward(self, tokens: Tensor, weights: Tensor) -> Tensor:
        """The weighted sum of next-token losses in nats.

        `tokens [batch, time + 1]`; `weights [batch, time]` weighs the loss of each *target*.
        """
        states = self.hidden(tokens[:, :-1]).flatten(0, 1)
        scores = functional.linear(states, self.model.embed_tokens.weight).float()
        losses = functional.cross_entropy(scores, tokens[:, 1:].flatten(), reduction="none")
        return (losses * weights.flatten()).sum()


def initialise(model: FimModel, seed: int) -> None:
    """Normal weights of 1/sqrt(fan-in); branch outputs shrunk by depth; biases zero."""
    generator = torch.Generator().manual_seed(seed)
    depth = math.sqrt(2 * model.shape.layers)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()
            elif "embed_tokens" in name:
                parameter.normal_(std=0.02, generator=generator)
            elif parameter.ndim == 2:
                std = 1 / math.sqrt(parameter.shape[1])
                shrink = depth if ("o_proj" in name or "down_proj" in name) else 1.0
                parameter.normal_(std=std / shrink, generator=generator)
