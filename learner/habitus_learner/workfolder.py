"""The folder in which a cycle's parent and its child process meet.

Promises that a plan is there only when everything it needs is, and that every result
is whole. Knows the files' names and forms; neither runs anything nor imports torch.

    train.jsonl  gate.jsonl  then plan.json     written by the parent, the plan last
    checkpoint.pt                               while training
    candidate/  then trained.json               once trained
    compared.json  then ruling.json             once judged
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from habitus_learner.examples import Example
from habitus_learner.gate import Ruling
from habitus_learner.planner import Plan
from habitus_learner.split import Split
from habitus_server.workspaces import Workspace, locked, private_dir, write_atomically

PLAN = "plan.json"
TRAIN = "train.jsonl"
GATE = "gate.jsonl"
CHECKPOINT = "checkpoint.pt"
TRAINED = "trained.json"
COMPARED = "compared.json"
RULING = "ruling.json"
CANDIDATE = "candidate"
LOG = "job.log"

TRAINING_LOCK = "training.lock"
"""In the state folder: one job per machine at a time."""

FAILED = 3
"""The child's exit status for a deliberate failure, whose message is on stderr."""

MAX_GATE_ITEMS = 480
"""Places that are compared where the time for it allows."""

_T = TypeVar("_T")


class Progress(msgspec.Struct, frozen=True):
    """A line that the child writes to its parent."""

    stage: str
    progress: float
    step: int = 0
    loss: float = 0.0


class Trained(msgspec.Struct, frozen=True):
    """What a finished training run did; losses are means over its first and last steps, and
    `share` is the part of what was learned that is served."""

    steps: int
    passes: int
    tokens: int
    active_s: float
    first_loss: float
    last_loss: float
    best_step: int
    share: float


def work_folder(workspace: Workspace) -> Path:
    """Where a workspace's cycle is worked on."""
    return workspace.folder / "cycle"


def lock_file(folder: Path) -> Path:
    """Held by the job that works in a folder: one whose parent was killed may still finish
    a batch while the next parent is there already."""
    return folder.with_suffix(".lock")


def lay_out(plan: Plan, split: Split) -> Path:
    """Write everything that a job needs into an emptied folder; its plan comes last."""
    folder = Path(plan.folder)
    with locked(lock_file(folder)):
        clear(folder)
        private_dir(folder)
        write_examples(folder / TRAIN, split.train)
        write_examples(folder / GATE, split.gate)
        write(folder / PLAN, plan)
    return folder


def clear(folder: Path) -> None:
    """Remove a work folder; its plan goes first, so that nobody resumes half of it."""
    (folder / PLAN).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def read(path: Path, kind: type[_T]) -> _T | None:
    """A result, or None where there is none yet."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None


def write(path: Path, value: object) -> None:
    """Leave a result."""
    write_atomically(path, msgspec.json.encode(value))


def read_plan(folder: Path) -> Plan | None:
    """The plan of an unfinished cycle, or None."""
    return read(folder / PLAN, Plan)


def read_ruling(folder: Path) -> Ruling | None:
    """The ruling of a judged cycle, or None."""
    return read(folder / RULING, Ruling)


def read_examples(path: Path) -> list[Example]:
    """The examples of a JSON-lines file."""
    return msgspec.json.Decoder(Example).decode_lines(path.read_bytes())


def write_examples(path: Path, examples: Sequence[Example]) -> None:
    """Write examples as JSON lines."""
    write_atomically(path, msgspec.json.Encoder().encode_lines(examples))
