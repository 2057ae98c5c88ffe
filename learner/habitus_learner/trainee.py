"""A base model that is frozen, with the adapter that learns on top of it.

Promises the weights that the engine serves, loaded and checked by the engine's own
loader, under plain LoRA on every linear layer (nothing else can be swapped into a
running engine or exported). Knows losses and rows of tokens; no schedule and no clock.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from copy import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from habitus_learner.batch import Batch
from habitus_learner.dataset import Row
from habitus_learner.objective import (
    aversion_loss,
    preference_loss,
    token_losses,
    weighted_mean,
)
from habitus_learner.planner import Hyper, sized
from habitus_learner.trunk import Trunk
from habitus_server import adapters
from habitus_server.engine.model import (
    MERGED_BELOW_BYTES,
    choose_dtype,
    read_shape,
    read_weights,
)
from habitus_server.engine.network import Shape
from habitus_server.errors import ModelError


class Trainee(nn.Module):
    """The model under training; `forward` gives the loss of a batch.

    `shape` is that of a model whose layers are ours to run; None where they are
    transformers', which read padded rows.
    """

    def __init__(self, model: Any, hyper: Hyper, shape: Shape | None) -> None:
        super().__init__()
        self.model = model
        self.hyper = hyper
        self._trunk: Trunk | None = None
        if shape is not None:
            base = model.get_base_model()
            size = sum(p.numel() * p.element_size() for p in base.parameters())
            is_exact = base.dtype == torch.float32
            self._trunk = Trunk(base.model, shape, adds=is_exact and size < MERGED_BELOW_BYTES)

    @property
    def shares(self) -> bool:
        """Whether rows are laid on a sheet, where a shared beginning is read once."""
        return self._trunk is not None

    @property
    def copies_weights(self) -> bool:
        """Whether a pass holds a copy of the weights, with the adapter added."""
        return self._trunk is not None and self._trunk.adds

    def batch(self, rows: Sequence[Row], pad: int) -> Batch:
        """Rows laid out as this model reads them."""
        device = next(self.model.parameters()).device
        return Batch(rows, self.hyper, device, pad=None if self.shares else pad)

    def recompute_layers(self) -> None:
        """Keep no layer's inner values for the backward pass: less memory, more time."""
        if self._trunk is not None:
            self._trunk.recomputes = True
        else:
            self.model.gradient_checkpointing_enable()
            self.model.enable_input_require_grads()

    def forward(self, batch: Batch, base: Tensor | None = None) -> Tensor:
        """The mean loss of a batch; `base` are its lines' log-probabilities under base weights."""
        hyper = self.hyper
        wanted = batch.weights > 0
        if base is not None:
            wanted[batch.text_targets] = True
        losses = self._losses(batch, wanted)
        loss = weighted_mean(losses, batch.weights)
        if base is None:
            return loss
        logprobs = -_line_sums(losses, batch)
        for line, twin, weight in batch.pairs:
            term = preference_loss(
                logprobs[line], logprobs[twin], base[line], base[twin], beta=hyper.beta
            )
            loss = loss + hyper.preference_weight * weight * term / batch.row_count
        for line, weight in batch.refused:
            term = aversion_loss(logprobs[line], base[line], beta=hyper.beta)
            loss = loss + hyper.aversion_weight * weight * term / batch.row_count
        return loss

    @torch.no_grad()
    def logprobs(self, batch: Batch, *, is_adapted: bool = True) -> Tensor:
        """The log-probability of each line's text, with the adapter or without."""
        wanted = torch.zeros_like(batch.weights, dtype=torch.bool)
        wanted[batch.text_targets] = True
        return -_line_sums(self._losses(batch, wanted, is_adapted=is_adapted), batch)

    @torch.no_grad()
    def text_nats(self, batch: Batch, *, is_adapted: bool = True) -> tuple[float, int]:
        """The cost of the texts that are to be written, in nats as they would be served or
        without the adapter, and over how many tokens."""
        is_fitted = batch.is_fitted
        with self.tempered():
            nats = -self.logprobs(batch, is_adapted=is_adapted)[is_fitted].sum()
        return float(nats), int(is_fitted[batch.text_lines].sum())

    @contextmanager
    def tempered(self) -> Iterator[None]:
        """The adapter at the strength at which it is served."""
        from peft.tuners.lora import LoraLayer

        scales = [one.scaling for one in self.model.modules() if isinstance(one, LoraLayer)]
        whole = [scale["default"] for scale in scales]
        for scale in scales:
            scale["default"] *= self.hyper.temper
        try:
            yield
        finally:
            for scale, value in zip(scales, whole, strict=True):
                scale["default"] = value

    def _losses(self, batch: Batch, wanted: Tensor, *, is_adapted: bool = True) -> Tensor:
        """Nats per target; zero for those that are not wanted."""
        head = self.model.get_base_model().get_output_embeddings()
        states = self._states(batch, is_adapted)[batch.slots[wanted]]
        losses = token_losses(states, batch.targets[wanted], head)
        return losses.new_zeros(wanted.shape).masked_scatter(wanted, losses)

    def _states(self, batch: Batch, is_adapted: bool) -> Tensor:
        if self._trunk is not None:
            return self._trunk.states(batch, is_adapted=is_adapted)
        base = self.model.get_base_model()
        trunk = getattr(base, base.base_model_prefix)
        ids = batch.ids.view(batch.line_count, -1)
        with nullcontext() if is_adapted else self.model.disable_adapter():
            states: Tensor = trunk(input_ids=ids, use_cache=False).last_hidden_state
        return states.flatten(0, 1)


