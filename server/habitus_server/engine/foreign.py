"""Models of other architectures, through transformers' own forward and peft's layers.

Promises the same small face as `network`, slower. Does not know the wire or the
decoder.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from habitus_server.adapters import hash_base, verify
from habitus_server.engine.kvcache import Cache
from habitus_server.errors import ModelError
from habitus_server.records import AdapterRef


class ForeignCache:
    """transformers' growing cache behind our face."""

    def __init__(self, past: Any) -> None:
        self.past = past

    @property
    def length(self) -> int:
        """Tokens held."""
        return int(self.past.get_seq_length())

    @length.setter
    def length(self, value: int) -> None:
        self.crop(value)

    def crop(self, length: int) -> None:
        """Forget all but the first `length` tokens."""
        surplus = self.length - length
        if surplus > 0:
            # transformers crops by how much to take off, as a negative number.
            self.past.crop(-surplus)

    def copy_head(self, length: int) -> Cache:
        """A new cache that holds the first `length` tokens of this one."""
        twin = ForeignCache(copy.deepcopy(self.past))
        twin.crop(length)
        return twin

    def size_bytes(self) -> int:
        """Memory that it holds."""
        return sum(
            tensor.numel() * tensor.element_size()
            for layer in self.past.layers
            for tensor in (layer.keys, layer.values)
            if isinstance(tensor, Tensor)
        )


class ForeignNetwork:
    """A transformers model with one of its adapters, or none, switched on."""

    def __init__(self, backend: ForeignBackend, adapter: str | None) -> None:
        self._backend = backend
        self._adapter = adapter
        config = backend.model.config
        self.vocabulary = int(config.vocab_size)
        self.positions = int(getattr(config, "max_position_embeddings", None) or 2048)

    def new_cache(self) -> ForeignCache:
        """An empty cache."""
        from transformers import DynamicCache

        return ForeignCache(DynamicCache(config=self._backend.model.config))

    @torch.inference_mode()
    def forward(self, ids: Sequence[int], cache: ForeignCache, *, rows: int = 1) -> Tensor:
        """Read `ids` after what `cache` holds; fp32 logits of the last `rows`."""
        model = self._backend.switch(self._adapter)
        output = model(
            input_ids=torch.tensor([list(ids)], device=model.device),
            past_key_values=cache.past,
            use_cache=True,
            logits_to_keep=rows,
        )
        logits: Tensor = output.logits[0, -rows:].float()
        return logits


class ForeignBackend:
    """One transformers model; peft holds its adapters by version name."""

    loads_beside = False

    def __init__(self, folder: Path, name: str, device: torch.device, dtype: torch.dtype) -> None:
        from transformers import AutoModelForCausalLM

        self._folder = folder
        self._sha256: str | None = None
        try:
            self.model: Any = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=dtype,
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
            )
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise ModelError(
                f"The model {name} cannot be loaded: {error} Choose another model, or `embedded`."
            ) from error
        self.model.to(device).eval()
        self._adapted: Any = None

    def base(self) -> ForeignNetwork:
        """The weights as they are."""
        return ForeignNetwork(self, None)

    def adapted(self, ref: AdapterRef) -> ForeignNetwork:
        """The weights with an adapter that peft has loaded."""
        from peft import PeftModel

        self._sha256 = self._sha256 or hash_base(self._folder)
        verify(Path(ref.path), base_sha256=self._sha256)
        name = _peft_name(ref)
        try:
            if self._adapted is None:
                self._adapted = PeftModel.from_pretrained(self.model, ref.path, adapter_name=name)
                self._adapted.eval()
            else:
                self._adapted.load_adapter(ref.path, adapter_name=name)
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise ModelError(
                f"The adapter {ref.version} cannot be loaded: {error} "
                "Run `habitus rollback` to use an earlier one."
            ) from error
        return ForeignNetwork(self, name)

    def switch(self, adapter: str | None) -> Any:
        """The model with exactly this adapter in effect."""
        if self._adapted is None:
            return self.model
        if adapter is None:
            self._adapted.base_model.disable_adapter_layers()
        else:
            self._adapted.base_model.enable_adapter_layers()
            self._adapted.set_adapter(adapter)
        return self._adapted

    def drop(self, ref: AdapterRef) -> None:
        """Free what an adapter holds."""
        if self._adapted is not None:
            self._adapted.delete_adapter(_peft_name(ref))

    def size_bytes(self) -> int:
        """Bytes of the base weights."""
        return sum(p.numel() * p.element_size() for p in self.model.parameters())


def _peft_name(ref: AdapterRef) -> str:
    # peft uses names as module keys, where a dot separates.
    return ref.version.replace(".", "_")
