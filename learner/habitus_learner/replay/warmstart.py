"""A workspace's past, learned by the command that a user would run.

Promises what the course came to, as the status of a cycle is read, or why it did not
begin. How far it is, is the caller's to show: what the command printed is kept beside
its outcome.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from pathlib import Path

import msgspec

from habitus_learner.replay.editor import environment
from habitus_learner.replay.learning import OnProgress, read_cycle
from habitus_learner.replay.report import CycleFacts
from habitus_server.store import Store
from habitus_server.workspaces import find_workspace

POLL_S = 0.5


async def warm_up(
    folder: Path, state: Path, config_file: Path, *, minutes: float, report: OnProgress
) -> CycleFacts:
    """Run `habitus warm-up` on a folder, with `minutes` for training, to its end."""
    outcome = config_file.with_name("warm-up.json")
    printed = config_file.with_name("warm-up.log")
    started = time.monotonic()
    with printed.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "habitus_server.cli", "warm-up", str(folder)),
            *("--state-dir", str(state), "--budget", str(minutes), "--json", str(outcome)),
            "--no-yield",
            env=environment(config_file),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=asyncio.subprocess.STDOUT,
        )
    try:
        await _watch(process, find_workspace(folder, state).database, report)
    finally:
        if process.returncode is None:
            process.terminate()
    taken = (time.monotonic() - started) / 60.0
    if outcome.is_file():
        return read_cycle(msgspec.json.decode(outcome.read_bytes()), taken)
    reason = printed.read_text(errors="replace").strip().rpartition("\n")[2]
    return CycleFacts(0, "not started", None, reason, {}, taken)


async def _watch(process: asyncio.subprocess.Process, database: Path, report: OnProgress) -> None:
    with contextlib.closing(Store.open(database)) as store:
        while process.returncode is None:
            for cycle in store.cycles(1):
                report(cycle.stage or cycle.state.value, cycle.progress)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), POLL_S)
