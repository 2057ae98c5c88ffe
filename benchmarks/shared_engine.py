"""Two `habitus serve` processes, one engine.

    python benchmarks/shared_engine.py [--model embedded|FOLDER]

Opens two editor windows on two workspaces, has both complete, and lists the processes
with their memory. Without --model a tiny random model is made, so that nothing but the
sharing is measured. Writes build/bench/shared_engine.json.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from figures import figure, report
from processes import (
    command_line,
    processes_with,
    proportional_mb,
    resident_mb,
    torch_mappings,
)

ROOT = Path(__file__).resolve().parents[1]
WINDOWS = 2


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", help="`embedded` or a model folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="habitus-bench-") as folder:
        return report("shared_engine", asyncio.run(measure(Path(folder), options.model)))


async def measure(folder: Path, model: str | None) -> list[dict[str, Any]]:
    """Figures of a machine with two windows open."""
    sys.path.insert(0, str(ROOT / "tests"))
    from fake_editor import FakeEditor
    from tiny_model import make_tiny_model

    chosen = model or str(make_tiny_model(folder / "model"))
    state = folder / "state"
    windows: list[FakeEditor] = []
    try:
        for _ in range(WINDOWS):
            windows.append(await FakeEditor.start("--model", chosen, "--no-learn", state=state))
        answers = await asyncio.gather(
            *(work(window, folder / f"work{number}") for number, window in enumerate(windows))
        )
        engines = processes_with("habitus_server.engine", str(state))
        pids = [window.process.pid for window in windows]
        print_processes([*pids, *engines])
        return figures(pids, engines, sum(answers))
    finally:
        for window in windows:
            await window.kill()
        for pid in processes_with("habitus_server.engine", str(state)):
            os.kill(pid, signal.SIGTERM)


async def work(window: Any, folder: Path) -> int:
    """Open a file in a workspace of its own, and ask once; 1 when the engine answered."""
    folder.mkdir()
    path = folder / "main.py"
    path.write_text("def area(width, height):\n    return \n", encoding="utf-8")
    await window.initialize(folder)
    uri = window.open(path)
    await window.ready()
    await window.inline(uri, len(window.texts[uri]) - 1, invoked=True)
    status = await window.execute("habitus.status")
    return int(status["answered"]["engine"] > 0)


def figures(pids: list[int], engines: list[int], answered: int) -> list[dict[str, Any]]:
    """What was to be shown: one engine, and torch in it alone."""
    served = [resident_mb(pid) for pid in pids]
    mapped = sum(len(torch_mappings(pid)) for pid in pids)
    together = sum(map(proportional_mb, [*pids, *engines]))
    return [
        figure("windows_answered", answered, n=1, target=f"{WINDOWS}", holds=answered == WINDOWS),
        figure("engines", len(engines), n=1, target="1", holds=len(engines) == 1),
        figure(
            "serve_resident_mb", max(served), n=WINDOWS, target="< 100", holds=max(served) < 100
        ),
        figure("serve_torch_files", mapped, n=WINDOWS, target="0", holds=mapped == 0),
        figure("engine_resident_mb", sum(map(resident_mb, engines)), n=len(engines)),
        figure("all_proportional_mb", together, n=WINDOWS + len(engines)),
    ]


def print_processes(pids: list[int]) -> None:
    """The processes, as `ps` would list them."""
    print(f"{'pid':>8} {'RSS MB':>8} {'PSS MB':>8}  command")
    for pid in pids:
        command = command_line(pid).split(" -m ", 1)[-1]
        print(f"{pid:>8} {resident_mb(pid):>8.1f} {proportional_mb(pid):>8.1f}  {command[:90]}")
    print()


if __name__ == "__main__":
    sys.exit(main())
