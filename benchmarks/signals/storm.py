"""What a storm of file events costs the event loop, and what is left of a tracked suggestion.

    python -m benchmarks.signals.storm [FILES]

Another process makes 50,000 files in folders of 500. The loop sleeps a millisecond at a time
and its longest delay is taken: while a watched folder is hit, and while the same happens in
a folder that nobody watches, so that what the machine itself costs is in both. A suggestion
is accepted before the storm, edited during it and measured after it.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.signals.figure import Figure, show

from habitus_server.records import Outcome
from habitus_server.watcher import Burst, TreeWatcher
from signals.scene import Scene

FILES = 50_000
IN_FOLDER = 500
NAP_S = 0.001
QUIET_S = 1.0
"""A storm is over when its last burst was told this long ago."""
TARGET = 0.1
"""Seconds: a tenth is what a person notices."""

_MAKE = f"""
import pathlib, sys
root, count = pathlib.Path(sys.argv[1]), int(sys.argv[2])
for number in range(count):
    folder = root / f"f{{number // {IN_FOLDER}}}"
    if number % {IN_FOLDER} == 0:
        folder.mkdir()
    (folder / f"{{number}}.py").touch()
"""


def figures(files: int = FILES) -> list[Figure]:
    """The loop's longest stall in a storm, with and without a watcher, and what was kept."""
    return asyncio.run(_measure(files))


async def _measure(files: int) -> list[Figure]:
    scene = Scene("def area(radius):\n    return ‸\n")
    scene.offer("3.14 * radius * radius")
    scene.insert("3.14 * radius * radius")
    scene.accept()
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        unwatched = await _storm(Path(first), files, lambda: True)
        bursts: list[Burst] = []
        told_at: list[float] = []

        def told(burst: Burst) -> None:
            bursts.append(burst)
            told_at.append(time.perf_counter())

        watcher = TreeWatcher(Path(second), asyncio.get_running_loop(), told)
        if problem := await asyncio.to_thread(watcher.start):
            raise SystemExit(problem)
        asyncio.get_running_loop().call_later(0.5, lambda: scene.replace("3.14", "math.pi"))
        watched = await _storm(
            Path(second),
            files,
            lambda: bool(told_at) and time.perf_counter() - told_at[-1] > QUIET_S,
        )
        watcher.stop()
    scene.wait(120)
    settled = scene.settlement()
    is_right = settled is not None and settled.outcome is Outcome.EDITED
    where = f"{files} files"
    return [
        Figure(
            f"longest stall of the loop, watched storm (s, {where})",
            watched,
            files,
            target=f"below {TARGET:g}",
            holds=watched < TARGET,
        ),
        Figure(f"longest stall of the loop, unwatched storm (s, {where})", unwatched, files),
        Figure("longest stall, watched / unwatched", watched / unwatched, files),
        Figure("bursts told to the loop", len(bursts), files),
        Figure("bursts told as many", sum(one.is_many for one in bursts), files),
        Figure(
            "tracked suggestions that settled rightly after the storm",
            float(is_right),
            1,
            target="all",
            holds=is_right,
        ),
    ]


async def _storm(folder: Path, files: int, is_over: Callable[[], bool]) -> float:
    """Make files in a folder; the loop's longest delay until that is over."""
    making = subprocess.Popen([sys.executable, "-c", _MAKE, str(folder), str(files)])
    longest = 0.0
    last = time.perf_counter()
    while making.poll() is None or not is_over():
        await asyncio.sleep(NAP_S)
        now = time.perf_counter()
        longest, last = max(longest, now - last - NAP_S), now
    return longest


if __name__ == "__main__":
    show(figures(int(sys.argv[1]) if len(sys.argv) > 1 else FILES))
