"""What `serve` itself costs of a request in a file of 10,000 lines, without the engine.

Timed inside `serve`'s own rooms, without an editor's pipes: the change taken in, and its
answer as the editor gets it, from an engine that answers at once (what goes to it is encoded
as it would be sent). The main figure is of somebody who writes a few statements in one place,
key by key, takes every third suggestion, stops, and goes on elsewhere. The other one, which
no developer does, takes some nine suggestions a second in one growing function.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.figures import figure
from benchmarks.latency import ROOT, Options
from lsprotocol import types

from habitus_server import options as flags
from habitus_server.engine import wire
from habitus_server.engine.wire import Candidate, Completed, EngineStatus, Place, Stop
from habitus_server.lsp import inline, turns
from habitus_server.lsp.outbox import Outbox, Progress
from habitus_server.lsp.rooms import Rooms
from habitus_server.lsp.window import Window
from habitus_server.positions import Position
from habitus_server.session import Changed, Opened
from habitus_server.status import EngineFacts, Status
from habitus_server.text import ContentChange

LINES = 10_000
KEY_S = 0.1
"""Between two keys of a fast typist."""
REST_S = 1.5
"""Before somebody goes on elsewhere."""
STATEMENTS = 6
"""Written in one place; every third is a suggestion that was taken."""
WARM_UP = 10
SOURCE = ROOT / "server" / "habitus_server" / "text.py"
TARGET_MS = 5.0


def figures(options: Options) -> list[dict[str, Any]]:
    """The figures of this module."""
    return asyncio.run(_measure(60 if options.small else 400))


async def _measure(count: int) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="habitus-bench-") as name:
        folder = Path(name)
        # A user's own settings do not count here, and every answer is wanted.
        os.environ["HABITUS_CONFIG"] = str(folder / "config.toml")
        (folder / "config.toml").write_text("[completion]\neagerness = 1.0\n", encoding="utf-8")
        turns.shorten()  # as a window does when it starts
        person = await as_somebody_types(folder / "person", count)
        stress = await in_one_function(folder / "stress", count)
    p95 = _p95(person)
    return [
        figure("serve's own share of a request, 10,000 lines, p50 (ms)",
               statistics.median(person) * 1e3, n=len(person)),
        figure("serve's own share of a request, 10,000 lines, p95 (ms)", p95, n=len(person),
               target=f"<= {TARGET_MS:g}", holds=p95 <= TARGET_MS),
        figure("the same, nine suggestions taken a second in one function, p50 (ms)",
               statistics.median(stress) * 1e3, n=len(stress)),
        figure("the same, nine suggestions taken a second in one function, p95 (ms)",
               _p95(stress), n=len(stress)),
    ]  # fmt: skip


def _p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[18] * 1e3


# --- two ways to write -----------------------------------------------------------------


async def as_somebody_types(folder: Path, count: int) -> list[float]:
    """Seconds of each answered key."""
    lines = _lines()[:LINES]
    desk = await _Desk.open(folder, "\n".join(lines))
    # From below, so that what is written moves no place that is still to come.
    inside = [n for n, line in enumerate(lines) if line.lstrip().startswith("return ")]
    for at in inside[-3::-11]:
        indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
        for number in range(STATEMENTS):
            await desk.write(at + number, indent, f"held_{at}_{number} = ", number)
            if len(desk.seconds) >= count + WARM_UP:
                await desk.rooms.close()
                return desk.seconds[WARM_UP:]
        await asyncio.sleep(REST_S)
    raise RuntimeError("The file has too few places.")


async def in_one_function(folder: Path, count: int) -> list[float]:
    """Seconds of each line, whose rest is taken at once."""
    above, below = _lines()[: LINES // 2 - 1], _lines()[: LINES // 2]
    desk = await _Desk.open(folder, "\n".join([*above, "def new():", *below]))
    for turn in range(count + WARM_UP):
        line = LINES // 2 + turn
        # Another name each time, so that nothing is known of the place.
        text = f"    name_{turn} = " if turn % 3 else f"    call_{turn}("
        offered = await desk.ask(line, 0, text, "\n")
        assert offered, "Every line is answered here."
        desk.put(line, len(text), offered + ")" * (turn % 3 == 0))
        await asyncio.sleep(KEY_S)
    await desk.rooms.close()
    return desk.seconds[WARM_UP:]


def _lines() -> list[str]:
    lines = SOURCE.read_text(encoding="utf-8").split("\n")
    return lines * (LINES // len(lines) + 1)


class _Desk:
    """A window with one document, and how long each answer took."""

    def __init__(self, rooms: Rooms, uri: str) -> None:
        self.rooms = rooms
        self.seconds: list[float] = []
        self._uri = uri
        self._version = 1

    @classmethod
    async def open(cls, folder: Path, text: str) -> _Desk:
        """Open a window on a text, with an instant engine."""
        rooms, uri = open_window(folder, text)
        rooms._engine = _Line()  # type: ignore[assignment]
        root = rooms.roots.open(folder / "project", is_inside=True)
        await root.ready.wait()
        return cls(rooms, uri)

    def put(self, line: int, character: int, text: str) -> None:
        """Insert a text."""
        at = Position(line, character)
        self._version += 1
        self.rooms.apply(Changed(self._uri, self._version, (ContentChange(text, at, at),)))

    async def ask(self, line: int, character: int, key: str, below: str = "") -> str:
        """Insert a key, and something below it, and ask behind the key; what was offered."""
        began = time.perf_counter()
        self.put(line, character, key + below)
        answer = await inline.complete(self.rooms, params(self._uri, line, character + len(key)))
        took = time.perf_counter() - began
        if answer is None or not answer.items:
            return ""
        self.seconds.append(took)
        return str(answer.items[0].insert_text)

    async def write(self, line: int, indent: str, text: str, number: int) -> None:
        """Write a statement above a line, key by key; every third takes what is offered."""
        self.put(line, 0, f"{indent}\n")
        column, offered = len(indent), ""
        typed = text if number % 3 == 0 else f"{text}kept_{number} + 1"
        for key in typed:
            offered = await self.ask(line, column, key)
            column += 1
            await asyncio.sleep(KEY_S)
        if number % 3 == 0:
            self.put(line, column, offered)
            await asyncio.sleep(KEY_S)


# --- serve alone -----------------------------------------------------------------------


class _Instant:
    """An engine's client that answers at once, never the same."""

    def __init__(self) -> None:
        self._answers = 0

    async def complete(
        self, place: Place, *, window: str, stop: Stop, is_guess: bool, **_settings: Any
    ) -> Completed:
        """One candidate, after encoding the request."""
        self._answers += 1
        wire.frame(wire.Complete(1, window, place, stop=stop, is_guess=is_guess))
        candidate = Candidate(f"total_of(item_{self._answers})", (-0.1,) * 6, "stop")
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

    def __init__(self) -> None:
        self._instant = _Instant()

    async def connected(self, _timeout_s: float) -> _Instant:
        """At once."""
        return self._instant


class _Silent(Outbox):
    """An editor that is told nothing."""

    def __init__(self) -> None:
        pass

    def status(self, status: Status) -> None:
        """Nothing to show."""

    def progress(self, title: str) -> Progress:
        """Nothing to show either."""
        return Progress(None, title, is_shown=False)  # type: ignore[arg-type]


def open_window(folder: Path, text: str) -> tuple[Rooms, str]:
    """A window's rooms with one open document, and its URI."""
    project = folder / "project"
    project.mkdir(parents=True)
    window = Window(flags.Options(learn=False, state_dir=folder / "state"), _Silent())
    window.folder_uris = [project.as_uri()]
    rooms = Rooms(window)
    uri = (project / "main.py").as_uri()
    rooms.apply(Opened(uri, "python", 1, text))
    return rooms, uri


def params(uri: str, line: int, character: int) -> types.InlineCompletionParams:
    """A question about a place."""
    return types.InlineCompletionParams(
        context=types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic),
        text_document=types.TextDocumentIdentifier(uri),
        position=types.Position(line, character),
    )
