"""The heavy part of a cycle, in a child process: `python -P -m habitus_learner.job FOLDER`.

Promises that each stage leaves its result whole in the work folder, so that a killed
job takes up the stage it was in; all memory goes back to the system when it ends. The
parent hears lines of JSON; nothing is published here.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import msgspec
import psutil
import torch
from safetensors.torch import load_file

from habitus_learner import gate, judged, measure
from habitus_learner.courtesy import Courtesy, stand_back
from habitus_learner.dataset import Layout
from habitus_learner.examples import count_by_kind
from habitus_learner.gate import Ruling
from habitus_learner.places import items_of
from habitus_learner.planner import Fit, Hardware, Plan, Size, fit
from habitus_learner.tempering import Origin
from habitus_learner.train import Run
from habitus_learner.trainee import Trainee, load_trainee, save_adapter, set_adapter_state
from habitus_learner.workfolder import (
    CANDIDATE,
    CHECKPOINT,
    COMPARED,
    FAILED,
    GATE,
    MAX_GATE_ITEMS,
    RULING,
    TRAIN,
    TRAINED,
    Progress,
    Trained,
    lock_file,
    read,
    read_examples,
    read_plan,
    read_ruling,
    write,
)
from habitus_server import adapters
from habitus_server.adapters import Manifest
from habitus_server.engine.answer import Answerer
from habitus_server.engine.fim import Budget, template_from_vocabulary
from habitus_server.engine.memory import Memory
from habitus_server.engine.model import choose_device, find_folder, load_model
from habitus_server.engine.tokens import load_tokens
from habitus_server.errors import HabitusError, ModelError, TrainingError
from habitus_server.records import AdapterRef
from habitus_server.workspaces import locked

RANK = int(os.environ.get("RANK", "0"))
"""Which process of several this is: accelerate starts one per GPU, and the first leads."""

TRAINING_SHARE = 0.75
"""Of a cycle's minutes; what comparing leaves of the rest is for loading."""

COMPARING_SHARE = 0.2


def work(folder: Path) -> None:
    """Train and judge as the folder's plan says, from wherever an earlier job was killed."""
    plan = read_plan(folder)
    if plan is None:
        raise TrainingError(f"There is no plan in {folder}; nothing was trained.")
    if plan.busy_markers:
        stand_back()
    torch.set_num_threads(plan.threads or psutil.cpu_count(logical=False) or 1)
    device = choose_device(_kind(plan.device))
    if device.type == "cuda" and "LOCAL_RANK" in os.environ:
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    base = find_folder(plan.model, allow_hub=plan.loads_hub_models)
    plan = msgspec.structs.replace(plan, incumbent=_usable(plan.incumbent, base))
    if read(folder / TRAINED, Trained) is None:
        trainee, trained = _train(plan, folder, base, device)
        if RANK:
            return
        _write_candidate(plan, folder, base, trainee, trained.share)
        write(folder / TRAINED, trained)
        (folder / CHECKPOINT).unlink(missing_ok=True)
        del trainee
    if RANK == 0 and read_ruling(folder) is None:
        write(folder / RULING, _judge(plan, folder))


def _kind(device: str) -> str:
    """A device without its number: which GPUs this process sees was decided by its parent."""
    return device.partition(":")[0]


def _usable(incumbent: AdapterRef | None, base: Path) -> AdapterRef | None:
    """The incumbent, unless the base model has changed since: then base weights serve."""
    if incumbent is None:
        return None
    try:
        adapters.verify(Path(incumbent.path), base_sha256=adapters.hash_base(base))
    except ModelError:
        return None
    return incumbent


def load_layout(base: Path, name: str, budget: Budget) -> Layout:
    """How the model of a folder is prompted, without its weights."""
    tokens = load_tokens(base, name=name)
    config = json.loads((base / "config.json").read_bytes())
    habitus = config.get("habitus")
    suffix_first = isinstance(habitus, dict) and habitus.get("suffix_first") is True
    template = template_from_vocabulary(tokens.special, name=name, suffix_first=suffix_first)
    return Layout(template, tokens.encode, budget)


def _train(plan: Plan, folder: Path, base: Path, device: torch.device) -> tuple[Trainee, Trained]:
    hyper = plan.hyper
    tell(Progress("preparing", 0.0))
    torch.manual_seed(plan.seed)
    layout = load_layout(
        base, plan.model, Budget(hyper.prefix_tokens, hyper.suffix_tokens, context=0)
    )
    trainee = load_trainee(base, plan.model, device, hyper)
    origin = None
    if hyper.continues and plan.incumbent is not None:
        origin = continue_from(trainee, Path(plan.incumbent.path))
    layers = _fit(trainee, device, trainee.hyper.step_tokens)
    if layers.has_checkpointing:
        trainee.recompute_layers()
    markers = Path(plan.busy_markers) if plan.busy_markers else None
    run = Run(
        msgspec.structs.replace(plan, minutes=plan.minutes * TRAINING_SHARE, hyper=trainee.hyper),
        trainee,
        layout,
        read_examples(folder / TRAIN),
        batch_tokens=layers.batch_tokens,
        courtesy=Courtesy(markers, plan.idle_seconds, now=time.time, sleep=time.sleep),
        origin=origin,
        tell=lambda line: tell(
            msgspec.structs.replace(line, progress=line.progress * TRAINING_SHARE)
        ),
    )
    return trainee, run.train()