def load_trainee(folder: Path, name: str, device: torch.device, hyper: Hyper) -> Trainee:
    """The base model of a folder with a fresh adapter; raises `ModelError` when it cannot be."""
    from peft import LoraConfig, get_peft_model

    model = _load_base(folder, name, device)
    hyper = sized(hyper, sum(p.numel() for p in model.parameters()))
    config = LoraConfig(
        r=hyper.rank,
        lora_alpha=hyper.alpha,
        lora_dropout=0.0,
        target_modules="all-linear",
        bias="none",
        task_type="CAUSAL_LM",
    )
    adapted = get_peft_model(model, config)
    # The setting by which the base is found, not where it lies on this machine.
    adapted.peft_config["default"].base_model_name_or_path = name
    return Trainee(adapted, hyper, read_shape(model.config.to_dict()))


def adapter_state(trainee: Trainee) -> dict[str, Tensor]:
    """The adapter's own tensors, by the names under which peft saves them, on the CPU."""
    from peft import get_peft_model_state_dict

    state: Mapping[str, Tensor] = get_peft_model_state_dict(
        trainee.model, save_embedding_layers=False
    )
    return {name: tensor.detach().cpu().clone() for name, tensor in state.items()}


def set_adapter_state(trainee: Trainee, state: Mapping[str, Tensor]) -> None:
    """Put tensors from `adapter_state` back."""
    from peft import set_peft_model_state_dict

    set_peft_model_state_dict(trainee.model, dict(state))


def save_adapter(trainee: Trainee, folder: Path) -> None:
    """Write the two files that peft, and the engine, read an adapter from, tempered."""
    from safetensors.torch import save_file

    config = copy(trainee.model.peft_config["default"])
    config.lora_alpha *= trainee.hyper.temper
    config.save_pretrained(folder)
    save_file(adapter_state(trainee), folder / adapters.WEIGHTS, metadata={"format": "pt"})


def _load_base(folder: Path, name: str, device: torch.device) -> Any:
    import transformers

    logging.getLogger("transformers").setLevel(logging.ERROR)
    dtype = choose_dtype(device)
    try:
        config = transformers.AutoConfig.from_pretrained(
            folder, trust_remote_code=False, local_files_only=True
        )
        if read_shape(config.to_dict()) is None:
            model = transformers.AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=dtype,
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
            )
        else:
            model = transformers.AutoModelForCausalLM.from_config(config, dtype=dtype)
            weights = read_weights(folder, name, torch.device("cpu"), dtype)
            model.load_state_dict(weights, strict=False)
            model.tie_weights()
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ModelError(
            f"The model {name} cannot be loaded for training: {error} "
            "Choose another model, or `embedded`."
        ) from error
    return model.to(device)


def _line_sums(losses: Tensor, batch: Batch) -> Tensor:
    """The losses of each line's text, summed."""
    sums = losses.new_zeros(batch.line_count)
    return sums.index_add(0, batch.text_lines, losses[batch.text_targets])
