"""`habitus pretrain`: the recipe of the embedded model.

Promises: each step can be run alone and again; `train` goes on where it was killed.
Does not know: how any step works.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

# A thread that waits by spinning takes the other core's time; read when OpenMP loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("KMP_BLOCKTIME", "0")

HELP = "train the embedded model from scratch (hours)"
STEPS = ("prepare", "train", "evaluate", "export", "all")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("step", choices=STEPS, help="what to do; `all` does the four in order")
    parser.add_argument("--folder", type=Path, default=Path("build/pretrain"))
    parser.add_argument("--preset", default="cpu", choices=("cpu", "gpu", "tiny"))
    parser.add_argument("--seed", type=int, default=1)
    when = parser.add_mutually_exclusive_group()
    when.add_argument("--hours", type=float, help="the learning rate reaches zero after so long")
    when.add_argument("--until", help="... or at this local time, HH:MM")
    parser.add_argument("--device", help="cpu or cuda; the preset's own unless given")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--anew", action="store_true", help="train the last checkpoint on, with a new schedule"
    )
    parser.add_argument("--no-compile", action="store_true", help="run without torch.compile")
    parser.add_argument("--dtype", default="float16", choices=("float32", "float16", "bfloat16"))
    parser.add_argument("--to", type=Path, help="the served folder to write; export only")
    parser.add_argument("--notes", type=Path, help="Markdown to append to the card's limits")


def run(options: argparse.Namespace) -> int:
    """Do the step that was asked for."""
    from habitus_learner.pretrain.errors import RecipeError

    steps = STEPS[:-1] if options.step == "all" else (options.step,)
    try:
        for step in steps:
            _ACTIONS[step](options)
    except RecipeError as error:
        print(f"habitus pretrain: {error}", file=sys.stderr)
        return 1
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command by itself: `python -m habitus_learner.pretrain.cli`."""
    parser = argparse.ArgumentParser(prog="habitus pretrain", description=HELP)
    add_arguments(parser)
    return run(parser.parse_args(arguments))


def read_deadline(options: argparse.Namespace, now: datetime) -> float | None:
    """Seconds since the epoch at which training must have ended; None for no limit."""
    if options.hours is not None:
        return (now + timedelta(hours=options.hours)).timestamp()
    if options.until is None:
        return None
    clock = datetime.strptime(options.until, "%H:%M").time()
    end = datetime.combine(now.date(), clock)
    return (end if end > now else end + timedelta(days=1)).timestamp()


def _say(message: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {message}", flush=True)


def _prepare(options: argparse.Namespace) -> None:
    from habitus_learner.pretrain.places import Places
    from habitus_learner.pretrain.prepare import prepare
    from habitus_learner.pretrain.presets import PRESETS

    prepare(Places(options.folder), PRESETS[options.preset], options.seed, _say)


def _train(options: argparse.Namespace) -> None:
    import torch
    from tokenizers import Tokenizer

    from habitus_learner.pretrain.measure import byte_lengths, held_out_bits
    from habitus_learner.pretrain.places import Places
    from habitus_learner.pretrain.presets import PRESETS
    from habitus_learner.pretrain.train import Plan, Run

    places = Places(options.folder)
    preset = PRESETS[options.preset]
    torch.set_num_threads(options.threads)
    lengths = byte_lengths(Tokenizer.from_file(str(places.tokenizer)))
    plan = Plan(
        rows=places.rows,
        folder=places.run(options.preset),
        seed=options.seed,
        deadline=read_deadline(options, datetime.now()),
        is_compiled=not options.no_compile,
        device=options.device or ("cuda" if preset.is_bf16 else "cpu"),
        starts_anew=options.anew,
    )
    Run(preset, plan, _say).train(
        lambda model, _: _say(str(held_out_bits(model, places.held_rows, lengths, most_rows=24)))
    )


def _evaluate(options: argparse.Namespace) -> None:
    from habitus_learner.pretrain.report import evaluate

    evaluate(options.folder, options.preset, options.dtype, options.threads, _say)


def _export(options: argparse.Namespace) -> None:
    from habitus_learner.pretrain.report import export_with_card

    notes = options.notes.read_text() if options.notes else ""
    export_with_card(options.folder, options.preset, options.dtype, options.to, notes, _say)


_ACTIONS: dict[str, Callable[[argparse.Namespace], None]] = {
    "prepare": _prepare,
    "train": _train,
    "evaluate": _evaluate,
    "export": _export,
}

if __name__ == "__main__":
    sys.exit(main())
