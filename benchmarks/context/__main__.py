"""Measure every arm, print a table and write build/bench/context.json."""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from benchmarks.context.moments import PROJECTS, SEED, Moment, moments
from benchmarks.context.scores import Scored, Scores
from benchmarks.context.workspace import Workspace
from benchmarks.figures import OUTPUT, figure, report

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
ARMS: dict[str, frozenset[Source]] = {
    FILE: frozenset(),
    ALL: ALL_SOURCES,
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


def main() -> int:
    """Score arm by arm, as far as the time goes; 1 when a target is missed or time ran out."""
    options = _options()
    torch.set_num_threads(1)
    deadline = time.monotonic() + 60 * options.minutes
    asked = [one for project in PROJECTS for one in _asked(project, options.lines)]
    model = load_model("embedded", "cpu")
    OUTPUT.mkdir(parents=True, exist_ok=True)
    scores = Scores(Answerer(model, Memory(model.tokens)), _weights(), OUTPUT / "context.jsonl")
    scored: dict[str, list[Scored]] = {}
    for arm in ARMS:
        scored[arm] = []
        for one in asked:
            if time.monotonic() > deadline:
                print(f"Time is up in the arm `{arm}`; run again to go on.")
                return 1
            scored[arm].append(scores.score(one.place(arm), one.moment.item.answer))
        print(f"scored: {arm}", file=sys.stderr, flush=True)
    return report("context", figures(asked, scored))


def _asked(project: str, lines: int) -> Iterator[Asked]:
    """A project's questions, each with the context that its arms would have had."""
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "index.db"
        library = Workspace(index)
        finder = Finder(index)
        gatherers = {
            arm: Gatherer(library.read, finder, sources=sources) for arm, sources in ARMS.items()
        }
        for moment in moments(project, lines):
            library.follow(moment.files)
            item = moment.item
            view = View(
                item.path, "python", moment.prefix, moment.suffix, recent_edits=moment.edits
            )
            yield Asked(moment, {arm: one.gather(view) for arm, one in gatherers.items()})
        finder.close()


def figures(asked: Sequence[Asked], scored: Mapping[str, Sequence[Scored]]) -> list[dict[str, Any]]:
    """Bits per character of each arm with its gain over the file alone, and exact lines."""
    chars = [len(one.moment.item.answer) for one in asked]
    found: list[dict[str, Any]] = []
    for arm, scores in scored.items():
        bits = sum(one.bits for one in scores) / sum(chars)
        found.append(figure(f"{arm}: bits per character", bits, n=len(asked), seed=SEED))
        if arm != FILE:
            gain = _gain(asked, scored[FILE], scores)
            found.append(_shown(f"{arm}: bits per character − file only", gain, len(asked)))
        exact = sum(one.is_exact for one in scores)
        found.append(figure(f"{arm}: exact lines", exact, n=len(asked), seed=SEED))
    for one in Source:
        less = scored[f"all but {one.value}"]
        gain = _gain(asked, less, scored[ALL])
        found.append(
            _shown(f"bits per character, all context − all but {one.value}", gain, len(asked))
        )
    for project in PROJECTS:
        own = [n for n, one in enumerate(asked) if one.moment.project == project]
        gain = _gain(
            [asked[n] for n in own],
            [scored[FILE][n] for n in own],
            [scored[ALL][n] for n in own],
        )
        found.append(
            _shown(f"{project}: bits per character, all context − file only", gain, len(own))
        )
    ratio = ratio_interval(
        [float(one.is_exact) for one in scored[ALL]],
        [float(one.is_exact) for one in scored[FILE]],
        [one.moment.cluster for one in asked],
        seed=SEED,
    )
    holds = ratio.low > LEAST_RATIO and ratio.mean >= AIM
    target = f"≥ {AIM}, its lower bound above {LEAST_RATIO:g}"
    name = "exact lines, all context ÷ file only, without memory"
    found.append(_shown(name, ratio, len(asked)) | {"target": target, "holds": holds})
    return found


def _gain(asked: Sequence[Asked], first: Sequence[Scored], second: Sequence[Scored]) -> Interval:
    """Bits per character of the second arm less the first's, items paired."""
    return ratio_interval(
        [b.bits - a.bits for a, b in zip(first, second, strict=True)],
        [float(len(one.moment.item.answer)) for one in asked],
        [one.moment.cluster for one in asked],
        seed=SEED,
    )


def _shown(name: str, interval: Interval, n: int) -> dict[str, Any]:
    return figure(name, interval.mean, n=n, interval=(interval.low, interval.high), seed=SEED)


def _weights() -> str:
    """What tells these weights from others."""
    folder = Path(model_room.__file__).parent / model_room.EMBEDDED
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.context")
    parser.add_argument("--lines", type=int, default=200, help="lines of each project")
    parser.add_argument("--minutes", type=float, default=60.0, help="when to stop")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