def continue_from(trainee: Trainee, incumbent: Path) -> Origin | None:
    """Take over an adapter's weights, if they are of this run's shape and scale, and set the rate
    at which a run goes on from one; None where they are not."""
    made_with = adapters.read_manifest(incumbent).hyper_parameters
    hyper = trainee.hyper
    scale = (hyper.rank, hyper.alpha, hyper.temper)
    if tuple(made_with.get(name) for name in ("rank", "alpha", "temper")) != scale:
        return None
    state = load_file(incumbent / adapters.WEIGHTS)
    set_adapter_state(trainee, state)
    rate = hyper.learning_rate * hyper.continued_rate
    trainee.hyper = msgspec.structs.replace(hyper, learning_rate=rate)
    return Origin(state, float(made_with.get("cutoff", 0.0)))


def _fit(trainee: Trainee, device: torch.device, step_tokens: int) -> Fit:
    config = trainee.model.config
    size = Size(
        parameters=sum(p.numel() for p in trainee.parameters()),
        adapter_parameters=sum(p.numel() for p in trainee.parameters() if p.requires_grad),
        width=int(config.hidden_size),
        layers=int(config.num_hidden_layers),
        vocabulary=int(config.vocab_size),
        element_bytes=2 if device.type == "cuda" else 4,
        is_copied=trainee.copies_weights,
    )
    if device.type == "cuda":
        free = torch.cuda.mem_get_info(device)[0]
    else:
        free = psutil.virtual_memory().available
    # The weights lie in memory already, and are counted again by `fit`.
    free += size.parameters * size.element_bytes
    found = fit(Hardware(device.type == "cpu", free), size, step_tokens=step_tokens)
    if found is None:
        raise TrainingError(
            f"Training needs more memory than the {free >> 20} MiB that are free; close "
            "something, or choose a smaller model."
        )
    return found


def _write_candidate(plan: Plan, folder: Path, base: Path, trainee: Trainee, share: float) -> None:
    """The candidate in the form in which the engine loads published adapters."""
    candidate = folder / CANDIDATE
    shutil.rmtree(candidate, ignore_errors=True)
    candidate.mkdir(mode=0o700)
    save_adapter(trainee, candidate)
    shutil.copyfile(folder / TRAIN, candidate / adapters.EXAMPLES)
    manifest = Manifest(
        format=adapters.FORMAT,
        version=CANDIDATE,
        base_model=plan.model,
        base_sha256=adapters.hash_base(base),
        created_at=time.time(),
        parent=plan.incumbent.version if plan.incumbent else None,
        seed=plan.seed,
        files={name: adapters.hash_file(candidate / name) for name in adapters.REQUIRED},
        examples=count_by_kind(read_examples(folder / TRAIN)),
        hyper_parameters={
            **msgspec.to_builtins(trainee.hyper),
            "minutes": plan.minutes,
            "cutoff": plan.cutoff,
            "share": share,
        },
        figures={},
        verdict="",
    )
    (candidate / adapters.MANIFEST).write_bytes(msgspec.json.encode(manifest))


def _judge(plan: Plan, folder: Path) -> Ruling:
    tell(Progress("judging", TRAINING_SHARE))
    held_out = read_examples(folder / GATE)
    items = items_of(held_out, seed=plan.seed, limit=MAX_GATE_ITEMS)
    model = load_model(plan.model, _kind(plan.device), allow_hub=plan.loads_hub_models)
    answerer = Answerer(model, Memory(model.tokens))
    candidate = AdapterRef(CANDIDATE, str(folder / CANDIDATE))
    compared = measure.compare(
        answerer,
        items,
        incumbent=plan.incumbent,
        candidate=candidate,
        budget_s=60.0 * plan.minutes * COMPARING_SHARE,
        tell=lambda share: tell(
            Progress("judging", TRAINING_SHARE + share * (1.0 - TRAINING_SHARE))
        ),
    )
    write(folder / COMPARED, compared)
    judged.leave(folder / CANDIDATE, judged.describe(held_out, items, compared))
    return gate.rule(compared, measure.probe(answerer, candidate, seed=plan.seed), seed=plan.seed)


def tell(line: Progress) -> None:
    """Write a line to the parent; where that has gone, there is nobody to work for."""
    if RANK:
        return
    try:
        sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os._exit(FAILED)


def main(arguments: Sequence[str]) -> int:
    """Do the work of the folder that is named."""
    folder = Path(arguments[0])
    try:
        # A job whose parent was killed may still be in its last batch.
        with locked(lock_file(folder)) if RANK == 0 else nullcontext():
            work(folder)
    except HabitusError as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
