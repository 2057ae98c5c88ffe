"""What a large store costs: the same work in a store of 10,000 signals and of 1,000,000.

    python -m benchmarks.signals.store             at full scale: minutes, and 3 GB of disk
    python -m benchmarks.signals.store 0.05        at a twentieth

A signal is one suggestion with what became of it, in the shares that a day of typing has:
most pass by unused, a few are accepted and settle. The store is filled as a window fills
it, but in larger commits. Then, in both stores in turn: the 99th percentile of adding one
suggestion with its reaction, acknowledged on disk; "what is new for the learner" (the
lessons counted, and the rows read, of the last 200 signals); the status query. Each figure
is the ratio of the large store's median over rounds to the small one's.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from benchmarks.signals.figure import Figure, show

from habitus_server.records import Evidence, Outcome, Pattern, State
from habitus_server.store import Store
from signals.scene import suggestion

SEED = 30_009
SMALL, LARGE = 10_000, 1_000_000
ROUNDS = 9
APPENDS = 200
NEW = 200
AHEAD = 2_000
"""Signals queued before the filling waits for the disk."""
SECONDS_APART = 20.0
TARGET = 2.0

_FATES = (
    (State.SUPERSEDED, 0.80),
    (State.DISMISSED, 0.08),
    (State.EXPIRED, 0.04),
    (State.ACCEPTED, 0.08),
)


def figures(scale: float = 1.0) -> list[Figure]:
    """Ratios of the large store to the small one, and bytes for each signal."""
    small, large = round(SMALL * min(1.0, 10 * scale)), round(LARGE * scale)
    with tempfile.TemporaryDirectory() as folder:
        stores = [Bench(Path(folder) / f"{size}.db", size) for size in (small, large)]
        taken: dict[str, tuple[list[float], list[float]]] = {}
        for _ in range(ROUNDS):
            for which, bench in enumerate(stores):
                for name, seconds in bench.one_round().items():
                    taken.setdefault(name, ([], []))[which].append(seconds)
        size = stores[1].bytes_per_signal()
        for bench in stores:
            bench.store.close()
    found = [_ratio(name, *both, large) for name, both in taken.items()]
    return [*found, Figure(f"bytes for each signal ({large:,} signals)", size, large, seed=SEED)]


def _ratio(name: str, few: list[float], many: list[float], signals: int) -> Figure:
    ratios = [b / a for a, b in zip(few, many, strict=True)]
    value = statistics.median(many) / statistics.median(few)
    told = f"{statistics.median(few) * 1e3:.2f} ms → {statistics.median(many) * 1e3:.2f} ms"
    return Figure(
        f"{name}, {signals:,} signals / fewest ({told})",
        value,
        len(ratios),
        (min(ratios), max(ratios)),
        SEED,
        f"at most {TARGET}",
        value <= TARGET,
    )


class Bench:
    """A store of a given size, and what is measured in it."""

    def __init__(self, path: Path, signals: int) -> None:
        self.store = Store.open(path)
        self._path = path
        self._draw = random.Random(SEED)
        self._count = 0
        for number in range(signals):
            self._signal()
            if number % AHEAD == 0:
                self.store.barrier().result()
        self.store.barrier().result()

    def one_round(self) -> dict[str, float]:
        """Seconds of each kind of work, once."""
        appends = [self._timed(self._append) for _ in range(APPENDS)]
        since = (self._count - NEW) * SECONDS_APART
        return {
            "append p99": sorted(appends)[int(0.99 * len(appends))],
            "lessons counted": self._timed(lambda: self.store.count_lessons(since)),
            "new rows read": self._timed(lambda: self.store.suggestions(since=since)),
            "status query": self._timed(self.store.counts),
        }

    def bytes_per_signal(self) -> float:
        """The whole file, its log emptied, over the signals in it."""
        self.store.erase()
        return self._path.stat().st_size / self._count

    @staticmethod
    def _timed(work: Callable[[], object]) -> float:
        begun = time.perf_counter()
        work()
        return time.perf_counter() - begun

    def _append(self) -> None:
        self._signal()
        self.store.barrier().result()

    def _signal(self) -> None:
        """One suggestion, its fate, and now and then a piece of code written by hand."""
        self._count += 1
        at = self._count * SECONDS_APART
        name = f"{self._count:016x}"
        path = f"src/module_{self._draw.randrange(200)}.py"
        made = suggestion(_text(self._draw, 60), name, request=name, at=at, path=path)
        context = {"prefix": _text(self._draw, 4_000), "suffix": _text(self._draw, 1_500)}
        self.store.add_suggestions([msgspec.structs.replace(made, **context)])
        (state,) = self._draw.choices(*zip(*_FATES, strict=True))
        self.store.set_state(name, state, at, Evidence.INFERRED)
        if state is State.ACCEPTED:
            outcome = self._draw.choice((Outcome.KEPT, Outcome.EDITED))
            self.store.settle(name, outcome, 40, made.text, at + 1.0)
            self.store.add_patterns([_pattern(self._draw, name, path, at)])


def _pattern(draw: random.Random, name: str, path: str, at: float) -> Pattern:
    texts = [_text(draw, chars) for chars in (2_000, 500, 120)]
    return Pattern(name, path, "python", *texts, "", "s", at, at + 1.0)


_LINES = [
    "".join(random.Random(SEED + n).choices("abcdefgh _().,=:", k=40)) + "\n" for n in range(500)
]


def _text(draw: random.Random, chars: int) -> str:
    return "".join(draw.choices(_LINES, k=chars // 41 + 1))[:chars]


if __name__ == "__main__":
    show(figures(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0))
