"""Adapters of no sense, fit to be published and to be typed with."""

from __future__ import annotations

from pathlib import Path

import msgspec
from safetensors.torch import load_file, save_file

from habitus_server.adapters import MANIFEST, Manifest


def soften(adapter: Path) -> None:
    """Random adapters ruin what is written; a hundredth of one changes it a little."""
    path = adapter / "adapter_model.safetensors"
    weights = {
        name: tensor * 0.01 if "lora_B" in name else tensor
        for name, tensor in load_file(path).items()
    }
    save_file(weights, path, metadata={"format": "pt"})


def manifest_of(adapter: Path, model: str) -> Manifest:
    """What `registry.publish` wants beside an adapter of `make_adapter`."""
    made = msgspec.json.decode((adapter / MANIFEST).read_bytes(), type=Manifest)
    return msgspec.structs.replace(made, base_model=model, version="", files={})
