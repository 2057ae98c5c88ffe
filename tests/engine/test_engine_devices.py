"""Where models run and in what precision, on machines that are not at hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from habitus_server.engine.devices import (
    Precision,
    cpu_precision,
    freest,
    gpu_index,
    gpu_precision,
    training_gpus,
)
from habitus_server.engine.model import choose_device, load_model
from habitus_server.errors import ModelError


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with two GPUs, the first of them nearly full."""
    free = {0: 1 << 30, 1: 20 << 30}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda index: (free[index], 24 << 30))


def test_the_gpu_with_the_most_free_memory_is_taken_and_of_equal_ones_the_first() -> None:
    assert freest([5, 9, 7]) == 1
    assert freest([9, 9, 7]) == 0


def test_training_takes_the_gpus_that_do_not_serve_and_shares_the_only_one() -> None:
    assert training_gpus(2, {0}) == [1]
    assert training_gpus(4, {1, 2}) == [0, 3]
    assert training_gpus(1, {0}) == [0]
    assert training_gpus(2, set()) == [0, 1]


def test_only_a_numbered_gpu_has_an_index() -> None:
    assert [gpu_index(name) for name in ("cuda:1", "cuda", "cpu", "auto", "cuda:x")] == [
        1, None, None, None, None,
    ]  # fmt: skip


def test_a_processor_computes_in_bf16_only_where_it_multiplies_it() -> None:
    assert cpu_precision({"amx_bf16": True, "avx512_bf16": False}) is Precision.BF16
    assert cpu_precision({"amx_bf16": False, "avx512_bf16": True}) is Precision.BF16
    assert cpu_precision({"avx2": True, "avx512_f": True}) is Precision.FP32
    assert cpu_precision({}) is Precision.FP32


def test_a_gpu_without_bf16_computes_in_fp16() -> None:
    assert gpu_precision(has_bf16=True) is Precision.BF16
    assert gpu_precision(has_bf16=False) is Precision.FP16


def test_bf16_on_a_processor_chooses_otherwise_only_where_two_tokens_nearly_tie(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import AutoModelForCausalLM

    ids = torch.randint(6, 300, (600,), generator=torch.Generator().manual_seed(2)).tolist()
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    network = load_model(str(tiny_folder), "cpu").network(None)
    cache = network.new_cache()
    parts = [network.forward(ids[:580], cache, rows=580)]
    parts += [network.forward([token], cache) for token in ids[580:]]
    assert cache.store.dtype == torch.bfloat16
    reference = AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.float32)
    with torch.no_grad():
        expected = reference(torch.tensor([ids])).logits[0]
    best, second = expected.topk(2, dim=-1).values.unbind(-1)
    differs = torch.cat(parts).argmax(-1) != expected.argmax(-1)
    assert ((best - second)[differs] < 0.1 * expected.std()).all()
    assert 0 < differs.sum() < 0.05 * len(ids)


@pytest.mark.usefixtures("gpus")
class TestWithTwoGpus:
    def test_the_freer_one_is_taken_when_none_is_named(self) -> None:
        assert choose_device("auto") == choose_device("cuda") == torch.device("cuda:1")

    def test_the_one_that_is_named_is_taken(self) -> None:
        assert choose_device("cuda:0") == torch.device("cuda:0")

    def test_one_beyond_the_last_is_refused_with_what_there_is(self) -> None:
        with pytest.raises(ModelError, match=r"no device `cuda:2`.*the last one here is `cuda:1`"):
            choose_device("cuda:2")

    def test_the_processor_is_still_taken_when_asked_for(self) -> None:
        assert choose_device("cpu") == torch.device("cpu")
