"""The workspace index as workspaces grow: what it costs to build, to ask and to keep current.

Made-up projects of 1,000, 10,000 and 50,000 Python files (about 2 KB each, names that are as
unevenly common as in real code) are read through the very rooms that a window uses: rules,
redaction, cutting, writing. Questions are the words around places of those files.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.figures import SEED, figure, median_interval, ratio_interval
from benchmarks.latency import Options

from habitus_server.config import Config
from habitus_server.index import Finder, Shelf, words_of
from habitus_server.indexer import Indexer
from habitus_server.indexing import Indexing
from habitus_server.library import Library
from habitus_server.watcher import TreeWatcher
from habitus_server.workspaces import Workspace, private_dir

SIZES = (1_000, 10_000, 50_000)
SMALL_SIZES = (100, 400, 1_000)
QUESTIONS = 200
CHANGES = 15
MOST_GROWTH = 2.0
MOST_BUILD_GROWTH = 1.5
"""Seconds per file at the largest size, over those at the smallest: what is still linear."""


def figures(options: Options) -> list[dict[str, Any]]:
    """Build an index of each size, ask all of them in turn, change files of each."""
    sizes = SMALL_SIZES if options.small else SIZES
    with tempfile.TemporaryDirectory(prefix="habitus-bench-") as folder:
        made = [_Made(Path(folder) / str(size), size) for size in sizes]
        for _ in range(QUESTIONS):
            for one in made:
                one.ask()
        for one in made:
            one.known = asyncio.run(_change(one.workspace, one.paths))
    return [*(row for one in made for row in one.rows()), *_growth(made[0], made[-1])]


class _Made:
    """A project with its index, and what was measured of it."""

    def __init__(self, folder: Path, size: int) -> None:
        folder.mkdir()
        self.workspace = Workspace("bench", folder / "project", private_dir(folder / "state"))
        self.workspace.root.mkdir()
        self.size = size
        self.paths = make_project(self.workspace.root, size)
        self.built_s = _build(self.workspace)
        self.bytes = self.workspace.index.stat().st_size
        self.asked_ms: list[float] = []
        self.known: list[float] = []
        self._draw = random.Random(SEED)
        self._finder = Finder(self.workspace.index)

    def ask(self) -> None:
        """Ask with the words above a random place."""
        path = self._draw.choice(self.paths)
        lines = (self.workspace.root / path).read_text("utf-8").split("\n")
        at = self._draw.randrange(len(lines))
        words = words_of("\n".join(lines[max(0, at - 24) : at]))
        started = time.perf_counter()
        self._finder.find(words, path)
        self.asked_ms.append((time.perf_counter() - started) * 1e3)

    @property
    def median_ms(self) -> float:
        """The median question."""
        return statistics.median(self.asked_ms)

    def rows(self) -> list[dict[str, Any]]:
        """What is said of this size."""
        name, asked, known = f"index of {self.size:,} files", self.asked_ms, self.known
        p95 = statistics.quantiles(asked, n=20)[-1]
        between = median_interval(asked)
        return [
            figure(f"{name}: built in, s", self.built_s, n=self.size),
            figure(f"{name}: bytes per file", self.bytes / self.size, n=self.size),
            figure(f"{name}: question p50, ms", self.median_ms, n=len(asked), interval=between),
            figure(f"{name}: question p95, ms", p95, n=len(asked)),
            figure(
                f"{name}: changed file known after, ms",
                statistics.median(known),
                n=len(known),
                interval=median_interval(known),
            ),
        ]


def _growth(small: _Made, large: _Made) -> list[dict[str, Any]]:
    """The largest size against the smallest."""
    span = f"{large.size:,} ÷ {small.size:,} files"
    build = large.built_s / large.size / (small.built_s / small.size)
    question = large.median_ms / small.median_ms
    return [
        figure(
            f"index: build time per file, {span}",
            build,
            n=large.size,
            target=f"about linear: ≤ {MOST_BUILD_GROWTH}",
            holds=build <= MOST_BUILD_GROWTH,
        ),
        figure(
            f"index: question p50, {span}",
            question,
            n=QUESTIONS,
            interval=ratio_interval(large.asked_ms, small.asked_ms),
            target=f"≤ {MOST_GROWTH:g}",
            holds=question <= MOST_GROWTH,
        ),
    ]


def _build(workspace: Workspace) -> float:
    shelf = Shelf(workspace.index)
    library = Library(workspace.root, Config(), is_inside=True)
    started = time.perf_counter()
    Indexer(workspace.root, shelf, library, Config().context).bring_up_to_date()
    seconds = time.perf_counter() - started
    shelf.close()
    return seconds


async def _change(workspace: Workspace, paths: Sequence[str]) -> list[float]:
    """Milliseconds from writing a file until the index finds what is new in it."""
    indexing = Indexing(workspace, Library(workspace.root, Config(), is_inside=True), Config())
    await indexing.settle()
    watcher = TreeWatcher(workspace.root, asyncio.get_running_loop(), indexing.changed_on_disk)
    await asyncio.to_thread(watcher.start)
    finder = Finder(workspace.index)
    spent: list[float] = []
    try:
        for number, path in enumerate(random.Random(SEED).choices(paths, k=CHANGES)):
            name = f"quite_new_name_{number}"
            with (workspace.root / path).open("a", encoding="utf-8") as file:
                file.write(f"\n\ndef {name}():\n    return {number}\n")
            started = time.perf_counter()
            while not finder.find([name]):
                await asyncio.sleep(0.002)
            spent.append((time.perf_counter() - started) * 1e3)
    finally:
        watcher.stop()
        finder.close()
        await indexing.close()
    return spent


def make_project(root: Path, files: int) -> list[str]:
    """A project of generated Python files, the same for the same size; returns their paths."""
    draw = random.Random(f"{SEED}:{files}")
    names = _Names(draw, files)
    paths: list[str] = []
    for number in range(files):
        folder = f"pkg_{number // 100:03}"
        if number % 100 == 0:
            (root / folder).mkdir()
        paths.append(f"{folder}/{names.draw()}_{number}.py")
        (root / paths[-1]).write_text("".join(_module(names, draw)), encoding="utf-8")
    return paths


class _Names:
    """Names of which few are everywhere and most are in few places (Zipf), more of them in a
    larger project."""

    def __init__(self, draw: random.Random, files: int) -> None:
        syllables = [f"{a}{b}" for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "ur", "ent")]
        count = 2_000 + 3 * files
        self._draw = draw
        self._names = [
            "_".join("".join(draw.choices(syllables, k=draw.randint(2, 3))) for _ in range(k))
            for k in draw.choices((1, 2, 3), weights=(3, 4, 2), k=count)
        ]

    def draw(self) -> str:
        """One name; the n-th is about as likely as 1/n."""
        size = len(self._names)
        return self._names[int(size ** self._draw.random()) - 1]


def _module(names: _Names, draw: random.Random) -> Iterator[str]:
    yield f'"""{names.draw().replace("_", " ").capitalize()}."""\n\nimport {names.draw()}\n'
    yield f"from pkg.{names.draw()} import {names.draw()}, {names.draw()}\n"
    for _ in range(draw.randint(4, 8)):
        first, second, third = names.draw(), names.draw(), names.draw()
        yield f"\n\ndef {names.draw()}({first}, {second}=None):\n"
        yield f'    """{names.draw().capitalize()} of {first}."""\n'
        for _ in range(draw.randint(3, 9)):
            left, right = names.draw(), names.draw()
            yield draw.choice(
                (
                    f"    {left} = {first}.{right}({second})\n",
                    f"    if {left} in {third}:\n        {right}.append({left})\n",
                    f"    for {left} in {second}:\n        self.{right} += {first}[{left}]\n",
                )
            )
        yield f"    return {third}\n"
