"""The learning process of one workspace, kept running.

Promises that it is started again with growing pauses when it fails, that it is stopped
with the window, and that it is never imported: it is a command like any other.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from habitus_server.config import Config
from habitus_server.errors import TrainingError
from habitus_server.workspaces import Workspace, private_dir, try_lock

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 300.0
LOCK_POLL_S = 5.0
STOP_TIMEOUT_S = 3.0
ROLLBACK_TIMEOUT_S = 60.0


def command(name: str, *arguments: str) -> list[str]:
    """The command line of a `habitus` command, in this very installation."""
    return [sys.executable, "-P", "-m", "habitus_server.cli", name, *arguments]


async def roll_back(workspace: Workspace, flags: list[str]) -> str:
    """Run `habitus rollback`; its last line, or `TrainingError` with the reason."""
    process = await asyncio.create_subprocess_exec(
        *command("rollback", str(workspace.root), *flags),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=workspace.folder,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), ROLLBACK_TIMEOUT_S)
    except TimeoutError as error:
        process.kill()
        raise TrainingError("`habitus rollback` did not end; nothing was changed.") from error
    if process.returncode != 0:
        reason = err.decode(errors="replace").strip().removeprefix("habitus rollback: ")
        raise TrainingError(reason or "`habitus rollback` failed.")
    return out.decode(errors="replace").strip()


class Sidecar:
    """One `habitus learn`, supervised; all calls on the event loop, but `leave`."""

    def __init__(
        self,
        workspace: Workspace,
        state: Path,
        config: Config,
        *,
        on_problem: Callable[[str], None],
    ) -> None:
        self._workspace = workspace
        self._state = state
        self._config = config
        self._on_problem = on_problem
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start it, and keep it running."""
        self._task = asyncio.create_task(self._keep_running())

    async def stop(self) -> None:
        """End it; a training step in progress resumes from its checkpoint next time."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        process = self._process
        if process is None or process.returncode is not None:
            return
        self.leave()
        try:
            await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    def leave(self) -> None:
        """Ask it to end, without waiting."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGTERM)

    async def _keep_running(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            status = await self._run_once()
            if status == 0:
                self._on_problem("")
                await self._other_window_left()
                pause_s = FIRST_PAUSE_S
                continue
            self._on_problem(
                f"The learner ended with code {status} and is started again in "
                f"{pause_s:.0f} s; its log is {self._log_path()}."
            )
            await asyncio.sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)

    async def _other_window_left(self) -> None:
        """Another window's sidecar serves this workspace: wait until its lock is free."""
        while True:
            await asyncio.sleep(LOCK_POLL_S)
            lock = await asyncio.to_thread(try_lock, self._workspace.learn_lock)
            if lock is not None:
                os.close(lock)
                return

    async def _run_once(self) -> int:
        descriptor = os.open(self._log_path(), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *command("learn", str(self._workspace.root)),
                *("--state-dir", str(self._state)),
                *("--model", self._config.model),
                *("--device", self._config.engine.device),
                stdin=asyncio.subprocess.PIPE,
                stdout=descriptor,
                stderr=descriptor,
                cwd=self._workspace.folder,
            )
        except OSError as error:
            log.warning("The learner cannot be started: %s", error)
            return 1
        finally:
            os.close(descriptor)
        return await self._process.wait()

    def _log_path(self) -> Path:
        return private_dir(self._state / "logs") / f"learn-{self._workspace.id}.log"
