"""kill -9 of server, engine and learner at seeded moments of scripted work.

What was acknowledged stays, what serves is whole, and everything comes back. The moments
are drawn, not chosen: most fall into the middle of something.
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from chaos.scripted import habit
from fake_editor import FakeEditor, RequestError
from habitus_server import adapters
from habitus_server.config import Config, Engine
from habitus_server.engine.launch import ensure_engine
from habitus_server.engine.wire import Place
from habitus_server.store import Store
from habitus_server.workspaces import Workspace, find_workspace, state_dir
from tiny_model import make_tiny_model

SEED = 20
SERVER_KILLS = 8
ENGINE_KILLS = 4
PUBLISH_KILLS = 16
CYCLE_KILLS = ("collecting", "preparing", "preparing", *["training"] * 13, *["judging"] * 4)
"""In which stage each kill falls, where the learner is not past it already."""

LONG_S = 90.0
KNOWN = "def area_of_circle(radius):\n    return "
REST = "3.14 * radius * radius"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = state_dir(tmp_path_factory.mktemp("state"))
    yield folder
    for process in engines(folder):
        process.kill()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "shapes.py").write_text(f"{KNOWN}{REST}\n", encoding="utf-8")
    return root


def test_enough_kills_are_delivered() -> None:
    assert SERVER_KILLS + ENGINE_KILLS + PUBLISH_KILLS + len(CYCLE_KILLS) >= 30
    assert len(CYCLE_KILLS) >= 20


# --- the server and the engine -----------------------------------------------------


async def test_every_acknowledged_accept_survives_kills_of_server_and_engine(
    state: Path, project: Path, model: Path
) -> None:
    draw = random.Random(SEED)
    acknowledged: list[str] = []
    killed = {"server": 0, "engine": 0}
    for life in range(SERVER_KILLS):
        editor = await FakeEditor.start(
            "--model", str(model), "--device", "cpu", "--no-learn", state=state
        )
        await editor.initialize(project)
        developer = Developer(editor, project, life, acknowledged)
        await developer.accept_one()
        working = asyncio.create_task(developer.accept_for_ever())
        await asyncio.sleep(draw.uniform(0.0, 0.4))
        if life % 2 and killed["engine"] < ENGINE_KILLS:
            (engine,) = engines(state)
            engine.kill()
            killed["engine"] += 1
            await developer.next_accept()
            await asyncio.sleep(draw.uniform(0.0, 0.2))
        assert editor.process.returncode is None, "".join(editor.errors[-20:])
        await editor.kill()
        killed["server"] += 1
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    assert killed == {"server": SERVER_KILLS, "engine": ENGINE_KILLS}
    assert len(acknowledged) >= SERVER_KILLS + ENGINE_KILLS
    assert set(acknowledged) <= accepted_on_disk(state, project)


class Developer:
    """Opens new files that begin like a known one, and accepts what is suggested."""

    def __init__(
        self, editor: FakeEditor, project: Path, life: int, acknowledged: list[str]
    ) -> None:
        self._editor = editor
        self._project = project
        self._life = life
        self._files = 0
        self._acknowledged = acknowledged

    async def accept_one(self) -> None:
        """Ask until there is an answer (a starting engine has none), and accept it."""
        self._files += 1
        editor = self._editor
        uri = editor.open(self._project / f"new_{self._life}_{self._files}.py", KNOWN)
        async with asyncio.timeout(LONG_S):
            while not (items := await self._ask(uri)):
                await asyncio.sleep(0.05)
        item = items[0]
        editor.edit(uri, len(KNOWN), len(KNOWN), item["insertText"])
        command = item["command"]
        reply = await editor.execute(command["command"], command["arguments"][0])
        assert reply == {"recorded": True, "reason": ""}
        self._acknowledged.append(command["arguments"][0]["id"])

    async def accept_for_ever(self) -> None:
        """Until the window is killed."""
        while True:
            await self.accept_one()

    async def next_accept(self) -> None:
        """Wait until one more accept was answered: the engine is back."""
        before = len(self._acknowledged)
        async with asyncio.timeout(LONG_S):
            while len(self._acknowledged) == before:
                await asyncio.sleep(0.02)

    async def _ask(self, uri: str) -> list[dict[str, Any]]:
        try:
            return await self._editor.inline(uri, len(KNOWN), timeout=LONG_S)
        except RequestError:
            return []


def engines(state: Path) -> list[psutil.Process]:
    """The engines of a state folder that run."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        line = process.info["cmdline"] or []
        if "habitus_server.engine" in line and str(state) in line:
            found.append(process)
    return found


