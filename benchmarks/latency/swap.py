"""What a new adapter version costs somebody who goes on typing.

A client asks an engine process again and again, a key further each time, as fast as it is
answered; now and then it names a version that the engine has never loaded. The gap is the
time between two answers.
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

from benchmarks.figures import figure
from benchmarks.latency import ROOT, Options

from habitus_server.config import Config
from habitus_server.engine.client import EngineClient
from habitus_server.engine.launch import ensure_engine
from habitus_server.engine.model import find_folder
from habitus_server.engine.wire import Place, Stop
from habitus_server.records import AdapterRef

SOURCE = ROOT / "server" / "habitus_server" / "outcomes.py"
KEYS = 40
"""Asked between two swaps."""
TARGET = 2.0


def figures(options: Options) -> list[dict[str, Any]]:
    """The figures of this module."""
    swaps = 2 if options.small else 12
    with tempfile.TemporaryDirectory(prefix="habitus-") as name:
        folder = Path(name)
        versions = _versions(folder, swaps)
        usual, swapped, lost = asyncio.run(_measure(folder, versions))
    p95 = statistics.quantiles(usual, n=20)[18]
    ratios = [gap / p95 for gap in swapped]
    return [
        figure("gap between answers without a swap, p95 (ms)", p95 * 1e3, n=len(usual)),
        figure("longest gap around a swap (ms)", max(swapped) * 1e3, n=len(swapped)),
        figure("median gap around a swap (ms)", statistics.median(swapped) * 1e3, n=len(swapped)),
        figure("longest gap around a swap ÷ p95 without", max(ratios), n=len(ratios),
               target=f"<= {TARGET:g}", holds=max(ratios) <= TARGET),
        figure("requests lost around a swap", lost, n=len(usual) + KEYS * len(swapped),
               target="0", holds=lost == 0),
    ]  # fmt: skip


def _versions(folder: Path, count: int) -> list[AdapterRef]:
    from tiny_model import make_adapter

    base = find_folder("embedded")
    return [make_adapter(base, folder / f"v{number}", seed=number) for number in range(count)]


async def _measure(
    folder: Path, versions: list[AdapterRef]
) -> tuple[list[float], list[float], int]:
    """Gaps in seconds without a swap, the longest around each swap, and requests lost."""
    client = await ensure_engine(folder / "state", Config())
    try:
        await client.status(settled=True)
        keys = _Keys(client)
        await keys.gaps(KEYS, None)
        usual, swapped = [], []
        for version in versions:
            usual += await keys.gaps(KEYS, keys.adapter)
            swapped.append(max(await keys.gaps(KEYS, version)))
        return usual, swapped, keys.lost
    finally:
        pid = client.engine_pid
        await client.close()
        os.kill(pid, signal.SIGTERM)


class _Keys:
    """Somebody who types a file, a key between two answers."""

    def __init__(self, client: EngineClient) -> None:
        self._client = client
        self._text = SOURCE.read_text(encoding="utf-8")
        self._at = len(self._text) // 2
        self.adapter: AdapterRef | None = None
        self.lost = 0

    async def gaps(self, count: int, adapter: AdapterRef | None) -> list[float]:
        """Seconds between answers, with requests that name `adapter`."""
        self.adapter = adapter
        gaps = []
        for _ in range(count):
            self._at += 1
            place = Place("w", "outcomes.py", "python", self._text[: self._at], "\n")
            began = time.perf_counter()
            answer = await self._client.complete(
                place, window="1", adapter=adapter, stop=Stop(max_tokens=24)
            )
            gaps.append(time.perf_counter() - began)
            named = adapter.version if adapter else None
            self.lost += answer.adapter != named or not answer.candidates
        return gaps
