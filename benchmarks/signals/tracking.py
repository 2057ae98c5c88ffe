"""What tracking costs: a didChange in a large file with many suggestions in it.

    python -m benchmarks.signals.tracking

Each change is handled once by pygls' own document and once by this server's rooms (decode,
buffer, tracked suggestions, handwriting), in turn, so that a busy machine slows both; times
are processor time. The figure is the ratio of the two 99th percentiles, the median over
several runs, with the smallest and the largest as its interval.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable

from benchmarks.signals.figure import Figure, show
from lsprotocol import types
from pygls.workspace import PositionCodec, TextDocument

from habitus_server.lsp import convert
from signals.window import Window

SEED = 30_001
LINES = 20_000
SPANS = 50
CHANGES = 400
RUNS = 5
TARGET = 1.0


def figures(runs: int = RUNS, changes: int = CHANGES) -> list[Figure]:
    """The ratio of the 99th percentiles, and the milliseconds behind it."""
    draw = random.Random(SEED)
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(runs):
        habitus, pygls = one_run(draw, changes)
        ours.append(_p99(habitus))
        theirs.append(_p99(pygls))
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    ratio = statistics.median(ratios)
    count = runs * changes
    where = f"{LINES} lines, {SPANS} spans"
    return [
        Figure(
            f"didChange p99, Habitus / pygls ({where})",
            ratio,
            count,
            (min(ratios), max(ratios)),
            SEED,
            f"at most {TARGET:g}",
            ratio <= TARGET,
        ),
        Figure("didChange p99, Habitus (ms)", statistics.median(ours), count, seed=SEED),
        Figure("didChange p99, pygls (ms)", statistics.median(theirs), count, seed=SEED),
    ]


def one_run(draw: random.Random, changes: int) -> tuple[list[float], list[float]]:
    """Milliseconds for each change: this server's and pygls'."""
    window = crowded(draw)
    document = TextDocument(
        window.uri, window.text, 1, position_codec=PositionCodec(types.PositionEncodingKind.Utf16)
    )
    ours, theirs = [], []
    line = 0
    for number in range(changes):
        if number % 20 == 0:
            line = draw.randrange(LINES)
        window.now += 0.1
        params = keystroke(draw, window, line)
        mine = lambda: window.take_event(convert.to_changed(params))  # noqa: E731, B023
        other = lambda: document.apply_change(params.content_changes[0])  # noqa: E731, B023
        for work, into in draw.sample([(mine, ours), (other, theirs)], 2):
            into.append(_milliseconds(work))
    assert document.source == window.text
    return ours, theirs


def crowded(draw: random.Random) -> Window:
    """A long file with accepted suggestions all over it, none of them settled."""
    text = "".join(f"    value_{n} = compute(alpha, {n})  # line\n" for n in range(LINES))
    window = Window(f"‸{text}")
    for number in range(SPANS):
        window.cursor = window.buffer.line_end(draw.randrange(LINES))
        window.offer(f"\n    accepted_{number} = check({number})", f"s{number}")
        window.accept(f"s{number}", after_s=0.01)
    return window


def keystroke(draw: random.Random, window: Window, line: int) -> types.DidChangeTextDocumentParams:
    """A key pressed on a line, as an editor sends it."""
    length = len(window.buffer.line(line))
    at = types.Position(line, draw.randrange(length + 1))
    end = types.Position(line, min(length, at.character + draw.choice([0, 0, 0, 1])))
    text = draw.choice(["x", "y", "(", " ", "\n    "]) if end == at else ""
    return types.DidChangeTextDocumentParams(
        types.VersionedTextDocumentIdentifier(2, window.uri),
        [types.TextDocumentContentChangePartial(types.Range(at, end), text)],
    )


def _milliseconds(work: Callable[[], object]) -> float:
    start = time.thread_time()
    work()
    return (time.thread_time() - start) * 1_000


def _p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


if __name__ == "__main__":
    show(figures())
