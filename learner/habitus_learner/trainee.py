"""A base model that is frozen, with the adapter that learns on top of it.

Promises the weights that the engine serves, loaded and checked by the engine's own
loader, under plain LoRA on every linear layer (nothing else can be swapped into a
running engine or exported). Knows losses and rows of tokens; no schedule and no clock.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from habitus_learner.dataset import Row
from habitus_learner.objective import (
    aversion_loss,
    preference_loss,
    token_losses,
    weighted_mean,
)
from habitus_learner.planner import Hyper, sized
from habitus_server import adapters
from habitus_server.engine.model import choose_dtype, read_shape, read_weights
from habitus_server.errors import ModelError


class Batch:
    """Rows as tensors: `ids [n, time]`, and per target `weights` and `is_text [n, time-1]`.

    A row with a rejected text takes two lines, the second for that text; `pairs` are
    (line, rejected line, weight), `refused` (line, weight).
    """

    def __init__(self, rows: Sequence[Row], hyper: Hyper, pad: int, device: torch.device) -> None:
        lines: list[tuple[int, ...]] = []
        starts: list[int] = []
        fits: list[float] = []
        self.pairs: list[tuple[int, int, float]] = []
        self.refused: list[tuple[int, float]] = []
        self.row_count = len(rows)
        for row in rows:
            lines.append(row.ids)
            starts.append(row.start)
            fits.append(row.fit)
            if row.refuse:
                self.refused.append((len(lines) - 1, row.refuse))
            if row.rejected:
                lines.append((*row.ids[: row.start], *row.rejected))
                starts.append(row.start)
                fits.append(0.0)
                self.pairs.append((len(lines) - 2, len(lines) - 1, row.prefer))
        time = max(len(line) for line in lines)
        ids = torch.full((len(lines), time), pad)
        weights = torch.zeros(len(lines), time - 1)
        is_text = torch.zeros(len(lines), time - 1, dtype=torch.bool)
        for index, (line, start, weight) in enumerate(zip(lines, starts, fits, strict=True)):
            ids[index, : len(line)] = torch.tensor(line)
            weights[index, : start - 1] = weight * hyper.prompt_weight
            weights[index, start - 1 : len(line) - 1] = weight
            is_text[index, start - 1 : len(line) - 1] = True
        self.ids = ids.to(device)
        self.weights = weights.to(device)
        self.is_text = is_text.to(device)

    @property
    def needs_base(self) -> bool:
        """Whether a term compares with base weights."""
        return bool(self.pairs or self.refused)


class Trainee(nn.Module):
    """The model under training; `forward` gives the loss of a batch."""

    def __init__(self, model: Any, hyper: Hyper) -> None:
        super().__init__()
        self.model = model
        self.hyper = hyper

    def forward(self, batch: Batch, base: Tensor | None = None) -> Tensor:
        """The mean loss of a batch; `base` are its lines' log-probabilities under base weights."""
        hyper = self.hyper
        wanted = (batch.weights > 0) | (batch.is_text if batch.needs_base else False)
        losses = self._losses(batch.ids, wanted)
        loss = weighted_mean(losses, batch.weights[wanted])
        if base is None:
            return loss
        logprobs = -_line_sums(losses, batch.is_text, wanted)
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
    def base_logprobs(self, batch: Batch) -> Tensor:
        """The log-probability of each line's text with the adapter switched off."""
        with self.model.disable_adapter():
            losses = self._losses(batch.ids, batch.is_text)
        return -_line_sums(losses, batch.is_text, batch.is_text)

    @torch.no_grad()
    def text_nats(self, batch: Batch) -> tuple[float, int]:
        """The cost of the batch's texts in nats as they would be served, and over how many
        tokens."""
        is_text = batch.is_text & (batch.weights > 0)
        with self._tempered():
            return float(self._losses(batch.ids, is_text).sum()), int(is_text.sum())

    @contextmanager
    def _tempered(self) -> Iterator[None]:
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

    def _losses(self, ids: Tensor, wanted: Tensor) -> Tensor:
        """Nats per wanted target. Padding stands right, where causal attention never looks."""
        base = self.model.get_base_model()
        trunk = getattr(base, base.base_model_prefix)
        states = trunk(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
        return token_losses(states[wanted], ids[:, 1:][wanted], base.get_output_embeddings())


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
    return Trainee(adapted, hyper)


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


def _line_sums(losses: Tensor, is_text: Tensor, wanted: Tensor) -> Tensor:
    """The losses of each line's text, summed. `losses` are those at `wanted`, in order."""
    spread = losses.new_zeros(wanted.shape).masked_scatter(wanted, losses)
    return (spread * is_text).sum(dim=1)
