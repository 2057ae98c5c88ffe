"""What a token of training costs, beside Hugging Face's Trainer on the same rows.

    python -c "from benchmarks.learning import Options, cost; print(cost.figures(Options()))"

Rows are drawn as a cycle draws them, from pieces of Habitus' own sources. Three sides learn
from the same ones in turns, with the same LoRA, the same number of rows for each step and the
same threads: a learner's `Run`, which also reads and lays out its rows; Trainer with padded
batches; Trainer with rows of like length together. Rows without rejected texts, since Trainer
has no loss for them.

A row's tokens are its prompt and its text, padding left out. Rows of an example share a
prompt, which Habitus reads once: in row tokens it counts for each of them, as for Trainer,
so that the ratio is that of the time which the same rows take; in tokens read it counts once.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import torch
from benchmarks.figures import SEED, figure, ratio_interval
from benchmarks.learning import Options

from habitus_learner.courtesy import Courtesy
from habitus_learner.dataset import Layout, Mix, Row, passes
from habitus_learner.examples import Author, Example, Kind
from habitus_learner.job import load_layout
from habitus_learner.planner import Hyper, Plan
from habitus_learner.sheet import count_read
from habitus_learner.train import Run
from habitus_learner.trainee import Trainee, load_trainee
from habitus_server.engine.fim import Budget
from habitus_server.engine.model import EMBEDDED, find_folder

SOURCES = Path(__file__).resolve().parents[2] / "server" / "habitus_server"
THREADS = 2
PIECE_LINES = (1, 1, 2, 3, 4, 6, 10)
"""How long pieces of hand-written code are, each as likely."""

PADDED_TARGET, GROUPED_TARGET = 2.0, 1.2


class Lesson(msgspec.Struct, frozen=True):
    """What every side learns from: the examples, and their rows step by step."""

    examples: list[Example]
    steps: list[list[Row]]

    @property
    def rows(self) -> list[Row]:
        """The rows of all steps."""
        return [row for step in self.steps for row in step]

    @property
    def row_tokens(self) -> int:
        """A shared prompt counted for each of its rows."""
        return sum(row.length for row in self.rows)

    @property
    def read_tokens(self) -> int:
        """A shared prompt counted once."""
        return sum(count_read([row.ids for row in step]) for step in self.steps)


def figures(options: Options) -> list[dict[str, Any]]:
    """The figures of this module."""
    torch.set_num_threads(THREADS)
    base = find_folder(EMBEDDED)
    hyper = _trainee(base).hyper
    layout = load_layout(
        base, EMBEDDED, Budget(hyper.prefix_tokens, hyper.suffix_tokens, context=0)
    )
    lesson = _lesson(layout, hyper.step_tokens, 6 if options.small else 24)
    sides: dict[str, Callable[[], float]] = {
        "habitus": lambda: _by_run(lesson, layout, base),
        "padded": lambda: _by_trainer(lesson, layout, base, "random"),
        "grouped": lambda: _by_trainer(lesson, layout, base, "group_by_length"),
    }
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(1 if options.small else 5):
        for name, measure in sides.items():
            seconds[name].append(measure())
    return _compared(lesson, seconds)


def _compared(lesson: Lesson, seconds: dict[str, list[float]]) -> list[dict[str, Any]]:
    share = lesson.row_tokens / lesson.read_tokens
    rates = {name: lesson.row_tokens / statistics.median(took) for name, took in seconds.items()}
    found = [
        figure(f"row tokens learned per second, {name}", rate, n=len(seconds[name]))
        for name, rate in rates.items()
    ]
    found.append(figure("row tokens ÷ tokens read", share, n=len(lesson.rows)))
    for name, target in (("padded", PADDED_TARGET), ("grouped", GROUPED_TARGET)):
        ratio = rates["habitus"] / rates[name]
        low, high = ratio_interval(seconds[name], seconds["habitus"])
        label = f"training tokens/s ÷ Trainer, {name}"
        found += [
            figure(label, ratio, n=len(seconds[name]), interval=(low, high),
                   target=f">= {target:g}", holds=ratio >= target),
            figure(f"{label}, shared prompts counted once", ratio / share, n=len(seconds[name]),
                   interval=(low / share, high / share)),
        ]  # fmt: skip
    return found


# --- what is learned from ---------------------------------------------------------------


def _lesson(layout: Layout, step_tokens: int, steps: int) -> Lesson:
    taught = examples()
    mix = Mix(seed=SEED, batch_tokens=step_tokens, general_share=0.0, library=())
    drawn = islice(passes(layout, taught, mix), steps)
    return Lesson(taught, [rows for _, rows in drawn])


def examples() -> list[Example]:
    """Pieces of this project's files, as if written where they stand."""
    random = Random(SEED)
    found: list[Example] = []
    for path in sorted(SOURCES.rglob("*.py")):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        at = random.randrange(10)
        while at + max(PIECE_LINES) < len(lines):
            end = at + random.choice(PIECE_LINES)
            target = "".join(lines[at:end]).rstrip("\n")
            below = "\n" + "".join(lines[end:])
            if target.strip():
                found.append(_example(len(found), path.name, "".join(lines[:at]), target, below))
            at = end + random.randrange(5, 20)
    return found


