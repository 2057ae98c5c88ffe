"""Two windows at work for a long time: typing, cancelled questions, acceptances, swaps.

    python benchmarks/soak.py [--requests 20000] [--model embedded|FOLDER] [--seed 1]

Two `habitus serve` on one workspace share one engine with the embedded model, while the
workspace's adapter changes every few hundred questions. Every answer is held against the
text that its question was asked about, memory is sampled all along. Writes
build/bench/soak.json; exits 1 when an answer was stale, lost or late, or memory grew.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from figures import figure, report
from processes import processes_with, resident_mb

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "server" / "habitus_server"
sys.path.insert(0, str(ROOT / "tests"))

from drafts import manifest_of, soften  # noqa: E402

from fake_editor import FakeEditor, RequestError  # noqa: E402
from habitus_server.redaction import PLACEHOLDER  # noqa: E402
from tiny_model import make_adapter  # noqa: E402

PATIENCE_S = 20.0
TAIL = 120
SWAPS = 50
SAMPLES = 80
SLOPE_MB = 0.5
"""Per 1,000 questions, over the second half: what caches that are still filling explain."""


class Tally:
    """What was asked and answered, by both windows."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.asked = 0
        self.kinds: Counter[str] = Counter()
        self.seen: list[tuple[str, int, str]] = []
        """Suggestion, how much of it was typed, the text left of the cursor as it was asked."""
        self.waits_ms: list[float] = []
        self.resident: list[tuple[int, list[float]]] = []


class Typist:
    """One window, in which somebody writes the sources of a project again."""

    def __init__(self, editor: FakeEditor, project: Path, tally: Tally, seed: int) -> None:
        self._editor = editor
        self._tally = tally
        self._draw = random.Random(seed)
        self._paths = sorted(project.rglob("*.py"))
        self._uri = ""
        self._at = 0
        self._ahead = ""

    async def work(self) -> None:
        """Ask until enough was asked."""
        while self._tally.asked < self._tally.wanted:
            if not self._ahead or self._draw.random() < 0.02:
                await self._go_elsewhere()
            self._type(self._draw.choice((1, 1, 1, 2, 4)))
            await self._ask()

    async def _go_elsewhere(self) -> None:
        """Another place in another file, whose next lines are taken out to be written again."""
        if self._uri and self._draw.random() < 0.3:
            self._editor.close(self._uri)
        path = self._draw.choice(self._paths)
        self._uri = path.as_uri()
        if self._uri not in self._editor.texts:
            self._editor.open(path)
        text = self._editor.texts[self._uri]
        self._at = text.rfind("\n", 0, self._draw.randrange(len(text))) + 1
        end = min(len(text), self._at + self._draw.randrange(20, 400))
        self._ahead = text[self._at : end]
        self._editor.edit(self._uri, self._at, end, "")

    def _type(self, count: int) -> None:
        chunk, self._ahead = self._ahead[:count], self._ahead[count:]
        self._editor.edit(self._uri, self._at, self._at, chunk)
        self._at += len(chunk)

    async def _ask(self) -> None:
        tally, editor = self._tally, self._editor
        tally.asked += 1
        left = editor.texts[self._uri][max(0, self._at - TAIL) : self._at]
        invoked = self._draw.random() < 0.2
        began = time.perf_counter()
        number, answer = editor.send(
            "textDocument/inlineCompletion",
            editor.inline_params(self._uri, self._at, invoked=invoked),
        )
        fate = self._draw.random()
        if fate < 0.25:
            await asyncio.sleep(self._draw.random() * 0.04)
            editor.cancel(number)
        elif fate < 0.40:
            await asyncio.sleep(self._draw.random() * 0.02)
            self._type(1)
        items = await self._wait(answer, cancelled=fate < 0.25)
        tally.waits_ms.append((time.perf_counter() - began) * 1e3)
        for item in items:
            argument = item["command"]["arguments"][0]
            tally.seen.append((argument["id"], argument["typed"], left))
        if items and fate >= 0.40 and self._draw.random() < 0.15:
            tally.kinds["accepted"] += 1
            await editor.accept(self._uri, items[0])
            self._at += len(items[0]["insertText"])

    async def _wait(self, answer: asyncio.Future[Any], *, cancelled: bool) -> list[dict[str, Any]]:
        kinds = self._tally.kinds
        try:
            result = await asyncio.wait_for(answer, PATIENCE_S)
        except TimeoutError:
            kinds["stuck"] += 1
            return []
        except RequestError:
            kinds["cancelled" if cancelled else "failed"] += 1
            return []
        items = list(result["items"]) if result else []
        kinds["answered" if items else "empty"] += 1
        return items


async def soak(folder: Path, wanted: int, model: str, seed: int) -> list[dict[str, Any]]:
    """Figures of one run."""
    project, state, tally = folder / "project", folder / "state", Tally(wanted)
    for source in sorted(SOURCES.glob("*.py")) + sorted(SOURCES.glob("lsp/*.py")):
        copy = project / source.relative_to(SOURCES)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(source.read_bytes())
    (project / ".git").mkdir()
    state.mkdir(mode=0o700)
    editors = [await FakeEditor.start("--model", model, "--no-learn", state=state) for _ in "ab"]
    try:
        for editor in editors:
            await editor.initialize(project)
            await editor.ready()
        pids = [editor.process.pid for editor in editors]
        pids += processes_with("habitus_server.engine", str(state))
        swaps = asyncio.create_task(_swap(folder, state, model, tally))
        sampling = asyncio.create_task(_sample(pids, tally))
        typists = [
            Typist(editor, project, tally, seed + number) for number, editor in enumerate(editors)
        ]
        await asyncio.gather(*(typist.work() for typist in typists))
        swaps.cancel()
        sampling.cancel()
        tally.kinds["busy at the end"] = await _busy(editors[0])
        history = (await asyncio.gather(swaps, return_exceptions=True))[0]
        assert isinstance(history, asyncio.CancelledError), history
        for editor in editors:
            await editor.shutdown()
    finally:
        for editor in editors:
            await editor.kill()
        for pid in processes_with("habitus_server.engine", str(state)):
            os.kill(pid, signal.SIGTERM)
    (database,) = state.rglob("signals.db")
    return figures(tally, judged(tally, database), seed)


