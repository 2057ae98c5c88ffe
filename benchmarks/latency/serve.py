"""What `serve` costs beside the model: a typed-through answer, a second window.

Answers are timed inside `serve`'s own rooms, without an editor's pipes.
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks.figures import figure, ratio_interval
from benchmarks.latency import ROOT, Options
from benchmarks.latency.share import SOURCE, open_window, params
from benchmarks.processes import processes_with, resident_mb
from lsprotocol import types

from habitus_server.lsp import inline
from habitus_server.lsp.rooms import Rooms
from habitus_server.offers import Source
from habitus_server.positions import Position
from habitus_server.session import Changed
from habitus_server.text import ContentChange

PAUSE_S = 0.1
"""Between two requests, as between two keys of a fast typist."""
TYPED_TARGET = 0.02
WINDOW_TARGET_MB = 100.0


def figures(options: Options) -> list[dict[str, Any]]:
    """The figures of this module."""
    return asyncio.run(_measure(options))


async def _measure(options: Options) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="habitus-bench-") as name:
        folder = Path(name)
        # A user's own settings do not count here, and every answer is wanted.
        os.environ["HABITUS_CONFIG"] = str(folder / "config.toml")
        (folder / "config.toml").write_text("[completion]\neagerness = 1.0\n", encoding="utf-8")
        model, typed = await _typed_through(folder / "typed", 8 if options.small else 60)
        second = await _second_window(folder / "windows", 1 if options.small else 3)
    ratio = statistics.median(typed) / statistics.median(model)
    return [
        figure("a typed-through answer, inside serve (ms)", statistics.median(typed) * 1e3,
               n=len(typed)),
        figure("a model answer, inside serve (ms)", statistics.median(model) * 1e3, n=len(model)),
        figure("typed-through answer ÷ model answer", ratio, n=len(typed),
               interval=ratio_interval(typed, model), target=f"<= {TYPED_TARGET:g}",
               holds=ratio <= TYPED_TARGET),
        figure("memory of a second window on the same workspace (MB)", statistics.median(second),
               n=len(second), target=f"<= {WINDOW_TARGET_MB:g}",
               holds=statistics.median(second) <= WINDOW_TARGET_MB),
    ]  # fmt: skip


# --- beside the model ------------------------------------------------------------------


async def _typed_through(folder: Path, count: int) -> tuple[list[float], list[float]]:
    """Seconds of answers by the embedded model, and of those once a character was typed."""
    lines = SOURCE.read_text(encoding="utf-8").split("\n")
    rooms, uri = open_window(folder, "\n".join(lines))
    await rooms.start()
    model: list[float] = []
    typed: list[float] = []
    try:
        await rooms.flush()
        places = [n for n in range(60, len(lines)) if len(lines[n].strip()) > 20]
        version = 1
        for line in places * 3:
            if len(typed) == count:
                break
            indent = len(lines[line]) - len(lines[line].lstrip())
            version += 1
            gone = ContentChange("", Position(line, indent), Position(line, len(lines[line])))
            rooms.apply(Changed(uri, version, (gone,)))
            took, answer = await _timed(rooms, uri, line, indent)
            item = answer.items[0] if answer is not None else None
            if item is not None and _source(item) is Source.ENGINE and item.insert_text[:1].strip():
                model.append(took)
                await asyncio.sleep(PAUSE_S)
                version += 1
                at = Position(line, indent)
                key = ContentChange(item.insert_text[0], at, at)
                rooms.apply(Changed(uri, version, (key,)))
                took, again = await _timed(rooms, uri, line, indent + 1)
                if again is not None and _source(again.items[0]) is Source.TYPED_THROUGH:
                    typed.append(took)
            version += 1
            end = Position(line, indent + (len(typed) == len(model) and item is not None))
            back = ContentChange(lines[line][indent:], Position(line, indent), end)
            rooms.apply(Changed(uri, version, (back,)))
            rooms.answers.suggester.forget_answers()
    finally:
        await rooms.close()
        _end_engines(folder)
    return model, typed


async def _timed(
    rooms: Rooms, uri: str, line: int, character: int
) -> tuple[float, types.InlineCompletionList | None]:
    began = time.perf_counter()
    answer = await inline.complete(rooms, params(uri, line, character))
    return time.perf_counter() - began, answer


def _source(item: types.InlineCompletionItem) -> Source:
    assert item.command is not None and item.command.arguments
    return Source(item.command.arguments[0]["source"])


# --- a second window -------------------------------------------------------------------


async def _second_window(folder: Path, rounds: int) -> list[float]:
    """What all processes of a state folder hold with a second window, less than with one."""
    more = []
    for turn in range(rounds):
        async with _windows(folder / str(turn)) as (open_one, held_mb):
            await open_one()
            one = await held_mb()
            await open_one()
            more.append(await held_mb() - one)
    return more


@asynccontextmanager
async def _windows(folder: Path) -> AsyncIterator[tuple[Any, Any]]:
    from fake_editor import FakeEditor

    state, project = folder / "state", folder / "project"
    project.mkdir(parents=True)
    for path in sorted((ROOT / "server" / "habitus_server").glob("*.py")):
        (project / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    windows: list[FakeEditor] = []

    async def open_one() -> None:
        window = await FakeEditor.start(state=state)
        windows.append(window)
        await window.initialize(project)
        uri = window.open(project / "text.py")
        await window.ready()
        for at in (1_000, 4_000, 9_000):
            await window.inline(uri, window.texts[uri].index("\n", at), invoked=True)

    async def held_mb() -> float:
        await asyncio.sleep(3.0)
        return sum(resident_mb(pid) for pid in processes_with("habitus", str(state)))

    try:
        yield open_one, held_mb
    finally:
        for window in windows:
            await window.kill()
        _end_engines(folder)


def _end_engines(folder: Path) -> None:
    for pid in processes_with("habitus_server.engine", str(folder)):
        os.kill(pid, signal.SIGTERM)
