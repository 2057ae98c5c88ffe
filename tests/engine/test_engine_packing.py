"""Weights read as fp16: nothing is lost, and what an adapter loses decides near ties only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from habitus_server.engine.answer import Answerer
from habitus_server.engine.memory import Memory
from habitus_server.engine.model import EMBEDDED, Model, find_folder, load_model
from habitus_server.engine.network import Network
from habitus_server.engine.packing import Packed, halved, is_available
from habitus_server.engine.wire import Complete, Place, Stop
from tiny_model import make_adapter, make_tiny_model

needs_kernels = pytest.mark.skipif(not is_available(), reason="this torch has no such kernels")

PROMPTS = (
    ("def connect(self, host, port=None):\n    for index, value in enum", "\n    return None\n"),
    (
        "import os\nimport sys\n\n\nclass Reader:\n    def __init__(self, path):\n        self.",
        "\n",
    ),
    ("for name in sorted(names):\n    if name.startswith('_'):\n        ", "\n    print(name)\n"),
    ("def test_that_it_adds_up():\n    assert add(1, 2) == 3\n\n\ndef test_", ""),
    ("    try:\n        value = json.loads(text)\n    except ", ":\n        return None\n"),
    ("x = [", "]\n"),
    ("", "\n\nif __name__ == '__main__':\n    main()\n"),
)


@pytest.fixture(scope="module")
def embedded() -> Model:
    return load_model(EMBEDDED, "cpu")


@pytest.fixture(scope="module")
def half_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_tiny_model(tmp_path_factory.mktemp("half"))
    path = folder / "model.safetensors"
    save_file({n: t.half() for n, t in load_file(path).items()}, path, metadata={"format": "pt"})
    return folder


def reference(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


@pytest.mark.parametrize(("prefix", "suffix"), PROMPTS)
def test_the_embedded_model_writes_what_transformers_generate_writes(
    embedded: Model, prefix: str, suffix: str
) -> None:
    desk = Answerer(embedded, Memory(embedded.tokens))
    place = Place("w", "a.py", "python", prefix, suffix)
    prompt = desk.prompt(place, embedded.network(None), 24)
    ids = torch.tensor([prompt.ids])
    with torch.no_grad():
        written = (
            reference(find_folder(EMBEDDED))
            .generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=24,
                do_sample=False,
                pad_token_id=0,
                eos_token_id=sorted(embedded.tokens.special.values()),
            )[0, len(prompt.ids) :]
            .tolist()
        )
    ends = set(embedded.tokens.special.values())
    expected = embedded.tokens.bytes_of([t for t in written if t not in ends]).decode()
    stop = Stop("block", 0, 99, 24)
    ours = desk.complete(Complete(1, "w", place, stop=stop, use_memory=False)).candidates[0]
    assert expected.startswith(ours.text)
    assert ours.text == expected.rstrip() or ours.finish == "stop"


@needs_kernels
@pytest.mark.parametrize("rows", [1, 3, 151])
def test_a_packed_product_is_the_plain_one(rows: int) -> None:
    generator = torch.Generator().manual_seed(rows)
    weight = torch.randn(70, 33, generator=generator).half()
    bias = torch.randn(70, generator=generator)
    x = torch.randn(rows, 33, generator=generator)
    expected = torch.nn.functional.linear(x.double(), weight.double(), bias.double()).float()
    torch.testing.assert_close(Packed(weight, bias)(x), expected, atol=1e-5, rtol=1e-5)


@needs_kernels
def test_weights_that_fp16_would_change_stay_as_they_are() -> None:
    exact = torch.tensor([[0.5, -3.0], [1e-9, 1024.0]])
    assert halved({"w": exact, "norm": torch.tensor([1.0001])}) is not None
    assert halved({"w": exact, "v": torch.tensor([[0.1]])}) is None
    assert halved({"w": exact, "v": torch.tensor([[1e6]])}) is None
    assert halved({"w": exact, "v": torch.tensor([[float("nan")]])}) is None
    assert halved({"w": exact.bfloat16()}) is None


@needs_kernels
def test_packed_logits_are_those_of_fp32(half_folder: Path) -> None:
    ids = torch.randint(6, 300, (90,), generator=torch.Generator().manual_seed(1)).tolist()
    network = load_model(str(half_folder), "cpu").network(None)
    assert isinstance(network, Network)
    assert network._packs
    with torch.no_grad():
        expected = reference(half_folder)(torch.tensor([ids])).logits[0]
    for sizes in ((90,), (33, 1, 1, 5, 16, 17, 17), (1, 2, 3, 4, 80)):
        cache, rows, start = network.new_cache(), [], 0
        for size in sizes:
            rows.append(network.forward(ids[start : start + size], cache, rows=size))
            start += size
        torch.testing.assert_close(torch.cat(rows), expected, atol=2e-5, rtol=1e-4)


@needs_kernels
def test_a_merged_adapter_chooses_otherwise_only_where_two_tokens_nearly_tie(
    half_folder: Path, tmp_path: Path
) -> None:
    from peft import PeftModel

    ids = torch.randint(6, 300, (900,), generator=torch.Generator().manual_seed(2)).tolist()
    ref = make_adapter(half_folder, tmp_path / "v1")
    network = load_model(str(half_folder), "cpu").network(ref)
    ours = network.forward(ids, network.new_cache(), rows=len(ids))
    with torch.no_grad():
        adapted = PeftModel.from_pretrained(reference(half_folder), ref.path)
        expected = adapted(torch.tensor([ids])).logits[0]
    best, second = expected.topk(2, dim=-1).values.unbind(-1)
    differs = ours.argmax(-1) != expected.argmax(-1)
    assert ((best - second)[differs] < 0.02 * expected.std()).all()
    assert (ours - expected).abs().mean() < 0.001 * expected.std()
