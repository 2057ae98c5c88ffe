"""Pre-training, as a loop that may be killed at any moment.

Promises: a run continues from its last checkpoint at the same row with the same optimiser and
schedule; the learning rate reaches zero at the token target or at the deadline, whichever comes
first, however slow a shared machine turns out to be.
Does not know: where rows come from beyond their folder; what the weights are exported as.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from torch import Tensor

from habitus_learner.muon import Muon
from habitus_learner.pretrain.errors import StepMissingError
from habitus_learner.pretrain.model import FimModel, initialise
from habitus_learner.pretrain.presets import Preset
from habitus_learner.pretrain.shards import is_finished, read_shard, shard_path

Log = Callable[[str], None]


class Plan(msgspec.Struct, frozen=True):
    """Everything that names a run beside its preset."""

    rows: Path
    folder: Path
    seed: int = 1
    deadline: float | None = None
    """Seconds since the epoch at which the rate must have reached zero."""
    checkpoint_every_s: float = 240.0
    report_every_s: float = 1200.0
    is_compiled: bool = True
    device: str = "cpu"
    starts_anew: bool = False
    """Begin a new schedule on the last checkpoint's weights; the rows go on where they were."""


class Position(msgspec.Struct):
    """How far a run has come; saved with every checkpoint."""

    step: int = 0
    row: int = 0
    tokens: int = 0
    trained_s: float = 0.0
    progress: float = 0.0
    schedule_step: int = 0
    """The step and the tokens at which the present schedule began."""
    schedule_tokens: int = 0


def batches(folder: Path, first_row: int, rows: int) -> Iterator[tuple[Tensor, Tensor]]:
    """(tokens [rows, time + 1], weights [rows, time]) from `first_row` on, pass after pass.

    Waits for a shard that is still being written.
    """
    ids: list[Any] = []
    weights: list[Any] = []
    ready = skipped = 0
    while True:
        index = 0
        while True:
            path = shard_path(folder, index)
            while folder.exists() and not path.exists() and not is_finished(folder):
                time.sleep(2)
            if not path.exists():
                if index == 0:
                    raise StepMissingError(f"no training rows in {folder}; prepare them first")
                break
            shard_ids, shard_weights = read_shard(path)
            skip = min(len(shard_ids), first_row - skipped)
            skipped += skip
            ids.append(shard_ids[skip:])
            weights.append(shard_weights[skip:])
            ready += len(shard_ids) - skip
            if ready >= rows:
                flat_ids, flat_weights = np.concatenate(ids), np.concatenate(weights)
                whole = len(flat_ids) // rows * rows
                for at in range(0, whole, rows):
                    yield (
                        torch.from_numpy(flat_ids[at : at + rows].astype(np.int64)),
                        torch.from_numpy(flat_weights[at : at + rows].astype(np.float32)),
                    )
                ids, weights = [flat_ids[whole:]], [flat_weights[whole:]]
                ready = len(flat_ids) - whole
            index += 1