def _example(number: int, path: str, prefix: str, target: str, suffix: str) -> Example:
    return Example(
        id=f"piece {number}",
        kind=Kind.PATTERN,
        path=path,
        language="python",
        prefix=prefix,
        suffix=suffix,
        target=target,
        rejected="",
        weight=1.0,
        session="bench",
        at=float(number),
        known_at=float(number),
        row_ids=(),
        # Nobody's: of a person's, some would be held back for choosing a checkpoint.
        author=Author.OTHER,
    )


def _trainee(base: Path) -> Trainee:
    torch.manual_seed(SEED)
    return load_trainee(base, EMBEDDED, torch.device("cpu"), Hyper(general_share=0.0))


# --- the sides --------------------------------------------------------------------------


def _by_run(lesson: Lesson, layout: Layout, base: Path) -> float:
    """Seconds in which a learner's run takes the lesson's steps."""
    trainee = _trainee(base)
    with tempfile.TemporaryDirectory(prefix="habitus-bench-") as folder:
        plan = Plan(
            cycle_id=1,
            folder=folder,
            model=EMBEDDED,
            device="cpu",
            threads=THREADS,
            loads_hub_models=False,
            seed=SEED,
            minutes=60.0,
            max_steps=len(lesson.steps),
            cutoff=0.0,
            incumbent=None,
            busy_markers="",
            idle_seconds=0.0,
            hyper=trainee.hyper,
        )
        run = Run(
            plan,
            trainee,
            layout,
            lesson.examples,
            batch_tokens=trainee.hyper.step_tokens,
            courtesy=Courtesy(None, 0.0, now=time.time, sleep=time.sleep),
        )
        began = time.perf_counter()
        trained = run.train()
        took = time.perf_counter() - began
    if trained.tokens != lesson.row_tokens:
        raise RuntimeError(f"The run learned from {trained.tokens} tokens, not the lesson's.")
    return took


class _Rows(torch.utils.data.Dataset[dict[str, list[int]]]):
    """Rows as Trainer wants them; every token is learned, as with a weight on prompts."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> dict[str, list[int]]:
        ids = list(self._rows[index].ids)
        return {"input_ids": ids, "labels": ids}


def _by_trainer(lesson: Lesson, layout: Layout, base: Path, strategy: str) -> float:
    """Seconds in which Trainer takes as many steps over the same rows."""
    from transformers import Trainer, TrainerCallback, TrainingArguments

    began: list[float] = []

    class Begins(TrainerCallback):  # type: ignore[misc]
        """Notes when the first step begins: setting up is not counted."""

        def on_step_begin(self, *_args: Any, **_settings: Any) -> None:
            began.append(time.perf_counter())

    trainee = _trainee(base)
    rows = Random(SEED).sample(lesson.rows, len(lesson.rows))
    with tempfile.TemporaryDirectory(prefix="habitus-bench-") as folder:
        trainer = Trainer(
            model=trainee.model,
            args=TrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=max(1, round(len(rows) / len(lesson.steps))),
                num_train_epochs=1,
                learning_rate=trainee.hyper.learning_rate,
                max_grad_norm=1.0,
                train_sampling_strategy=strategy,
                use_cpu=True,
                report_to=[],
                logging_strategy="no",
                save_strategy="no",
                disable_tqdm=True,
                seed=SEED,
            ),
            train_dataset=_Rows(rows),
            data_collator=_Padding(layout.template.tokens.pad),
            callbacks=[Begins()],
        )
        trainer.train()
    return time.perf_counter() - began[0]


class _Padding:
    """Rows as one padded batch, its padding out of attention and out of the loss."""

    def __init__(self, pad: int) -> None:
        self._pad = pad

    def __call__(self, rows: Sequence[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
        longest = max(len(row["input_ids"]) for row in rows)
        shape = len(rows), longest
        ids = torch.full(shape, self._pad)
        seen = torch.zeros(shape, dtype=torch.long)
        labels = torch.full(shape, -100)
        for number, row in enumerate(rows):
            count = len(row["input_ids"])
            ids[number, :count] = torch.tensor(row["input_ids"])
            labels[number, :count] = torch.tensor(row["labels"])
            seen[number, :count] = 1
        return {"input_ids": ids, "attention_mask": seen, "labels": labels}
