"""Is the estimate that a suggestion is kept worth showing or hiding by?

    python -m benchmarks.showing [--fit] [--lines 240]

Releases of three projects are written again, each asked at changed lines with the ones before
it in memory; what a suggestion is worth is what the replay's developer retains of it, in
characters. Weights start from those fitted on the other two projects and are refitted, as in
service, on the earlier releases of the same one; the threshold is the highest at which 99% of
the earlier retained characters would have been shown. Judged is what the later releases then
show. `--fit` prints the weights over everything, which `habitus_server/showing.py` ships.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from benchmarks.context.moments import ARCHIVES, PROJECTS
from benchmarks.figures import OUTPUT, SEED, figure, report

from habitus_learner.history import Commit, FileChange
from habitus_learner.replay.developer import Reaction as Did
from habitus_learner.replay.developer import decide, kept_characters
from habitus_learner.replay.items import Item, list_items, sample_lines
from habitus_learner.replay.releases import fetch_archives, read_release
from habitus_server import postprocess, showing
from habitus_server.config import Completion
from habitus_server.ending import stop_at
from habitus_server.engine.answer import Answerer
from habitus_server.engine.memory import Memory
from habitus_server.engine.model import load_model
from habitus_server.engine.wire import Complete, Place
from habitus_server.positions import PositionEncoding
from habitus_server.session import Opened, Session, Snapshot
from habitus_server.showing import Reaction

CACHE = OUTPUT / "showing"
LINES = 240
EARLIER_KEPT = 0.99
"""Of the earlier retained characters; the figure asks for 98% of the later."""


class Row(msgspec.Struct, frozen=True):
    """One suggestion; `step` counts releases, `retained` characters."""

    step: int
    cluster: str
    features: tuple[float, ...]
    retained: int


class Judged(msgspec.Struct, frozen=True):
    """A later suggestion: its estimate, whether that was enough, and what it was worth."""

    cluster: str
    chance: float
    is_shown: bool
    retained: int


def main() -> int:
    """Ask, fit, judge and print."""
    options = _options()
    if options.fit:
        every = [one for name in PROJECTS for one in _rows(name, options.lines)]
        print("DEFAULTS =", tuple(round(w, 2) for w in _fit(every)))
    return report("showing", figures(options.lines))


def figures(lines: int) -> list[dict[str, Any]]:
    """The figures of this bench, from so many changed lines of each project."""
    seen = {name: _rows(name, lines) for name in PROJECTS}
    return _figures([one for name in seen for one in _later(seen, name)])


def _later(seen: dict[str, list[Row]], name: str) -> Iterator[Judged]:
    """A project's later half, judged by what was known before it."""
    others = [one for other, rows in seen.items() if other != name for one in rows]
    middle = max(one.step for one in seen[name]) / 2
    early = [one for one in seen[name] if one.step <= middle]
    weights = _fit(early, _fit(others), showing.STRENGTH)
    threshold = _threshold([(showing.chance(weights, one.features), one.retained) for one in early])
    for one in seen[name]:
        if one.step > middle:
            chance = showing.chance(weights, one.features)
            yield Judged(one.cluster, chance, chance >= threshold, one.retained)


def _threshold(early: Sequence[tuple[float, int]]) -> float:
    left = EARLIER_KEPT * sum(retained for _, retained in early)
    for chance, retained in sorted(early, reverse=True):
        left -= retained
        if left <= 0.0:
            return chance
    return 0.0


def _fit(
    rows: Sequence[Row], prior: tuple[float, ...] | None = None, strength: float = 5.0
) -> tuple[float, ...]:
    """Without a prior from nothing: only what a replay has no example of keeps its weight."""
    start = prior or (*(0.0,) * 9, *showing.DEFAULTS[9:])
    return showing.fit(
        [Reaction(one.features, one.retained > 0) for one in rows], start, strength=strength
    )


