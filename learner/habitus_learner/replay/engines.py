"""The engines of a replay's own state folder: who they are, and how they are sent home.

An engine outlives its windows on purpose; a replay's is nobody's once the replay is over.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import psutil

from habitus_server.engine.client import EngineClient
from habitus_server.errors import EngineError
from habitus_server.workspaces import runtime_dir

END_SECONDS = 10.0
POLL_SECONDS = 0.1


def find_engines(state: Path) -> frozenset[tuple[int, float]]:
    """The engines that serve this state folder: process ids with their start times."""
    found: set[tuple[int, float]] = set()
    for process in psutil.process_iter(["cmdline", "create_time"]):
        command = process.info["cmdline"] or []
        if "habitus_server.engine" in command and str(state) in command:
            found.add((process.pid, process.info["create_time"]))
    return frozenset(found)


async def end_engines(state: Path) -> None:
    """Ask every engine of this state folder to end, and wait until it has."""
    for socket in runtime_dir(state).glob("engine-*.sock"):
        try:
            client = await EngineClient.connect(socket, role="replay")
        except EngineError:
            continue
        client.shut_down()
        await asyncio.wait([client.lost], timeout=END_SECONDS)
        await client.close()
    # The socket closes before the process is gone; one that is still busy ends by itself
    # after its idle time.
    deadline = time.monotonic() + END_SECONDS
    while find_engines(state) and time.monotonic() < deadline:
        await asyncio.sleep(POLL_SECONDS)
