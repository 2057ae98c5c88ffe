"""One training run, from its plan to the end of its budget.

Promises that a run which is killed continues from its last checkpoint as if it had not
been, and that it ends with the best adapter by a split of its own: the one it started
from, if every step did harm. Judges and publishes nothing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from io import BytesIO
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import torch

from habitus_learner import general
from habitus_learner.batch import Batch
from habitus_learner.courtesy import Courtesy
from habitus_learner.dataset import Layout, Mix, Row, batched, passes, rows_of
from habitus_learner.examples import Episode, Example, Kind
from habitus_learner.muon import Muon
from habitus_learner.planner import Hyper, Plan
from habitus_learner.tempering import Origin, temper
from habitus_learner.trainee import Trainee, adapter_state, set_adapter_state
from habitus_learner.workfolder import CHECKPOINT, Progress, Trained
from habitus_server.errors import TrainingError
from habitus_server.workspaces import write_atomically

INNER_SHARE = 0.08
INNER_ROWS = range(16, 49)
"""Fewer rows than this choose no checkpoint; more cost time that training could use."""

EVALUATIONS = 4

LEAST_OF_TIME = 1 / 3
"""What a second counts for at least, however little of it the processor gave to training."""


class Position(msgspec.Struct):
    """How far a run has come; `active_s` leaves out what was waited for typing and for a
    processor that others used, `tokens` counts those of the rows that were learned from."""

    batches: int = 0
    step: int = 0
    active_s: float = 0.0
    tokens: int = 0
    best_nats: float = math.inf
    best_step: int = 0
    evaluated: int = 0


class Run:
    """A run over its examples, `train`ed to its end; `trainee` holds `origin` where it goes on
    from one."""

    def __init__(
        self,
        plan: Plan,
        trainee: Trainee,
        layout: Layout,
        examples: Sequence[Example],
        *,
        batch_tokens: int,
        courtesy: Courtesy,
        origin: Origin | None = None,
        clock: Callable[[], float] = time.monotonic,
        computed: Callable[[], float] = time.thread_time,
        tell: Callable[[Progress], None] = lambda _line: None,
    ) -> None:
        from accelerate import Accelerator

        self._plan = plan
        self._hyper = plan.hyper
        self._trainee = trainee
        self._layout = layout
        self._courtesy = courtesy
        self._clock = clock
        self._tell = tell
        device = next(trainee.parameters()).device
        # The thread that leads works all the time, where a processor computes and none is busy.
        self._computed = computed if device.type == "cpu" else clock
        self._pad = layout.template.tokens.pad
        self._device = device
        self._accelerator: Any = Accelerator(cpu=self._device.type == "cpu")
        learned = [p for p in trainee.parameters() if p.requires_grad]
        optimizer = _optimizer(learned, self._hyper)
        self._learned = learned
        self._module, self._optimizer = self._accelerator.prepare(trainee, optimizer)
        self._accumulate = max(1, self._hyper.step_tokens // batch_tokens)
        self._origin = origin
        seen_until = origin.seen_until if origin else 0.0
        inner, self._examples = _part(examples, plan.seed, seen_until)
        self._inner = _inner_rows(layout, inner, plan.seed)
        self._mix = Mix(
            seed=plan.seed,
            batch_tokens=batch_tokens,
            general_share=self._hyper.general_share,
            library=tuple(general.practice_files()) if self._hyper.general_share else (),
            shares=trainee.shares,
        )
        self._base_logprobs: dict[tuple[str, tuple[int, ...]], list[float]] = {}
        self._best: dict[str, torch.Tensor] | None = None
        self.position = Position()
        self.losses: list[float] = []

    def train(self) -> Trained:
        """Train to the end of the budget, from the checkpoint where there is one."""
        self._restore()
        position = self.position
        if math.isinf(position.best_nats):
            self._evaluate()
        number, saved_at = 0, self._clock()
        batches = passes(self._layout, self._examples, self._mix)
        self._trainee.train()
        for number, rows in islice(batches, position.batches, None):
            progress = self._progress(number)
            if progress >= 1.0:
                break
            self._courtesy.wait()
            began, computed = self._clock(), self._computed()
            loss = self._learn(rows, progress)
            self._evaluate_when_due(progress)
            took = self._clock() - began
            position.active_s += max(self._computed() - computed, took * LEAST_OF_TIME)
            self._tell(Progress("training", progress, position.step, loss))
            # Between two steps only: gradients that were not applied yet are not saved.
            is_step = position.batches % self._accumulate == 0
            if is_step and self._clock() - saved_at >= self._plan.checkpoint_every_s:
                self._save()
                saved_at = self._clock()
        self._evaluate()
        if self._best is not None:
            set_adapter_state(self._trainee, self._best)
        self._trainee.eval()
        share = temper(self._trainee, self._layout, self._mix, self._origin)
        losses = self.losses or [0.0]
        return Trained(
            steps=position.step,
            passes=number,
            tokens=position.tokens,
            active_s=position.active_s,
            first_loss=sum(losses[:5]) / len(losses[:5]),
            last_loss=sum(losses[-5:]) / len(losses[-5:]),
            best_step=position.best_step,
            share=share,
        )

    def _progress(self, number: int) -> float:
        """0 to 1, by the first of the limits to be reached; every process agrees."""
        plan, position = self._plan, self.position
        shares = [number / self._hyper.max_passes]
        if plan.max_steps:
            shares.append(position.step / plan.max_steps)
        else:
            shares.append(position.active_s / (60.0 * plan.minutes))
        progress = max(shares)
        if self._accelerator.num_processes > 1:
            value = torch.tensor(progress, device=self._device)
            progress = float(self._accelerator.reduce(value, reduction="mean"))
        return progress

    def _learn(self, rows: list[Row], progress: float) -> float:
        position = self.position
        position.batches += 1
        world, rank = self._accelerator.num_processes, self._accelerator.process_index
        # Neighbours stay together: they have a prompt in common.
        mine = rows[len(rows) * rank // world : len(rows) * (rank + 1) // world] or rows[:1]
        batch = self._trainee.batch(mine, self._pad)
        loss = self._module(batch, self._base(mine, batch))
        self._accelerator.backward(loss / self._accumulate)
        position.tokens += batch.row_tokens
        if position.batches % self._accumulate == 0:
            for group in self._optimizer.param_groups:
                group["lr"] = self._hyper.learning_rate * _schedule(progress, self._hyper.warmup)
            self._accelerator.clip_grad_norm_(self._learned, 1.0)
            self._optimizer.step()
            self._optimizer.zero_grad()
            position.step += 1
        value = float(loss.detach())
        if not math.isfinite(value):
            raise TrainingError("Training diverged (the loss is not a number); nothing changes.")
        self.losses.append(value)
        return value

    def _base(self, rows: Sequence[Row], batch: Batch) -> torch.Tensor | None:
        """Log-probabilities under base weights, computed once per text."""
        if not batch.needs_base:
            return None
        known = self._base_logprobs
        new = [r for r in rows if (r.refuse or r.rejected) and (r.key, r.ids) not in known]
        if new:
            read = self._trainee.batch(new, self._pad)
            values = iter(self._trainee.logprobs(read, is_adapted=False).tolist())
            known |= {(r.key, r.ids): [next(values) for _ in r.lines] for r in new}
        found = [value for r in rows for value in known.get((r.key, r.ids), [0.0])]
        return torch.tensor(found, device=self._device)

    def _evaluate_when_due(self, progress: float) -> None:
        due = int(progress * EVALUATIONS)
        if due > self.position.evaluated:
            self.position.evaluated = due
            self._evaluate()

    def _evaluate(self) -> None:
        """Remember the adapter when it is the best so far on the inner split."""
        if not self._inner:
            return
        self._trainee.eval()
        nats, count = 0.0, 0
        for rows in batched(self._inner, self._mix):
            cost, tokens = self._trainee.text_nats(self._trainee.batch(rows, self._pad))
            nats, count = nats + cost, count + tokens
        self._trainee.train()
        if nats / count < self.position.best_nats:
            self.position.best_nats = nats / count
            self.position.best_step = self.position.step
            self._best = adapter_state(self._trainee)

    def _save(self) -> None:
        if not self._accelerator.is_main_process:
            return
        buffer = BytesIO()
        torch.save(
            {
                "position": msgspec.to_builtins(self.position),
                "losses": self.losses,
                "adapter": adapter_state(self._trainee),
                "best": self._best,
                "optimizer": self._optimizer.state_dict(),
            },
            buffer,
        )
        write_atomically(Path(self._plan.folder) / CHECKPOINT, buffer.getvalue())

    def _restore(self) -> None:
        path = Path(self._plan.folder) / CHECKPOINT
        if not path.exists():
            return
        saved = torch.load(path, map_location=self._device, weights_only=True)
        self.position = msgspec.convert(saved["position"], Position)
        self.losses = list(saved["losses"])
        set_adapter_state(self._trainee, saved["adapter"])
        self._best = saved["best"]
        self._optimizer.load_state_dict(saved["optimizer"])


def _optimizer(learned: Sequence[torch.nn.Parameter], hyper: Hyper) -> torch.optim.Optimizer:
    if hyper.orthogonal:
        return Muon(learned, lr=hyper.learning_rate, weight_decay=hyper.weight_decay)
    return torch.optim.AdamW(
        learned, lr=hyper.learning_rate, betas=(0.9, 0.99), weight_decay=hyper.weight_decay
    )


def _schedule(progress: float, warmup: float) -> float:
    """Linear warm-up, then a cosine down to a twentieth."""
    if progress < warmup:
        return max(0.02, progress / warmup)
    rest = (progress - warmup) / (1.0 - warmup)
    return 0.05 + 0.95 * (1.0 + math.cos(math.pi * min(1.0, rest))) / 2.0


def _part(
    examples: Sequence[Example], seed: int, seen_until: float
) -> tuple[list[Example], list[Example]]:
    """(inner, rest): whole episodes of hand-written code for choosing a checkpoint.

    An adapter that a run goes on from knows what was written before `seen_until` by heart:
    there every step away from it would look like harm.
    """
    by_hand = [
        e for e in examples if e.kind is Kind.PATTERN and e.is_by_hand and e.at >= seen_until
    ]
    episodes = sorted({e.episode for e in by_hand})
    Random(f"{seed}:inner").shuffle(episodes)
    wanted = max(INNER_ROWS.start, INNER_SHARE * len(by_hand))
    inner: list[Example] = []
    chosen: set[Episode] = set()
    for episode in episodes:
        if len(inner) >= wanted:
            break
        chosen.add(episode)
        inner += [e for e in by_hand if e.episode == episode]
    if len(inner) < INNER_ROWS.start or len(inner) > len(by_hand) // 3:
        return [], list(examples)
    return inner, [e for e in examples if e.episode not in chosen]


def _inner_rows(layout: Layout, inner: Sequence[Example], seed: int) -> list[Row]:
    random = Random(f"{seed}:inner rows")
    rows = [row for example in inner for row in rows_of(layout, example, random)]
    return random.sample(rows, min(len(rows), INNER_ROWS.stop - 1))
