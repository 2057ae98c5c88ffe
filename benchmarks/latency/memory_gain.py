"""What memory adds: exact lines and bits per character, on ÷ off.

At lines of three projects' histories that neither the model nor memory had seen
(`benchmarks.context.moments`): memory holds what was saved by then, and its gates learn
from each text before it is inserted. Both sides see the open file and nothing else.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import torch
from benchmarks.context.moments import PROJECTS, Moment, moments
from benchmarks.figures import SEED, figure
from benchmarks.latency import Options

from habitus_server.engine.answer import Answerer
from habitus_server.engine.memory import Memory
from habitus_server.engine.model import Model, load_model
from habitus_server.engine.wire import Complete, Place, Score, Stop

LINES = 60
"""Lines of each project; each is asked for twice, at its indentation and inside."""


def figures(options: Options) -> list[dict[str, Any]]:
    """Exact lines and bits per character with memory ÷ without."""
    torch.set_num_threads(1)
    return _on_off(load_model("embedded", "cpu"), LINES // 10 if options.small else LINES)


class _Outcome(msgspec.Struct, frozen=True):
    """One place, asked with memory and without."""

    cluster: tuple[str, str, str]
    chars: int
    bits: tuple[float, float]  # without, with
    exact: tuple[bool, bool]


def _on_off(model: Model, lines: int) -> list[dict[str, Any]]:
    outcomes = [one for project in PROJECTS for one in _asked(model, project, lines)]
    clusters: dict[tuple[str, str, str], list[_Outcome]] = {}
    for one in outcomes:
        clusters.setdefault(one.cluster, []).append(one)
    draw = random.Random(SEED)
    drawn = [
        [one for group in draw.choices(list(clusters.values()), k=len(clusters)) for one in group]
        for _ in range(1_000)
    ]
    made = []
    for name, ratio, target in (
        ("exact lines", _exact_ratio, ">= 1.3"),
        ("bits per character", _bits_ratio, "<= 0.85"),
    ):
        value = ratio(outcomes)
        resampled = sorted(ratio(some) for some in drawn)
        # Few lines are exact without memory: the interval decides, the aim stands beside it.
        holds = resampled[25] > 1.0 if ratio is _exact_ratio else value <= 0.85
        made.append(
            figure(
                f"memory: {name}, on ÷ off",
                value,
                n=len(outcomes),
                interval=(resampled[25], resampled[974]),
                target=target,
                holds=holds,
            )
        )
    return [
        *made,
        figure("memory: exact lines, off", sum(o.exact[0] for o in outcomes), n=len(outcomes)),
        figure("memory: exact lines, on", sum(o.exact[1] for o in outcomes), n=len(outcomes)),
    ]


def _exact_ratio(outcomes: Sequence[_Outcome]) -> float:
    """Where none is exact without memory, as if one were: the ratio is understated."""
    return sum(o.exact[1] for o in outcomes) / max(1, sum(o.exact[0] for o in outcomes))


def _bits_ratio(outcomes: Sequence[_Outcome]) -> float:
    return sum(o.bits[1] for o in outcomes) / sum(o.bits[0] for o in outcomes)


def _asked(model: Model, project: str, lines: int) -> Iterator[_Outcome]:
    """Every moment of a project with memory and without; memory takes in what was written."""
    desk = Answerer(model, Memory(model.tokens))
    known: dict[str, str] = {}
    for moment in moments(project, lines):
        _keep_up(desk, moment, known)
        place = Place(project, moment.item.path, "python", moment.prefix, moment.suffix)
        bits, exact = [], []
        for use_memory in (False, True):
            scored = desk.score(Score(1, place, moment.item.answer, use_memory=use_memory))
            stop = Stop(max_tokens=64)
            done = desk.complete(Complete(2, "x", place, stop=stop, use_memory=use_memory))
            bits.append(scored.bits)
            exact.append(done.candidates[0].text.rstrip() == moment.item.answer)
        yield _Outcome(
            moment.cluster, len(moment.item.answer), (bits[0], bits[1]), (exact[0], exact[1])
        )


def _keep_up(desk: Answerer, moment: Moment, known: dict[str, str]) -> None:
    """Remember what was saved since the moment before; the gates learn from it first."""
    learn = bool(known)
    for path in known.keys() - moment.files.keys():
        desk.memory.forget(moment.project, path)
        del known[path]
    for path, text in moment.files.items():
        if known.get(path) != text:
            desk.memory.remember(moment.project, path, text, learn=learn)
            known[path] = text
    while desk.study(lambda: None):
        pass
