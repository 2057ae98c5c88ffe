"""Our forward pass against transformers' and peft's, in fp32."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from habitus_server.adapters import MANIFEST
from habitus_server.engine import lora
from habitus_server.engine.foreign import ForeignBackend
from habitus_server.engine.model import Model, OwnBackend, load_model
from habitus_server.engine.network import Network
from habitus_server.engine.weights import read_shape, read_weights
from habitus_server.errors import ModelError
from habitus_server.records import AdapterRef
from tiny_model import make_adapter, make_tiny_model

IDS = torch.randint(6, 300, (90,), generator=torch.Generator().manual_seed(1)).tolist()
CPU = torch.device("cpu")


def reference(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def logits_in_pieces(network: Any, *sizes: int) -> torch.Tensor:
    cache = network.new_cache()
    rows, start = [], 0
    for size in sizes:
        rows.append(network.forward(IDS[start : start + size], cache, rows=size))
        start += size
    return torch.cat(rows)


@pytest.fixture(scope="module")
def adapter(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> AdapterRef:
    return make_adapter(tiny_folder, tmp_path_factory.mktemp("adapters") / "v1")


@pytest.mark.parametrize("tied", [True, False])
def test_logits_are_those_of_transformers(tmp_path: Path, tied: bool) -> None:
    folder = make_tiny_model(tmp_path / "model", tied=tied)
    with torch.no_grad():
        expected = reference(folder)(torch.tensor([IDS])).logits[0]
    network = load_model(str(folder), "cpu").network(None)
    torch.testing.assert_close(logits_in_pieces(network, 90), expected, atol=2e-5, rtol=1e-4)
    in_pieces = logits_in_pieces(network, 33, 1, 1, 40, 15)
    torch.testing.assert_close(in_pieces, expected, atol=2e-5, rtol=1e-4)


def test_a_llama_with_biases_and_wide_heads_matches_too(tmp_path: Path) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=320,
        hidden_size=48,
        intermediate_size=80,
        num_hidden_layers=2,
        num_attention_heads=6,
        num_key_value_heads=2,
        head_dim=16,
        attention_bias=True,
        mlp_bias=True,
        tie_word_embeddings=False,
    )
    torch.manual_seed(3)
    model = LlamaForCausalLM(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(tmp_path)
    shape = read_shape(json.loads((tmp_path / "config.json").read_text()))
    assert shape is not None
    network = Network(shape, read_weights(tmp_path, "llama", CPU, torch.float32))
    with torch.no_grad():
        expected = model(torch.tensor([IDS])).logits[0]
    actual = logits_in_pieces(network, 50, 1, 39)
    torch.testing.assert_close(actual, expected, atol=1e-3, rtol=1e-3)


def test_a_merged_adapter_gives_what_peft_gives(
    tiny_folder: Path, tiny: Model, adapter: AdapterRef
) -> None:
    from peft import PeftModel

    with torch.no_grad():
        adapted = PeftModel.from_pretrained(reference(tiny_folder), adapter.path)
        expected = adapted(torch.tensor([IDS])).logits[0]
        base = reference(tiny_folder)(torch.tensor([IDS])).logits[0]
    actual = logits_in_pieces(tiny.network(adapter), 60, 30)
    torch.testing.assert_close(actual, expected, atol=1e-3, rtol=1e-3)
    assert (expected - base).abs().max() > 0.1
    torch.testing.assert_close(
        logits_in_pieces(tiny.network(None), 60, 30), base, atol=2e-5, rtol=1e-4
    )


def test_side_products_give_what_merging_gives(tiny_folder: Path, adapter: AdapterRef) -> None:
    shape = read_shape(json.loads((tiny_folder / "config.json").read_text()))
    assert shape is not None
    weights = read_weights(tiny_folder, "tiny", CPU, torch.float32)
    updates = lora.read_adapter(Path(adapter.path))
    merged = Network(shape, lora.merged(weights, updates))
    beside = Network(shape, weights, low_rank=lora.beside(weights, updates))
    torch.testing.assert_close(
        logits_in_pieces(beside, 60, 30), logits_in_pieces(merged, 60, 30), atol=1e-4, rtol=1e-4
    )


def test_other_architectures_run_through_transformers(tmp_path: Path) -> None:
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    make_tiny_model(tmp_path / "model")
    config = GPTNeoXConfig(
        vocab_size=320,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=256,
    )
    torch.manual_seed(4)
    other = GPTNeoXForCausalLM(config).eval()
    other.save_pretrained(tmp_path / "model")
    model = load_model(str(tmp_path / "model"), "cpu")
    network = model.network(None)
    with torch.no_grad():
        expected = other(torch.tensor([IDS])).logits[0]
    cache = network.new_cache()
    first = network.forward(IDS[:60], cache, rows=60)
    twin = cache.copy_head(40)
    cache.crop(50)
    second = network.forward(IDS[50:], cache, rows=40)
    torch.testing.assert_close(first, expected[:60], atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(second, expected[50:], atol=1e-4, rtol=1e-3)
    third = network.forward(IDS[40:], twin, rows=50)
    torch.testing.assert_close(third, expected[40:], atol=1e-4, rtol=1e-3)
    assert isinstance(model._backend, ForeignBackend)


def test_two_adapters_are_resident_and_the_older_one_makes_room(
    tiny_folder: Path, tmp_path: Path
) -> None:
    model = load_model(str(tiny_folder), "cpu")
    refs = [make_adapter(tiny_folder, tmp_path / f"v{n}", seed=n) for n in range(3)]
    networks = [model.network(ref) for ref in refs]
    assert [ref.version for ref in model.residents] == ["v1", "v2"]
    assert model.network(refs[2]) is networks[2]
    assert model.network(refs[0]) is not networks[0]


def test_a_damaged_adapter_is_refused_and_costs_nobody_its_place(
    tiny_folder: Path, tmp_path: Path
) -> None:
    model = load_model(str(tiny_folder), "cpu")
    good = [make_adapter(tiny_folder, tmp_path / f"v{n}", seed=n) for n in range(2)]
    for ref in good:
        model.network(ref)
    bad = make_adapter(tiny_folder, tmp_path / "v9")
    weights = tmp_path / "v9" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-7])
    with pytest.raises(ModelError, match="damaged"):
        model.network(bad)
    assert [ref.version for ref in model.residents] == ["v0", "v1"]


def test_an_adapter_of_another_model_is_refused(tiny_folder: Path, tmp_path: Path) -> None:
    other = make_tiny_model(tmp_path / "other", seed=7)
    ref = make_adapter(other, tmp_path / "v1")
    with pytest.raises(ModelError, match="other base weights"):
        load_model(str(tiny_folder), "cpu").network(ref)


def test_infinite_factors_are_refused(tiny_folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    ref = make_adapter(tiny_folder, tmp_path / "v1")
    path = tmp_path / "v1" / "adapter_model.safetensors"
    tensors = load_file(path)
    next(iter(tensors.values()))[0, 0] = float("inf")
    save_file(tensors, path)
    manifest_path = tmp_path / "v1" / MANIFEST
    manifest = json.loads(manifest_path.read_text())
    manifest["files"][path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest_path.write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="not finite"):
        load_model(str(tiny_folder), "cpu").network(ref)


class TestModelsThatCannotBeServed:
    def test_an_unknown_folder(self) -> None:
        with pytest.raises(ModelError, match="does not exist"):
            load_model("/no/such/folder", "cpu")

    def test_a_folder_without_a_model(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match=r"no config\.json"):
            load_model(str(tmp_path), "cpu")

    def test_a_model_without_sentinels(self, tmp_path: Path) -> None:
        folder = make_tiny_model(tmp_path / "m", fim=False)
        with pytest.raises(ModelError, match="no fill-in-the-middle tokens"):
            load_model(str(folder), "cpu")

    def test_cut_weights(self, tmp_path: Path) -> None:
        folder = make_tiny_model(tmp_path / "m")
        path = folder / "model.safetensors"
        path.write_bytes(path.read_bytes()[:5000])
        with pytest.raises(ModelError, match="damaged"):
            load_model(str(folder), "cpu")

    def test_weights_of_another_shape(self, tmp_path: Path) -> None:
        folder = make_tiny_model(tmp_path / "m")
        other = make_tiny_model(tmp_path / "n", width=32)
        (folder / "model.safetensors").write_bytes((other / "model.safetensors").read_bytes())
        with pytest.raises(ModelError, match="do not match its config"):
            load_model(str(folder), "cpu")

    def test_weights_that_could_run_code(self, tmp_path: Path) -> None:
        folder = make_tiny_model(tmp_path / "m")
        (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
        with pytest.raises(ModelError, match="Only safetensors"):
            load_model(str(folder), "cpu")

    def test_a_broken_tokenizer(self, tmp_path: Path) -> None:
        folder = make_tiny_model(tmp_path / "m")
        (folder / "tokenizer.json").write_text("{", encoding="utf-8")
        with pytest.raises(ModelError, match="tokenizer of"):
            load_model(str(folder), "cpu")

    def test_a_hub_id_when_hub_models_are_off(self) -> None:
        with pytest.raises(ModelError, match="switched off"):
            load_model("some/model", "cpu", allow_hub=False)

    def test_a_hub_id_when_offline(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import huggingface_hub.constants

        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        with pytest.raises(ModelError, match=r"cannot be (reached|downloaded)"):
            load_model("nobody/no-such-model-at-all", "cpu")

    def test_a_device_that_is_not_there(self, tiny_folder: Path) -> None:
        with pytest.raises(ModelError, match=r"engine\.device"):
            load_model(str(tiny_folder), "quantum")


def test_small_models_are_served_by_our_own_forward(tiny: Model) -> None:
    assert isinstance(tiny._backend, OwnBackend)