class Run:
    """One training run: model, optimisers and position."""

    def __init__(self, preset: Preset, plan: Plan, log: Log) -> None:
        self.preset, self.plan, self.log = preset, plan, log
        self.model = FimModel(preset.shape)
        initialise(self.model, plan.seed)
        self.model.to(plan.device)
        matrices = [p for n, p in self.model.named_parameters() if "proj.weight" in n]
        rest = [p for n, p in self.model.named_parameters() if "proj.weight" not in n]
        self.muon = Muon(matrices, lr=preset.muon_rate, weight_decay=preset.weight_decay)
        self.adam = torch.optim.AdamW(
            rest, lr=preset.adam_rate, betas=(0.9, 0.95), weight_decay=0.0, eps=1e-10
        )
        self.position = Position()
        self.resume()
        self.loss_of: Any = torch.compile(self.model) if plan.is_compiled else self.model

    @property
    def checkpoint(self) -> Path:
        """Where the newest whole checkpoint lies."""
        return self.plan.folder / "checkpoint.pt"

    def resume(self) -> None:
        """Take up the last checkpoint, if there is one."""
        if not self.checkpoint.exists():
            return
        state = torch.load(self.checkpoint, map_location=self.plan.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])
        torch.set_rng_state(state["rng"].cpu())
        self.position = position = msgspec.convert(state["position"], Position)
        if self.plan.starts_anew:
            position.schedule_step, position.schedule_tokens = position.step, position.tokens
            position.progress = 0.0
        self.log(f"resumed at step {self.position.step}, row {self.position.row}")

    def save(self) -> None:
        """Write the checkpoint so that a kill leaves the old one or the new one, never a part."""
        self.plan.folder.mkdir(parents=True, exist_ok=True)
        partial = self.checkpoint.with_suffix(".part")
        torch.save(
            {
                "model": self.model.state_dict(),
                "muon": self.muon.state_dict(),
                "adam": self.adam.state_dict(),
                "rng": torch.get_rng_state(),
                "position": msgspec.to_builtins(self.position),
                "shape": msgspec.to_builtins(self.preset.shape),
            },
            partial,
        )
        partial.replace(self.checkpoint)

    def advance(self, now: float, started: float, from_progress: float) -> float:
        """Progress in [0, 1]: the larger of the token share and the share of the time given."""
        tokens = self.position.tokens - self.position.schedule_tokens
        progress = tokens / self.preset.target_tokens
        if self.plan.deadline is not None:
            left = max(self.plan.deadline - started, 1e-9)
            share = (now - started) / left
            progress = max(progress, from_progress + (1 - from_progress) * share)
        return min(max(progress, self.position.progress), 1.0)

    def set_rates(self) -> float:
        """Linear warm-up, then linear decay to zero; returns the factor."""
        steps = self.position.step - self.position.schedule_step
        warm = min(1.0, (steps + 1) / self.preset.warmup_steps)
        factor = warm * (1 - self.position.progress)
        for group in self.muon.param_groups:
            group["lr"] = self.preset.muon_rate * factor
        for group in self.adam.param_groups:
            group["lr"] = self.preset.adam_rate * factor
        return factor

    def step(self, tokens: Tensor, weights: Tensor) -> float:
        """One update from one batch; returns the mean weighted loss in nats."""
        total = 0.0
        mass = weights.sum().item()
        size = self.preset.rows_per_pass
        for at in range(0, len(tokens), size):
            part = tokens[at : at + size].to(self.plan.device)
            part_weights = weights[at : at + size].to(self.plan.device)
            with torch.autocast(self.plan.device, torch.bfloat16, enabled=self.preset.is_bf16):
                loss = self.loss_of(part, part_weights) / mass
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.set_rates()
        self.muon.step()
        self.adam.step()
        self.model.zero_grad(set_to_none=True)
        return total

    def train(self, report: Callable[[FimModel, Position], None] | None = None) -> None:
        """Run to the end of the plan."""
        started = saved = reported = said = time.time()
        spent_before, from_progress = self.position.trained_s, self.position.progress
        tokens_before, smooth = self.position.tokens, math.nan
        source = batches(self.plan.rows, self.position.row, self.preset.rows_per_step)
        while self.position.progress < 1:
            tokens, weights = next(source)
            loss = self.step(tokens, weights)
            smooth = loss if math.isnan(smooth) else 0.95 * smooth + 0.05 * loss
            now = time.time()
            self.position.step += 1
            self.position.row += len(tokens)
            self.position.tokens += int((weights > 0).sum())
            self.position.trained_s = spent_before + now - started
            self.position.progress = self.advance(now, started, from_progress)
            if now - said > 30:
                rate = (self.position.tokens - tokens_before) / (now - started)
                self.log(
                    f"step {self.position.step} tokens {self.position.tokens / 1e6:.2f}M "
                    f"loss {loss:.3f} ({smooth:.3f}) progress {self.position.progress:.3f} "
                    f"{rate:.0f} tokens/s"
                )
                said = now
            if now - saved > self.plan.checkpoint_every_s:
                self.save()
                saved = time.time()
            if report and now - reported > self.plan.report_every_s:
                report(self.model, self.position)
                reported = time.time()
        self.save()
        if report:
            report(self.model, self.position)
        self.log(f"finished at step {self.position.step}, {self.position.tokens} tokens")
