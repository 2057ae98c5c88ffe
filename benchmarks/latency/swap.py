"""What a new adapter version costs somebody who goes on typing.

An editor types a file into a real `serve` and asks for a suggestion after each key, as fast
as it is answered; now and then an adapter is published as the learner does. The gap is the
time that one answer takes; those around a swap are all from the publication until some keys
after the new version has been named.
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.drafts import manifest_of, soften
from benchmarks.figures import figure
from benchmarks.latency import ROOT, Options
from benchmarks.processes import processes_with

from habitus_learner import registry
from habitus_server.engine.model import EMBEDDED, find_folder
from habitus_server.workspaces import find_workspace

SOURCE = ROOT / "server" / "habitus_server" / "outcomes.py"
KEYS = 40
"""Asked between two swaps, and after one was named."""
MOST_KEYS = 1_000
"""A version that is not named after so many keys never will be."""
LOST_AFTER_S = 10.0
LOST = {"failed", "superseded", "debounced"}
"""Ends of a request to which a suggestion may have been lost; nothing else was asked meanwhile."""
TARGET = 2.0


def figures(options: Options) -> list[dict[str, Any]]:
    """The figures of this module."""
    with tempfile.TemporaryDirectory(prefix="habitus-bench-") as name:
        keys = asyncio.run(_measure(Path(name), 2 if options.small else 10))
    p95 = statistics.quantiles(keys.usual, n=20)[18]
    ratio = max(keys.around) / p95
    return [
        figure("an answer without a swap, p95 (ms)", p95 * 1e3, n=len(keys.usual)),
        figure("longest answer without a swap ÷ p95", max(keys.usual) / p95, n=len(keys.usual)),
        figure("longest answer around a swap (ms)", max(keys.around) * 1e3, n=len(keys.around)),
        figure("from publication to being named (s)", statistics.median(keys.named_after_s),
               n=len(keys.named_after_s)),
        figure("longest gap around a swap ÷ p95 without", ratio, n=len(keys.around),
               target=f"<= {TARGET:g}", holds=ratio <= TARGET),
        figure("requests lost around a swap", keys.lost, n=len(keys.usual) + len(keys.around),
               target="0", holds=keys.lost == 0),
    ]  # fmt: skip


async def _measure(folder: Path, swaps: int) -> _Keys:
    from fake_editor import FakeEditor
    from tiny_model import make_adapter

    state, project = folder / "state", folder / "project"
    for place in (state, project):
        place.mkdir()
    workspace = find_workspace(project, state)
    base = find_folder(EMBEDDED)
    drafts = [folder / f"draft{number}" for number in range(swaps)]
    for number, draft in enumerate(drafts):
        await asyncio.to_thread(make_adapter, base, draft, seed=number)
        soften(draft)
    editor = await FakeEditor.start("--no-learn", "--device", "cpu", state=state)
    try:
        await editor.initialize(project)
        await editor.ready()
        keys = _Keys(editor, project / "main.py")
        await keys.press(KEYS)
        for draft in drafts:
            keys.usual += await keys.press(KEYS)
            published = time.perf_counter()
            ref = await asyncio.to_thread(
                registry.publish, workspace, draft, manifest_of(draft, EMBEDDED)
            )
            keys.around += await keys.press_until_named(ref.version)
            keys.named_after_s.append(time.perf_counter() - published)
            keys.around += await keys.press(KEYS)
        return keys
    finally:
        await editor.kill()
        for pid in processes_with("habitus_server.engine", str(state)):
            os.kill(pid, signal.SIGTERM)


class _Keys:
    """Somebody who types a file, a key after each answer."""

    def __init__(self, editor: Any, path: Path) -> None:
        self._editor = editor
        self._text = SOURCE.read_text(encoding="utf-8")
        self._at = len(self._text) // 3
        self._uri = editor.open(path, self._text[: self._at] + "\n")
        self.usual: list[float] = []
        self.around: list[float] = []
        self.named_after_s: list[float] = []
        self.lost = 0

    async def press(self, count: int) -> list[float]:
        """Seconds that each of so many answers took."""
        return [await self._press() for _ in range(count)]

    async def press_until_named(self, version: str) -> list[float]:
        """The same until `serve` names a version in its requests."""
        took: list[float] = []
        while len(took) < MOST_KEYS:
            took += await self.press(5)
            if (await self._editor.execute("habitus.status"))["adapter"] == version:
                return took
        raise RuntimeError(f"{version} was not named after {MOST_KEYS} keys")

    async def _press(self) -> float:
        self._editor.edit(self._uri, self._at, self._at, self._text[self._at])
        self._at += 1
        asked = self._editor.inline_params(self._uri, self._at, invoked=True)
        began = time.perf_counter()
        answer = await self._editor.request("textDocument/inlineCompletion", asked, LOST_AFTER_S)
        took = time.perf_counter() - began
        if answer is None:
            why = await self._editor.execute("habitus.why", {"uri": self._uri})
            self.lost += why["why"]["stage"] in LOST
        return took
