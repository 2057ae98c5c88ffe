"""The model that an engine serves: weights, tokenizer, prompt template, adapters.

Promises that `embedded`, a local folder and a Hub id load alike, from safetensors
only and without running any code of theirs, and that whatever is wrong with one is
said as a `ModelError`. Does not decode.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from habitus_server.adapters import hash_base
from habitus_server.engine import devices, lora
from habitus_server.engine.fim import Template, template_from_vocabulary
from habitus_server.engine.network import Network, Shape
from habitus_server.engine.packing import halved
from habitus_server.engine.tokens import Tokens, load_tokens
from habitus_server.engine.weights import check_weights
from habitus_server.engine.weights import read_shape as read_shape
from habitus_server.engine.weights import read_weights as read_weights
from habitus_server.errors import ModelError
from habitus_server.records import AdapterRef

EMBEDDED = "embedded"
RESIDENT_ADAPTERS = 2
MERGED_BELOW_BYTES = 1 << 30
"""Models smaller than this get a copy of their weights per adapter: fastest to serve."""


class Forward(Protocol):
    """One set of weights: base, or base with an adapter."""

    vocabulary: int
    positions: int

    def new_cache(self) -> Any:
        """An empty cache of this network's own kind."""

    def forward(self, ids: Sequence[int], cache: Any, *, rows: int = 1) -> Tensor:
        """Read `ids` after what `cache` holds; fp32 logits of the last `rows`."""


class Backend(Protocol):
    """The weights of one model, with and without adapters."""

    loads_beside: bool
    """Whether `adapted` may be called in one thread while another runs a network."""

    def base(self) -> Forward:
        """The weights as they are."""

    def adapted(self, ref: AdapterRef) -> Forward:
        """The weights with an adapter; `ModelError` when that is not whole or does not fit."""

    def drop(self, ref: AdapterRef) -> None:
        """Free what an adapter holds."""

    def size_bytes(self) -> int:
        """Bytes of the base weights."""


class Model:
    """What `load_model` gives: everything needed to complete, with two adapters resident."""

    def __init__(
        self, name: str, device: str, tokens: Tokens, template: Template, backend: Backend
    ) -> None:
        self.name = name
        self.device = device
        self.tokens = tokens
        self.template = template
        self._backend = backend
        self._adapters: OrderedDict[AdapterRef, Forward] = OrderedDict()
        self._prepared: tuple[AdapterRef, Forward] | None = None

    @property
    def residents(self) -> tuple[AdapterRef, ...]:
        """Resident adapters, the most recently used last."""
        return tuple(self._adapters)

    def prepare(self, ref: AdapterRef) -> None:
        """Load an adapter for the next call of `network` that names it; from any thread."""
        if self._backend.loads_beside and ref not in self._adapters:
            self._prepared = ref, self._backend.adapted(ref)

    def network(self, ref: AdapterRef | None) -> Forward:
        """The weights that a request names, loading and evicting as needed."""
        if ref is None:
            return self._backend.base()
        if ref not in self._adapters:
            # Loaded before another is dropped, so a broken one costs nobody its place.
            adapted = self._take_prepared(ref) or self._backend.adapted(ref)
            while len(self._adapters) >= RESIDENT_ADAPTERS:
                old, _ = self._adapters.popitem(last=False)
                self._backend.drop(old)
            self._adapters[ref] = adapted
        self._adapters.move_to_end(ref)
        return self._adapters[ref]

    def _take_prepared(self, ref: AdapterRef) -> Forward | None:
        prepared = self._prepared
        if prepared is None or prepared[0] != ref:
            return None
        self._prepared = None
        return prepared[1]

    def size_bytes(self) -> int:
        """Bytes of the base weights."""
        return self._backend.size_bytes()


class OwnBackend:
    """The Llama family through `network`."""

    loads_beside = True

    def __init__(self, folder: Path, shape: Shape, weights: dict[str, Tensor]) -> None:
        self._folder = folder
        self._shape = shape
        self._weights = weights
        self._base = Network(shape, weights)
        self._sha256: str | None = None

    def base(self) -> Forward:
        """The weights as they are."""
        return self._base

    def adapted(self, ref: AdapterRef) -> Forward:
        """Merged into a copy when the model is small, side products when it is not."""
        folder = Path(ref.path)
        self._sha256 = self._sha256 or hash_base(self._folder)
        updates = lora.read_adapter(folder, base_sha256=self._sha256)
        lora.check_fit(updates, self._weights, folder)
        if self.size_bytes() < MERGED_BELOW_BYTES:
            return Network(self._shape, lora.merged(self._weights, updates))
        return Network(self._shape, self._weights, low_rank=lora.beside(self._weights, updates))

    def drop(self, ref: AdapterRef) -> None:
        """Nothing is held beside the network itself."""

    def size_bytes(self) -> int:
        """Bytes of the base weights."""
        return sum(t.numel() * t.element_size() for t in self._weights.values())


