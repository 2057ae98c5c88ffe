"""`habitus doctor`: is everything in place? Tries it, rather than guessing."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from habitus_server import __version__
from habitus_server import config as settings
from habitus_server.engine.client import EngineClient
from habitus_server.engine.launch import ensure_engine
from habitus_server.engine.wire import EngineStatus, Place
from habitus_server.errors import EngineError, HabitusError
from habitus_server.workspaces import runtime_dir, state_dir

HELP = "try the model, the engine and the store, and say what is wrong"
LIBRARIES = ("pygls", "lsprotocol", "torch", "transformers", "peft", "tree-sitter", "pygit2")
LOAD_TIMEOUT_S = 120.0
PROBE = Place("doctor", "doctor.py", "python", "def add(left, right):\n    return left + ", "\n")


class Report(msgspec.Struct):
    """What was found; a failure names what to do."""

    failures: int = 0

    def say(self, topic: str, found: str) -> None:
        """A fact."""
        print(f"ok    {topic:<9} {found}")

    def fail(self, topic: str, problem: str) -> None:
        """Something to act on."""
        self.failures += 1
        print(f"FAIL  {topic:<9} {problem}")

    def check(self, topic: str, look: Callable[[], str]) -> None:
        """Look at something, and report what comes of it."""
        try:
            self.say(topic, look())
        except (HabitusError, OSError) as error:
            self.fail(topic, str(error))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--model", help="try this model instead of the configured one")
    parser.add_argument("--device", help="auto, cpu or cuda")
    parser.add_argument("--state-dir", type=Path, help="where Habitus keeps its state")


def run(options: argparse.Namespace) -> int:
    """Check one thing after another; 0 when all are well."""
    flags: dict[str, object] = {}
    if options.model:
        flags["model"] = options.model
    if options.device:
        flags["engine"] = {"device": options.device}
    report = Report()
    config, problems = settings.load(flags)
    report.say("versions", _versions())
    for problem in problems:
        report.fail("settings", problem)
    if not problems:
        report.say("settings", str(settings.user_file()))
    report.check("state", lambda: _check_state(options.state_dir))
    report.check("store", _check_store)
    if report.failures == 0:
        report.check("engine", lambda: asyncio.run(_check_engine(config, options.state_dir)))
    return 1 if report.failures else 0


def _versions() -> str:
    found = [f"habitus {__version__}", f"Python {platform.python_version()}", sys.platform]
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} missing")
    return ", ".join(found)


def _check_state(chosen: Path | None) -> str:
    folder = state_dir(chosen)
    runtime_dir(folder)
    with tempfile.NamedTemporaryFile(dir=folder):
        pass
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize / 2**30
    return f"{folder}, {free:,.1f} GiB free"


def _check_store() -> str:
    from habitus_server.store import Store

    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        store = Store.open(Path(folder) / "signals.db")
        store.barrier().result()
        store.close()
        return f"a commit reaches the disk in {1000 * (time.monotonic() - began):.0f} ms"


async def _check_engine(config: settings.Config, chosen: Path | None) -> str:
    """Start it as an editor would, wait for the model, and ask it something."""
    client = await ensure_engine(state_dir(chosen), config, role="doctor")
    try:
        status = await _loaded(client)
        began = time.monotonic()
        completed = await client.complete(PROBE, window="doctor")
        took_ms = 1000 * (time.monotonic() - began)
        text = completed.candidates[0].text if completed.candidates else ""
    finally:
        await client.close()
    return f"{status.model} on {status.device} answers {text!r} in {took_ms:.0f} ms"


async def _loaded(client: EngineClient) -> EngineStatus:
    deadline = time.monotonic() + LOAD_TIMEOUT_S
    while True:
        status = await client.status()
        if status.state == "failed":
            raise EngineError(status.detail)
        if status.state != "loading":
            return status
        if time.monotonic() > deadline:
            raise EngineError(f"{status.model} did not load within {LOAD_TIMEOUT_S:.0f} s.")
        await asyncio.sleep(0.2)
