"""What `serve` itself costs: its own share of a request, a typed-through answer, a window.

The first two are timed inside `serve`'s own rooms, without an editor's pipes. The share is
that of a 10,000-line file under changing text, with an engine that answers at once; what
goes to the engine is encoded as it would be sent.
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
from benchmarks.processes import processes_with, resident_mb
from lsprotocol import types

from habitus_server import options as flags
from habitus_server.engine import wire
from habitus_server.engine.wire import Candidate, Completed, EngineStatus, Place, Stop
from habitus_server.lsp import inline, turns
from habitus_server.lsp.outbox import Outbox, Progress
from habitus_server.lsp.rooms import Rooms
from habitus_server.lsp.window import Window
from habitus_server.offers import Source
from habitus_server.session import Changed, Opened
from habitus_server.status import EngineFacts, Status
from habitus_server.text import ContentChange, Position

LINES = 10_000
PAUSE_S = 0.1
"""Between two requests, as between two keys of a fast typist."""
SOURCE = ROOT / "server" / "habitus_server" / "text.py"
TYPED_TARGET = 0.02
SHARE_TARGET_MS = 5.0
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
        share = await _own_share(folder / "share", 60 if options.small else 400)
        model, typed = await _typed_through(folder / "typed", 8 if options.small else 60)
        second = await _second_window(folder / "windows", 1 if options.small else 3)
    p95 = statistics.quantiles(share, n=20)[18] * 1e3
    ratio = statistics.median(typed) / statistics.median(model)
    return [
        figure("serve's own share of a request, 10,000 lines, p50 (ms)",
               statistics.median(share) * 1e3, n=len(share)),
        figure("serve's own share of a request, 10,000 lines, p95 (ms)", p95, n=len(share),
               target=f"<= {SHARE_TARGET_MS:g}", holds=p95 <= SHARE_TARGET_MS),
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


# --- serve alone -----------------------------------------------------------------------


class _Instant:
    """An engine's client that answers at once what the line goes on with."""

    async def complete(
        self, place: Place, *, window: str, stop: Stop, is_guess: bool, **_settings: Any
    ) -> Completed:
        """One candidate, after encoding the request."""
        wire.frame(wire.Complete(1, window, place, stop=stop, is_guess=is_guess))
        candidate = Candidate("total_of(everything)", (-0.1,) * 6, "stop")
        return Completed(1, (candidate,), None, 1, 0, 0.0, 0.0, 0.0)

    def remember(self, workspace: str, path: str, text: str, *, learn: bool = False) -> None:
        """Encode what would be sent."""
        wire.frame(wire.Remember(workspace, path, text, learn))

    def forget(self, workspace: str, path: str = "") -> None:
        """Nothing is kept."""

    async def status(self, *, settled: bool = False) -> EngineStatus:
        """Ready."""
        return EngineStatus(1, "ready", "", "", "cpu", (), False, 1.0, 0, 0)


class _Line:
    """In place of the supervisor: a line to the instant engine."""

    facts = EngineFacts(state="ready")

    async def connected(self, _timeout_s: float) -> _Instant:
        """At once."""
        return _Instant()


class _Silent(Outbox):
    """An editor that is told nothing."""

    def __init__(self) -> None:
        pass

    def status(self, status: Status) -> None:
        """Nothing to show."""

    def progress(self, title: str) -> Progress:
        """Nothing to show either."""
        return Progress(None, title, is_shown=False)  # type: ignore[arg-type]


async def _own_share(folder: Path, count: int) -> list[float]:
    """Seconds of each request: the change taken in, and its answer as the editor gets it."""
    rooms, uri = _rooms(folder, _long_text())
    rooms._engine = _Line()  # type: ignore[assignment]
    turns.shorten()  # as a window does when it starts
    root = rooms.roots.open(folder / "project", is_inside=True)
    await root.ready.wait()
    seconds = []
    for turn in range(count + 10):
        line = LINES // 2 + turn
        # Another name each time, so that nothing is known of the place.
        text = f"    name_{turn} = " if turn % 3 else f"    call_{turn}("
        began = time.perf_counter()
        at = Position(line, 0)
        rooms.apply(Changed(uri, 2 * turn + 2, (ContentChange(text + "\n", at, at),)))
        answer = await inline.complete(rooms, _params(uri, line, len(text)))
        took = time.perf_counter() - began
        assert answer is not None and answer.items
        if turn >= 10:
            seconds.append(took)
        at = Position(line, len(text))
        rest = "total_of(everything)" + ")" * (turn % 3 == 0)
        rooms.apply(Changed(uri, 2 * turn + 3, (ContentChange(rest, at, at),)))
        await asyncio.sleep(PAUSE_S)
    await rooms.close()
    return seconds


def _long_text() -> str:
    lines = SOURCE.read_text(encoding="utf-8").split("\n")
    half = LINES // 2 // len(lines) + 1
    # The cursor's lines are the last of a function.
    above = (lines * half)[: LINES // 2 - 1]
    return "\n".join([*above, "def new():", *lines * half])


def _rooms(folder: Path, text: str) -> tuple[Rooms, str]:
    """A window's rooms with one open document, and its URI."""
    project = folder / "project"
    project.mkdir(parents=True)
    window = Window(flags.Options(learn=False, state_dir=folder / "state"), _Silent())
    window.folder_uris = [project.as_uri()]
    rooms = Rooms(window)
    uri = (project / "main.py").as_uri()
    rooms.apply(Opened(uri, "python", 1, text))
    return rooms, uri


def _params(uri: str, line: int, character: int) -> types.InlineCompletionParams:
    return types.InlineCompletionParams(
        context=types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic),
        text_document=types.TextDocumentIdentifier(uri),
        position=types.Position(line, character),
    )


# --- beside the model ------------------------------------------------------------------


async def _typed_through(folder: Path, count: int) -> tuple[list[float], list[float]]:
    """Seconds of answers by the embedded model, and of those once a character was typed."""
    lines = SOURCE.read_text(encoding="utf-8").split("\n")
    rooms, uri = _rooms(folder, "\n".join(lines))
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
    answer = await inline.complete(rooms, _params(uri, line, character))
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
