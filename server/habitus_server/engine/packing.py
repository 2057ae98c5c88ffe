"""Matrix products with weights in fp16 and everything else in fp32.

A short step spends its time on reading weights, so half the bytes is half the time,
and where the weights are fp16 numbers already nothing is lost: products and sums stay
fp32. The kernels are FBGEMM's, which torch brings along for x86; elsewhere, or in a
torch without them, `halved` gives None and weights stay as they are. Knows no model.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

MANY_ROWS = 64
"""Below this a product is over before another thread has woken."""

_BELOW_FP16 = 2.0**-25
"""Half of the smallest step of fp16: what a tiny number may lose, of any size."""


class Crew:
    """Threads that share the rows of a long product: these kernels use but their caller's."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max(1, (os.cpu_count() or 1) - 1), "product")

    def share(self, product: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """`product(x)`, on as many threads as torch may use now."""
        mine, *others = x.chunk(torch.get_num_threads())
        jobs = [self._pool.submit(_inferred, product, part) for part in others]
        return torch.cat([product(mine), *(job.result() for job in jobs)])


class Packed:
    """`y = x Wᵀ + b` for fp32 rows `x` `[rows, in]`; `weight` `[out, in]` is fp16."""

    def __init__(self, weight: Tensor, bias: Tensor | None, crew: Crew) -> None:
        self._crew = crew
        with warnings.catch_warnings():
            # Deprecated in favour of nothing that does the same; `is_available` looks for it.
            warnings.simplefilter("ignore", UserWarning)
            self._weight = torch.fbgemm_pack_gemm_matrix_fp16(weight.float())
            self._bias = None if bias is None else bias.float()
            self(torch.zeros(1, weight.shape[1]))  # says so once more, at its first use

    def __call__(self, x: Tensor) -> Tensor:
        return self._crew.share(self._product, x) if len(x) >= MANY_ROWS else self._product(x)

    def _product(self, x: Tensor) -> Tensor:
        return torch.fbgemm_linear_fp16_weight_fp32_activation(x, self._weight, self._bias)


def _inferred(product: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    with torch.inference_mode():  # which each thread enters for itself
        return product(x)


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
