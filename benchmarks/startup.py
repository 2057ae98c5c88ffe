"""How long `habitus serve` takes to answer `initialize`, next to a bare pygls server.

    python benchmarks/startup.py [--runs 10]

Both are started in turn, in the same environment, so that a busy machine slows both.
The memory of a `serve` is read after a session with a tiny model: documents opened, a
completion answered, a suggestion accepted. Writes build/bench/startup.json.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from figures import figure, median_interval, ratio_interval, report
from processes import peak_mb, resident_mb, torch_mappings

ROOT = Path(__file__).resolve().parents[1]
MOST_RATIO = 1.3
MOST_MB = 100.0


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="habitus-bench-") as folder:
        return report("startup", [*starts(Path(folder), options.runs), *session(Path(folder))])


def starts(folder: Path, runs: int) -> list[dict[str, Any]]:
    """Milliseconds to the reply to `initialize`, interleaved."""
    bare = [sys.executable, "-P", str(ROOT / "benchmarks" / "bare_server.py")]
    serve = [sys.executable, "-P", "-m", "habitus_server.cli", "serve"]
    serve += ["--state-dir", str(folder / "state")]
    for command in (bare, serve):
        time_to_initialize(command, folder)  # byte code and page cache
    bare_ms, serve_ms = [], []
    for _ in range(runs):
        bare_ms.append(time_to_initialize(bare, folder))
        serve_ms.append(time_to_initialize(serve, folder))
    ratio = statistics.median(serve_ms) / statistics.median(bare_ms)
    return [
        figure(
            "bare_initialize_ms",
            statistics.median(bare_ms),
            n=runs,
            interval=median_interval(bare_ms),
        ),
        figure(
            "serve_initialize_ms",
            statistics.median(serve_ms),
            n=runs,
            interval=median_interval(serve_ms),
        ),
        figure(
            "initialize_ratio",
            ratio,
            n=runs,
            interval=ratio_interval(serve_ms, bare_ms),
            target=f"<= {MOST_RATIO}",
            holds=ratio <= MOST_RATIO,
        ),
    ]


def time_to_initialize(command: Sequence[str], folder: Path) -> float:
    """Milliseconds from starting a server to its reply to `initialize`."""
    params = {
        "processId": os.getpid(),
        "rootUri": folder.as_uri(),
        "capabilities": {"general": {"positionEncodings": ["utf-16"]}},
    }
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(folder),
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params})
        process.stdin.write(f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
        process.stdin.flush()
        while read_message(process.stdout).get("id") != 1:
            pass
        return (time.perf_counter() - started) * 1000
    finally:
        process.kill()
        process.wait()


def read_message(stream: IO[bytes]) -> dict[str, Any]:
    """The next message of a server; raises `EOFError` when it has ended."""
    length = 0
    while (header := stream.readline()).strip():
        name, _, value = header.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    if not header:
        raise EOFError("The server ended without an answer.")
    message: dict[str, Any] = json.loads(stream.read(length))
    return message


def environment(folder: Path) -> dict[str, str]:
    """Ours, with the packages of this checkout and no settings of the user's."""
    return {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'server'}{os.pathsep}{ROOT / 'learner'}",
        "HABITUS_CONFIG": str(folder / "config.toml"),
    }


def session(folder: Path) -> list[dict[str, Any]]:
    """Memory and libraries of a `serve` that has worked."""
    resident, peak, mapped = asyncio.run(_session(folder))
    return [
        figure(
            "serve_resident_mb", resident, n=1, target=f"< {MOST_MB:.0f}", holds=resident < MOST_MB
        ),
        figure("serve_peak_mb", peak, n=1, target=f"< {MOST_MB:.0f}", holds=peak < MOST_MB),
        figure("serve_torch_files", mapped, n=1, target="0", holds=mapped == 0),
    ]


async def _session(folder: Path) -> tuple[float, float, int]:
    sys.path.insert(0, str(ROOT / "tests"))
    from fake_editor import FakeEditor
    from tiny_model import make_tiny_model

    model = make_tiny_model(folder / "model")
    work = folder / "work"
    work.mkdir()
    (work / "main.py").write_text("def area(width, height):\n    return \n", encoding="utf-8")
    editor = await FakeEditor.start("--model", str(model), state=folder / "session")
    engine_pid = None
    try:
        await editor.initialize(work)
        uri = editor.open(work / "main.py")
        await editor.ready()
        engine_pid = _engine_pid(folder / "session")
        items = await editor.inline(uri, len(editor.texts[uri]) - 1, invoked=True)
        if items:
            await editor.accept(uri, items[0])
        pid = editor.process.pid
        figures = resident_mb(pid), peak_mb(pid), len(torch_mappings(pid))
        await editor.shutdown()
        return figures
    finally:
        await editor.kill()
        if engine_pid is not None:
            os.kill(engine_pid, 15)


def _engine_pid(state: Path) -> int:
    from processes import processes_with

    (pid,) = processes_with("habitus_server.engine", str(state))
    return pid


if __name__ == "__main__":
    sys.exit(main())