def _figures(judged: Sequence[Judged]) -> list[dict[str, Any]]:
    n = len(judged)
    share = sum(one.retained > 0 for one in judged) / n
    brier = sum((one.chance - (one.retained > 0)) ** 2 for one in judged) / n
    base = share * (1 - share)
    order = sorted(judged, key=lambda one: one.chance)
    tenths = [order[n * i // 10 : n * (i + 1) // 10] for i in range(10)]
    gaps = [
        abs(sum(one.chance for one in t) - sum(one.retained > 0 for one in t)) / n for t in tenths
    ]
    shown, kept = _shown(judged), _kept(judged)
    return [
        figure("suggestions of which something is retained", share, n=n),
        figure("Brier score ÷ always guessing the share", brier / base, n=n, target="< 1",
               holds=brier < base),
        figure("calibration error over ten groups", sum(gaps), n=n, target="<= 0.1",
               holds=sum(gaps) <= 0.1),
        figure("shown with the filter ÷ without", shown, n=n, interval=_interval(judged, _shown),
               target="<= 0.79", holds=shown <= 0.79),
        figure("retained characters with the filter ÷ without", kept, n=n,
               interval=_interval(judged, _kept), target=">= 0.98", holds=kept >= 0.98),
    ]  # fmt: skip


def _shown(judged: Sequence[Judged]) -> float:
    return sum(one.is_shown for one in judged) / len(judged)


def _kept(judged: Sequence[Judged]) -> float:
    every = sum(one.retained for one in judged)
    return sum(one.retained for one in judged if one.is_shown) / max(1, every)


def _interval(
    judged: Sequence[Judged], statistic: Callable[[Sequence[Judged]], float]
) -> tuple[float, float]:
    """95% of bootstrap draws of whole files."""
    files: dict[str, list[Judged]] = {}
    for one in judged:
        files.setdefault(one.cluster, []).append(one)
    draw = random.Random(SEED)
    values = [
        statistic([one for some in draw.choices([*files.values()], k=len(files)) for one in some])
        for _ in range(1_000)
    ]
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


# --- asking -----------------------------------------------------------------------------


def _rows(name: str, lines: int) -> list[Row]:
    """A project's suggestions in the order of its releases, asked once and then remembered."""
    cache = CACHE / f"{name}-{lines}.json"
    if not cache.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        cache.write_bytes(msgspec.json.encode([*_asked(name, lines)]))
    return msgspec.json.decode(cache.read_bytes(), type=list[Row])


def _asked(name: str, lines: int) -> Iterator[Row]:
    versions = PROJECTS[name]
    archives = fetch_archives(name, versions, ARCHIVES / name)
    releases = [
        {
            path: data.decode("utf-8", "replace")
            for path, data in read_release(archive, version).files.items()
        }
        for archive, version in zip(archives, versions, strict=True)
    ]
    model = load_model("embedded", "cpu")
    desk = Answerer(model, Memory(model.tokens))
    _remember(desk, {}, releases[0])
    for step, (old, new) in enumerate(itertools.pairwise(releases), start=1):
        changes = [
            FileChange(path, path, old.get(path, ""), text)
            for path, text in sorted(new.items())
            if old.get(path) != text
        ]
        every = list_items(Commit(f"{name}{step}", 0.0, ""), changes, seed=SEED)
        draw = random.Random(SEED + step)
        for item in sample_lines(every, lines // (len(versions) - 1), seed=SEED):
            row = _ask(desk, item, new[item.path], draw, step)
            if row is not None:
                yield row
        _remember(desk, old, new)


def _remember(desk: Answerer, old: dict[str, str], new: dict[str, str]) -> None:
    for path, text in new.items():
        if old.get(path) != text:
            desk.memory.remember("w", path, text, learn=bool(old))
    while desk.study(lambda: None):
        pass


def _ask(desk: Answerer, item: Item, text: str, draw: random.Random, step: int) -> Row | None:
    snapshot, following = _snapshot(item, text)
    stop = stop_at(snapshot, Completion())
    place = Place("w", item.path, "python", snapshot.prefix, snapshot.suffix)
    candidate = desk.complete(Complete(1, "w", place, stop=stop)).candidates[0]
    trimmed = postprocess.trim(
        candidate.text,
        prefix=snapshot.prefix,
        suffix=snapshot.suffix,
        language="python",
        mode=stop.mode,
    )
    if trimmed is None:
        return None
    decision = decide(trimmed.text, item.answer, following, draw)
    retained = len(decision.taken)
    if decision.reaction is Did.ACCEPT_THEN_EDIT:
        retained = kept_characters(decision.taken, item.answer)
    elif decision.reaction is Did.ACCEPT_THEN_REVERT:
        retained = 0
    seen = showing.features(candidate, trimmed.text, snapshot)
    return Row(step, f"{item.commit} {item.path}", seen, retained)


def _snapshot(item: Item, text: str) -> tuple[Snapshot, list[str]]:
    """The place while its line is written, with the rest of the line and the next 12 gone."""
    lines = text.split("\n")
    above = "\n".join([*lines[: item.line], lines[item.line][: item.column]])
    following = lines[item.line + 1 : item.line + 13]
    below = "\n" + "\n".join(lines[item.line + 13 :])
    session = Session()
    uri = Path("/w", item.path).as_uri()
    session.apply(Opened(uri, "python", 1, above + below))
    document = session.document(uri)
    assert document is not None
    place = document.buffer.position_at(len(above), PositionEncoding.UTF16)
    snapshot = session.snapshot(uri, place)
    assert snapshot is not None
    return snapshot, following


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--lines", type=int, default=LINES, help="changed lines of each project")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
