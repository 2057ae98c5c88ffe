"""Starting the one engine of a machine, model and device.

Promises that any number of windows that start together end up with one engine,
that a stale socket is cleared away and a foreign one never touched, and that
nobody waits for the model: the engine listens first and loads afterwards.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import habitus_server
from habitus_server.config import Config
from habitus_server.engine.client import EngineClient
from habitus_server.errors import EngineError
from habitus_server.workspaces import private_dir, runtime_dir, try_lock

START_TIMEOUT_S = 30.0
_POLL_S = 0.05


def engine_key(model: str, device: str) -> str:
    """The name by which the windows of a machine find the same engine."""
    folder = Path(model).expanduser()
    name = str(folder.resolve()) if folder.is_dir() else model
    return hashlib.sha256(f"{name}\0{device}".encode()).hexdigest()[:12]


def engine_socket(state: Path, model: str, device: str) -> Path:
    """Where the engine of a model and device listens."""
    return runtime_dir(state) / f"engine-{engine_key(model, device)}.sock"


def busy_marker(socket_path: Path) -> Path:
    """The file whose modification time says when the engine last served someone."""
    return socket_path.with_suffix(".busy")


def engine_log(state: Path, model: str, device: str) -> Path:
    """Where the engine writes what it has to say."""
    return private_dir(state / "logs") / f"engine-{engine_key(model, device)}.log"


async def ensure_engine(
    state: Path, config: Config, *, role: str = "serve", timeout_s: float = START_TIMEOUT_S
) -> EngineClient:
    """A connection to the engine of `config`, started if none answers.

    Raises `EngineError` when it cannot be started or its socket is taken.
    """
    socket_path = engine_socket(state, config.model, config.engine.device)
    deadline = time.monotonic() + timeout_s
    process: subprocess.Popen[bytes] | None = None
    while True:
        if socket_path.exists():
            try:
                return await EngineClient.connect(socket_path, role=role)
            except EngineError as error:
                if _is_dying(error) and time.monotonic() < deadline:
                    await asyncio.sleep(_POLL_S)
                    continue
                if not _is_stale(error):
                    raise
        lock = try_lock(socket_path.with_suffix(".lock"))
        if lock is not None:
            try:
                # The lock passes to the engine, which holds it for life: whoever else
                # wants to start one sees that one is there, listening or about to.
                process = _start(state, config, socket_path, lock)
            finally:
                os.close(lock)
        if process is not None and (code := process.poll()) is not None:
            raise EngineError(_died(state, config, code))
        if time.monotonic() > deadline:
            log = engine_log(state, config.model, config.engine.device)
            raise EngineError(
                f"The engine did not listen within {timeout_s:.0f} s. Its log is {log}."
            )
        await asyncio.sleep(_POLL_S)


def _is_stale(error: EngineError) -> bool:
    cause = error.__cause__
    return isinstance(cause, ConnectionRefusedError | FileNotFoundError)


def _is_dying(error: EngineError) -> bool:
    """Whether an engine accepted us and ended before it could greet."""
    return isinstance(error.__cause__, ConnectionResetError | BrokenPipeError | EOFError)


def _start(state: Path, config: Config, socket_path: Path, lock: int) -> subprocess.Popen[bytes]:
    """Start a detached engine that inherits the lock; clear the socket of a dead one."""
    socket_path.unlink(missing_ok=True)
    log = engine_log(state, config.model, config.engine.device)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(
            engine_command(state, config, lock),
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd=state,
            env=_environment(),
            pass_fds=(lock,),
            start_new_session=True,
        )
    finally:
        os.close(descriptor)


def engine_command(state: Path, config: Config, lock: int) -> list[str]:
    """The command line of an engine that keeps `lock` open."""
    settings = config.engine
    return [
        *(sys.executable, "-P", "-m", "habitus_server.engine"),
        *("--state", str(state)),
        *("--model", config.model),
        *("--device", settings.device),
        *("--threads", str(settings.threads)),
        *("--unload-after-s", str(settings.unload_after_s)),
        *("--exit-after-s", str(settings.exit_after_s)),
        *("--lock-fd", str(lock)),
        *(() if settings.loads_hub_models else ("--no-hub",)),
    ]


def _environment() -> dict[str, str]:
    """Ours, with the very package that we run from first on the child's path."""
    root = str(Path(habitus_server.__file__).parents[1])
    rest = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{rest}" if rest else root}


def _died(state: Path, config: Config, code: int) -> str:
    log = engine_log(state, config.model, config.engine.device)
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        lines = []
    last = f" Its last words: {lines[-1]}" if lines else ""
    return f"The engine ended with code {code} while it started; see {log}.{last}"
