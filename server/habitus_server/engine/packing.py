"""Matrix products with weights in fp16 and everything else in fp32.

A short step spends its time on reading weights, so half the bytes is half the time,
and where the weights are fp16 numbers already nothing is lost: products and sums stay
fp32. The kernels are FBGEMM's, which torch brings along for x86; elsewhere, or in a
torch without them, `halved` gives None and weights stay as they are. Knows no model.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import torch
from torch import Tensor

_BELOW_FP16 = 2.0**-25
"""Half of the smallest step of fp16: what a tiny number may lose, of any size."""


class Packed:
    """`y = x Wᵀ + b` for fp32 rows `x` `[rows, in]`; `weight` `[out, in]` is fp16."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        with warnings.catch_warnings():
            # Deprecated in favour of nothing that does the same; `is_available` looks for it.
            warnings.simplefilter("ignore", UserWarning)
            self._weight = torch.fbgemm_pack_gemm_matrix_fp16(weight.float())
            self._bias = None if bias is None else bias.float()
            self(torch.zeros(1, weight.shape[1]))  # says so once more, at its first use

    def __call__(self, x: Tensor) -> Tensor:
        return torch.fbgemm_linear_fp16_weight_fp32_activation(x, self._weight, self._bias)


def is_available() -> bool:
    """Whether this torch, on this processor, has the kernels."""
    return "fbgemm" in torch.backends.quantized.supported_engines and all(
        hasattr(torch, name)
        for name in ("fbgemm_pack_gemm_matrix_fp16", "fbgemm_linear_fp16_weight_fp32_activation")
    )


def halved(weights: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """fp32 weights on the CPU with every matrix in fp16; None where that would change them.

    Checkpoints in fp16 lose nothing, those in bf16 at most `_BELOW_FP16` of a number.
    """
    if not is_available():
        return None
    result = dict(weights)
    for name, weight in weights.items():
        if weight.dtype != torch.float32 or weight.device.type != "cpu":
            return None
        if weight.dim() == 2:
            half = weight.half()
            if not (half.float() - weight).abs().max() <= _BELOW_FP16:
                return None
            result[name] = half
    return result
