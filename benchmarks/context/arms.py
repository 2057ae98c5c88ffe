"""Which sources each arm has, and what every arm makes of the same questions.

Promises that an arm's chunks are those it would have had at the moment, and that scores are
kept in build/bench, so that a run that ends early goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from benchmarks.context.moments import SEED, Moment, moments
from benchmarks.context.scores import Scored, Scores
from benchmarks.context.workspace import Workspace
from benchmarks.figures import OUTPUT, figure

from habitus_learner.statistics import Interval, ratio_interval
from habitus_server.context import ALL_SOURCES, Gatherer, Source, View
from habitus_server.engine import model as model_room
from habitus_server.engine.answer import Answerer
from habitus_server.engine.memory import Memory
from habitus_server.engine.model import load_model
from habitus_server.engine.wire import Place
from habitus_server.index import Finder
from habitus_server.records import Chunk

FILE, ALL = "file only", "all context"
LEAST_RATIO = 1.0
AIM = 1.15

Arms = Mapping[str, frozenset[Source]]

TWO: Arms = {FILE: frozenset(), ALL: ALL_SOURCES}
EACH: Arms = {
    **TWO,
    **{f"only {one.value}": frozenset({one}) for one in Source},
    **{f"all but {one.value}": ALL_SOURCES - {one} for one in Source},
}


class Asked:
    """A moment's question, with the chunks of every arm; the workspace may go on."""

    def __init__(self, moment: Moment, chunks: Mapping[str, tuple[Chunk, ...]]) -> None:
        self.moment = moment
        self.chunks = chunks

    def place(self, arm: str) -> Place:
        """The question as one arm puts it."""
        one = self.moment
        return Place(one.project, one.item.path, "python", one.prefix, one.suffix, self.chunks[arm])


def asked(project: str, lines: int, arms: Arms) -> Iterator[Asked]:
    """A project's questions, each with the context that its arms would have had."""
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "index.db"
        library = Workspace(index)
        finder = Finder(index)
        gatherers = {
            arm: Gatherer(library.read, finder, sources=sources) for arm, sources in arms.items()
        }
        for moment in moments(project, lines):
            library.follow(moment.files)
            view = View(
                moment.item.path, "python", moment.prefix, moment.suffix,
                recent_edits=moment.edits,
            )  # fmt: skip
            yield Asked(moment, {arm: one.gather(view) for arm, one in gatherers.items()})
        finder.close()


def open_scores() -> Scores:
    """What the embedded model, on one thread, was asked before and is asked now."""
    torch.set_num_threads(1)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    model = load_model("embedded", "cpu")
    return Scores(Answerer(model, Memory(model.tokens)), _weights(), OUTPUT / "context.jsonl")


def exact_ratio(
    questions: Sequence[Asked], every: Sequence[Scored], file_only: Sequence[Scored]
) -> dict[str, Any]:
    """Exact lines of all context ÷ of the file alone."""
    ratio = ratio_interval(
        [float(one.is_exact) for one in every],
        [float(one.is_exact) for one in file_only],
        [one.moment.cluster for one in questions],
        seed=SEED,
    )
    return shown("exact lines, all context ÷ file only, without memory", ratio, len(questions)) | {
        "target": f"≥ {AIM}, its lower bound above {LEAST_RATIO:g}",
        "holds": ratio.low > LEAST_RATIO and ratio.mean >= AIM,
    }


def gain(questions: Sequence[Asked], first: Sequence[Scored], second: Sequence[Scored]) -> Interval:
    """Bits per character of the second arm less the first's, items paired."""
    return ratio_interval(
        [b.bits - a.bits for a, b in zip(first, second, strict=True)],
        [float(len(one.moment.item.answer)) for one in questions],
        [one.moment.cluster for one in questions],
        seed=SEED,
    )


def shown(name: str, interval: Interval, n: int) -> dict[str, Any]:
    """A figure with its interval."""
    return figure(name, interval.mean, n=n, interval=(interval.low, interval.high), seed=SEED)


def _weights() -> str:
    """What tells these weights from others."""
    folder = Path(model_room.__file__).parent / model_room.EMBEDDED
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
