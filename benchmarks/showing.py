"""Is the estimate that a suggestion is kept worth showing or hiding by?

    python -m benchmarks.showing [--fit] [--lines 150]

The changed lines of real releases (the older one in memory) are asked as the replay asks
them; a suggestion counts as kept where the replay's developer accepts it, whole or in part.
Each package is judged by weights fitted on the others; `--fit` prints the weights over all,
which `habitus_server/showing.py` ships.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import random
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import OUTPUT, SEED, figure, report

from habitus_learner.history import Commit, FileChange
from habitus_learner.replay.developer import Reaction as Did
from habitus_learner.replay.developer import decide
from habitus_learner.replay.items import Item, list_items, sample_lines
from habitus_learner.replay.releases import fetch_archives, read_release
from habitus_server import postprocess, showing
from habitus_server.config import Completion
from habitus_server.ending import stop_at
from habitus_server.engine.answer import Answerer
from habitus_server.engine.memory import Memory
from habitus_server.engine.model import load_model
from habitus_server.engine.wire import Complete, Place
from habitus_server.session import Opened, Session, Snapshot
from habitus_server.showing import Reaction
from habitus_server.text import PositionEncoding

RELEASES = {
    "h11": ("0.13.0", "0.16.0"),
    "humanize": ("4.4.0", "4.12.0"),
    "sqlite-utils": ("3.30", "3.38"),
}
EAGERNESS = Completion().eagerness


def main() -> int:
    """Ask, fit, judge and print."""
    options = _options()
    seen = {name: list(_reactions(name, options.lines)) for name in RELEASES}
    if options.fit:
        every = [one for rows in seen.values() for one in rows]
        print("DEFAULTS =", tuple(round(w, 2) for w in _fit(every)))
    judged: list[tuple[float, bool]] = []
    for name, rows in seen.items():
        others = [one for other, some in seen.items() if other != name for one in some]
        weights = _fit(others)
        judged += [(showing.chance(weights, one.features), one.is_kept) for one in rows]
    return report("showing", _figures(judged))


def _fit(rows: list[Reaction]) -> tuple[float, ...]:
    """From nothing: only what a replay has no example of keeps its hand-set weight."""
    prior = (*(0.0,) * 9, *showing.DEFAULTS[9:])
    return showing.fit(rows, prior, strength=5.0)


def _figures(judged: list[tuple[float, bool]]) -> list[dict[str, object]]:
    share = sum(kept for _, kept in judged) / len(judged)
    brier = sum((p - kept) ** 2 for p, kept in judged) / len(judged)
    order = sorted(judged)
    tenths = [order[len(order) * i // 10 : len(order) * (i + 1) // 10] for i in range(10)]
    gaps = [abs(sum(p for p, _ in t) - sum(k for _, k in t)) / len(order) for t in tenths]
    shown = [kept for p, kept in judged if p >= showing.threshold_of(EAGERNESS)]
    lost = 1 - sum(shown) / max(1, sum(kept for _, kept in judged))
    n = len(judged)
    base = share * (1 - share)
    return [
        figure("share kept of all", share, n=n),
        figure("Brier score ÷ always guessing the share", brier / base, n=n, target="< 1",
               holds=brier < base),
        figure("calibration error over ten groups", sum(gaps), n=n, target="<= 0.1",
               holds=sum(gaps) <= 0.1),
        figure("share shown at the default eagerness", len(shown) / n, n=n),
        figure("share kept of the shown", sum(shown) / max(1, len(shown)), n=n),
        figure("kept ones that stay hidden", lost, n=n),
    ]  # fmt: skip


def _reactions(package: str, lines: int) -> Iterator[Reaction]:
    old, new = (
        read_release(path, version).files
        for path, version in zip(
            fetch_archives(package, RELEASES[package], OUTPUT / "releases"),
            RELEASES[package],
            strict=True,
        )
    )
    texts = [
        {path: data.decode("utf-8", "replace") for path, data in one.items()} for one in (old, new)
    ]
    changes = [
        FileChange(path, path, texts[0].get(path, ""), text)
        for path, text in sorted(texts[1].items())
        if texts[0].get(path) != text
    ]
    commit = Commit(package, 0.0, "")
    items = sample_lines(list_items(commit, changes, seed=SEED), lines, seed=SEED)
    model = load_model("embedded", "cpu")
    memory = Memory(model.tokens)
    for path, text in texts[0].items():
        memory.remember("w", path, text)
    while memory.tidy():
        pass
    desk = Answerer(model, memory)
    draw = random.Random(SEED)
    for item in items:
        reaction = _ask(desk, item, texts[1][item.path], draw)
        if reaction is not None:
            yield reaction


def _ask(desk: Answerer, item: Item, text: str, draw: random.Random) -> Reaction | None:
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
    did = decide(trimmed.text, item.answer, following, draw).reaction
    return Reaction(
        showing.features(candidate, trimmed.text, snapshot), did in (Did.ACCEPT, Did.ACCEPT_PART)
    )


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
    parser.add_argument("--lines", type=int, default=150, help="changed lines of each package")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