def accepted_on_disk(state: Path, project: Path) -> set[str]:
    database = find_workspace(project, state).database
    connection = sqlite3.connect(database)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = connection.execute("SELECT id FROM suggestions WHERE state = 'accepted'")
        return {str(row[0]) for row in rows}
    finally:
        connection.close()


# --- the learner ---------------------------------------------------------------------


class Zygote:
    """Forks victims, and hears them; see `zygote.py`."""

    def __init__(self) -> None:
        paths = [entry for entry in sys.path if entry.endswith(("server", "learner", "tests"))]
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).with_name("zygote.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"},
        )
        self._lines: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def fork(self, **order: Any) -> int:
        """Start a victim; its process id."""
        assert self._process.stdin is not None
        while not self._lines.empty():
            self._lines.get()
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self.hear("pid")["pid"])

    def hear(self, *keys: str) -> dict[str, Any]:
        """The next line that has one of `keys`."""
        while True:
            line = self._lines.get(timeout=LONG_S)
            assert line, "the zygote ended"
            if any(key in line for key in keys):
                return line

    def end(self) -> None:
        self._process.kill()
        self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                self._lines.put(json.loads(line))
        self._lines.put({})


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    made = Zygote()
    yield made
    made.end()


def kill(pid: int) -> None:
    """Kill a victim that lives, and wait until it is gone."""
    os.kill(pid, signal.SIGKILL)
    while psutil.pid_exists(pid):
        time.sleep(0.002)


def serving(workspace: Workspace) -> str | None:
    """The version in service, which must be whole."""
    ref = adapters.current(workspace)
    if ref is None:
        return None
    return adapters.verify(Path(ref.path)).version


def test_no_kill_while_publishing_leaves_a_broken_adapter_in_service(
    state: Path, project: Path, zygote: Zygote
) -> None:
    workspace = find_workspace(project, state)
    draw = random.Random(SEED)
    served = set()
    for number in range(PUBLISH_KILLS):
        pid = zygote.fork(victim="publish", state=str(state), root=str(project), seed=number)
        zygote.hear("stage")
        time.sleep(draw.uniform(0.0, 0.12))
        kill(pid)
        served.add(serving(workspace))
        listed = [found.version for found in adapters.list_adapters(workspace)]
        for version in listed:
            adapters.verify(workspace.adapters / version)
    assert len(served) >= PUBLISH_KILLS // 2


async def test_a_learner_killed_again_and_again_publishes_once_and_its_adapter_serves(
    state: Path, project: Path, model: Path, zygote: Zygote
) -> None:
    workspace = find_workspace(project, state)
    store = Store.open(workspace.database)
    store.add_patterns(habit(130)).result()
    draw = random.Random(SEED)
    order = {
        "victim": "cycle",
        "state": str(state),
        "root": str(project),
        "model": str(model),
        "steps": 96,
    }
    stages = set()
    for wanted in CYCLE_KILLS:
        pid = zygote.fork(**order)
        stage = zygote.hear("stage")["stage"]
        while stage not in (wanted, "judging"):
            stage = zygote.hear("stage")["stage"]
        stages.add(stage)
        time.sleep(draw.uniform(0.0, 0.2))
        kill(pid)
        assert serving(workspace) is None
    assert stages == set(CYCLE_KILLS)
    zygote.fork(**order)
    done = zygote.hear("done")
    assert done["done"] == "published", done["verdict"]
    version = serving(workspace)
    assert version is not None
    assert [found.version for found in adapters.list_adapters(workspace)] == [version]
    assert [cycle.state.value for cycle in store.cycles()] == ["published"]
    assert await answered_with(state, model, workspace) == version
    store.close()


async def answered_with(state: Path, model: Path, workspace: Workspace) -> str | None:
    """The version that a fresh engine answers a completion with."""
    client = await ensure_engine(
        state, Config(model=str(model), engine=Engine(device="cpu", threads=1))
    )
    place = Place(workspace.id, "a.py", "python", "def close(self):\n    ", "\n")
    try:
        completed = await client.complete(place, window="test", adapter=adapters.current(workspace))
        return completed.adapter
    finally:
        client.shut_down()
        await client.close()