def load_model(name: str, device: str = "auto", *, allow_hub: bool = True) -> Model:
    """Load a model by its setting; `device` is "auto", "cpu", "cuda" or "cuda:N"."""
    place = choose_device(device)
    folder = find_folder(name, allow_hub=allow_hub)
    config = _read_config(folder, name)
    tokens = load_tokens(folder, name=name)
    habitus = config.get("habitus")
    suffix_first = isinstance(habitus, dict) and habitus.get("suffix_first") is True
    template = template_from_vocabulary(tokens.special, name=name, suffix_first=suffix_first)
    backend = _load_backend(folder, name, config, place)
    return Model(name, str(place), tokens, template, backend)


def choose_device(device: str) -> torch.device:
    """The torch device of a setting; `ModelError` when this machine has none such.

    Where there are several GPUs and none is named, it is the one with the most free memory.
    """
    if device == "auto" and not torch.cuda.is_available():
        return torch.device("cpu")
    try:
        chosen = torch.device("cuda" if device == "auto" else device)
    except RuntimeError as error:
        raise ModelError(
            f"There is no device `{device}`; set engine.device to auto, cpu or cuda."
        ) from error
    return _find_gpu(chosen.index) if chosen.type == "cuda" else chosen


def _find_gpu(index: int | None) -> torch.device:
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not count:
        raise ModelError("No CUDA device was found; set engine.device to auto or cpu.")
    if index is None:
        free = [torch.cuda.mem_get_info(gpu)[0] for gpu in range(count)] if count > 1 else [0]
        index = devices.freest(free)
    elif index >= count:
        raise ModelError(
            f"There is no device `cuda:{index}`; the last one here is `cuda:{count - 1}`. "
            "Set engine.device to that, or to auto."
        )
    return torch.device("cuda", index)


def choose_dtype(device: torch.device) -> torch.dtype:
    """The precision of weights on a device."""
    if device.type == "cuda":
        precision = devices.gpu_precision(has_bf16=torch.cuda.is_bf16_supported())
    else:
        precision = devices.cpu_precision(torch.cpu.get_capabilities())
    dtype: torch.dtype = getattr(torch, precision.value)
    return dtype


def find_folder(name: str, *, allow_hub: bool = True) -> Path:
    """The folder that holds a model's files, downloaded when `name` is a Hub id."""
    if name == EMBEDDED:
        folder = Path(__file__).parent / "embedded"
        if not (folder / "config.json").is_file():
            raise ModelError(
                "This installation has no embedded model. Reinstall habitus from its wheel, or "
                "set `model` to a local folder or a Hub id."
            )
        return folder
    local = Path(name).expanduser()
    if local.is_dir():
        return local
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise ModelError(f"The model folder {name} does not exist.")
    if not allow_hub:
        raise ModelError(f"The model {name} is no local folder, and Hub models are switched off.")
    return _download(name)


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    patterns = ["*.safetensors", "*.safetensors.index.json", "*config.json", "tokenizer.json"]
    try:
        return Path(snapshot_download(name, allow_patterns=patterns))
    except HFValidationError as error:
        raise ModelError(f"`{name}` is neither a folder nor a Hub id.") from error
    except LocalEntryNotFoundError as error:
        raise ModelError(
            f"The model {name} is not on this machine and the Hub cannot be reached. Connect "
            "once, or set `model` to a local folder or to `embedded`."
        ) from error
    except (HfHubHTTPError, OSError) as error:
        raise ModelError(f"The model {name} cannot be downloaded: {error}") from error


def _read_config(folder: Path, name: str) -> dict[str, Any]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{folder} is not a model: it has no config.json.") from error
    except (OSError, ValueError) as error:
        raise ModelError(f"The config.json of {name} cannot be read: {error}.") from error
    if not isinstance(config, dict):
        raise ModelError(f"The config.json of {name} is not a table.")
    return config


def _load_backend(folder: Path, name: str, config: dict[str, Any], device: torch.device) -> Backend:
    shape = read_shape(config)
    if shape is None:
        from habitus_server.engine.foreign import ForeignBackend

        return ForeignBackend(folder, name, device, choose_dtype(device))
    weights = read_weights(folder, name, device, choose_dtype(device))
    check_weights(weights, shape, name)
    return OwnBackend(folder, shape, halved(weights) or weights)
