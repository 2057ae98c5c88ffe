"""Which device a model runs on, and in what precision.

Promises decisions that follow from what they are given and from nothing else, so that
they can be tried for machines that are not at hand. Knows no torch and asks no hardware.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import Enum

_BF16_FLAGS = ("amx_bf16", "avx512_bf16")
_CUDA = "cuda:"


class Precision(Enum):
    """How weights are held."""

    FP32 = "float32"
    BF16 = "bfloat16"
    FP16 = "float16"


def cpu_precision(flags: Mapping[str, object]) -> Precision:
    """bf16 where the processor multiplies it, by torch's names of what it can; else fp32.

    AVX-512 alone would turn every bf16 number into fp32 first: half the bytes, more time.
    """
    return Precision.BF16 if any(flags.get(flag) for flag in _BF16_FLAGS) else Precision.FP32


def gpu_precision(*, has_bf16: bool) -> Precision:
    """bf16, which keeps the range of fp32; fp16 on GPUs from before it."""
    return Precision.BF16 if has_bf16 else Precision.FP16


def freest(free_bytes: Sequence[int]) -> int:
    """Of several GPUs the one with the most free memory; of equal ones the first."""
    return max(range(len(free_bytes)), key=lambda index: (free_bytes[index], -index))


def training_gpus(count: int, serving: Collection[int]) -> list[int]:
    """Of `count` GPUs those that training takes: none that serves, as long as there are others."""
    others = [index for index in range(count) if index not in serving]
    return others or list(range(count))


def gpu_index(device: str) -> int | None:
    """The number in "cuda:N"; None for any other device."""
    number = device.removeprefix(_CUDA)
    return int(number) if device.startswith(_CUDA) and number.isdecimal() else None