async def _busy(editor: FakeEditor) -> int:
    """1 when the engine is still at work a moment after nobody wants anything."""
    for _ in range(50):
        status = await editor.execute("habitus.status")
        if not status["engine"].get("busy"):
            return 0
        await asyncio.sleep(0.1)
    return 1


async def _swap(folder: Path, state: Path, model: str, tally: Tally) -> None:
    """Put another adapter, or none, into service every few hundred questions."""
    from habitus_learner import registry
    from habitus_server.engine.model import find_folder
    from habitus_server.workspaces import find_workspace

    workspace = find_workspace(folder / "project", state)
    base = find_folder(model)
    versions: list[str | None] = [None]
    for number in range(2):
        made = await asyncio.to_thread(make_adapter, base, folder / f"a{number}", seed=number)
        await asyncio.to_thread(soften, Path(made.path))
        manifest = manifest_of(Path(made.path), model)
        ref = await asyncio.to_thread(registry.publish, workspace, Path(made.path), manifest)
        versions.append(ref.version)
    for turn in range(1_000_000):
        registry.point(workspace, versions[turn % len(versions)])
        tally.kinds["swaps"] += 1
        goal = tally.asked + tally.wanted // SWAPS
        while tally.asked < goal:
            await asyncio.sleep(0.05)


async def _sample(pids: list[int], tally: Tally) -> None:
    while True:
        tally.resident.append((tally.asked, [resident_mb(pid) for pid in pids]))
        goal = tally.asked + tally.wanted // SAMPLES
        while tally.asked < goal:
            await asyncio.sleep(0.05)


def judged(tally: Tally, database: Path) -> Counter[str]:
    """Each answer against what was left of the cursor when it was asked for."""
    rows: dict[str, tuple[str, str, str | None]] = {}
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        for key, text, adapter, prefix in connection.execute(
            "SELECT s.id, s.text, s.adapter, c.prefix FROM suggestions s "
            "JOIN contexts c ON c.request_id = s.request_id"
        ):
            rows[key] = (text, prefix, adapter)
    found: Counter[str] = Counter()
    for key, typed, left in tally.seen:
        if key not in rows:
            found["unstored"] += 1
            continue
        text, prefix, adapter = rows[key]
        meant = (prefix + text[:typed])[-min(len(left), TAIL // 2) :]
        if PLACEHOLDER in meant:
            found["beside a secret"] += 1  # what is stored is not what stood there
        else:
            found["fresh" if left.endswith(meant) else "stale"] += 1
        found[f"by {adapter or 'base weights'}"] += 1
    return found


def slopes(tally: Tally) -> Iterator[float]:
    """Growth of each process in MB per 1,000 questions, over the second half (Theil and Sen)."""
    half = [(n, mb) for n, mb in tally.resident if n >= tally.wanted / 2]
    for index in range(len(half[0][1])):
        steep = [
            (later[1][index] - sooner[1][index]) / (later[0] - sooner[0]) * 1_000
            for at, sooner in enumerate(half)
            for later in half[at + 1 :]
        ]
        yield statistics.median(steep)


def figures(tally: Tally, found: Counter[str], seed: int) -> list[dict[str, Any]]:
    """The tally as figures."""
    kinds, size = tally.kinds, tally.asked
    bad = {"stuck", "failed", "busy at the end"}
    made = [
        figure("requests", size, n=size, seed=seed),
        *(figure(name, kinds[name], n=size, seed=seed) for name in sorted(set(kinds) - bad)),
        *(
            figure(name, kinds[name], n=size, seed=seed, target="0", holds=kinds[name] == 0)
            for name in sorted(bad)
        ),
        *(figure(name, found[name], n=len(tally.seen), seed=seed) for name in sorted(found)),
        figure(
            "stale answers",
            found["stale"],
            n=found["stale"] + found["fresh"],
            seed=seed,
            target="0",
            holds=found["stale"] == 0 and found["fresh"] > 0,
        ),
        figure("wait, median (ms)", statistics.median(tally.waits_ms), n=size, seed=seed),
    ]
    for name, slope in zip(("first window", "second window", "engine"), slopes(tally), strict=True):
        made.append(
            figure(
                f"{name}: MB per 1,000 requests",
                slope,
                n=len(tally.resident),
                seed=seed,
                target=f"< {SLOPE_MB}",
                holds=slope < SLOPE_MB,
            )
        )
    for index, name in enumerate(("first window", "second window", "engine")):
        for share in (0.25, 0.5, 0.75, 1.0):
            at = [mb[index] for n, mb in tally.resident if n <= share * tally.wanted][-1]
            made.append(figure(f"{name}: MB after {share:.0%}", at, n=1, seed=seed))
    return made


def main() -> int:
    """Soak, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--model", default="embedded", help="`embedded` or a model folder")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="habitus-soak-") as folder:
        found = asyncio.run(soak(Path(folder), options.requests, options.model, options.seed))
        return report("soak", found)


if __name__ == "__main__":
    sys.exit(main())
