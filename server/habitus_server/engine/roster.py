"""The engines that run beside a state folder, told something all at once.

Promises that nobody is started to be told, and that an engine which does not answer is
named instead of waited for.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from habitus_server.engine.client import EngineClient
from habitus_server.errors import EngineError
from habitus_server.workspaces import runtime_dir


async def tell_engines(state: Path, say: Callable[[EngineClient], None]) -> list[str]:
    """Say something to each engine that runs; returns what went wrong, as sentences."""
    problems = []
    for socket in sorted(runtime_dir(state).glob("engine-*.sock")):
        try:
            client = await EngineClient.connect(socket, role="status")
        except EngineError as error:
            if not isinstance(error.__cause__, ConnectionRefusedError | FileNotFoundError):
                problems.append(str(error))
            continue
        try:
            say(client)
            await client.status(settled=True)
        except EngineError as error:
            problems.append(str(error))
        finally:
            await client.close()
    return problems
