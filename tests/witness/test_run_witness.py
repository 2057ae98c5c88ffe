"""What a window does when a test run leaves its results."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from habitus_server.config import Config
from habitus_server.executor import Executor
from habitus_server.library import Library
from habitus_server.lsp.testing import RunWitness
from habitus_server.lsp.witness import Lead
from habitus_server.recorder import Recorder
from habitus_server.records import TaskFile, TaskKind
from habitus_server.store import Store
from habitus_server.testruns import readers
from habitus_server.watcher import Burst

NOW = 1_700_000_000.0
CACHE = Path(".pytest_cache/v/cache/nodeids")


class FakeRecorder:
    """Keeps the moments."""

    def __init__(self) -> None:
        self.moments: list[str] = []

    def moment(self, name: str) -> None:
        self.moments.append(name)


class Room:
    """A project with one tested module, and a witness of its runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        (self.folder / CACHE).parent.mkdir(parents=True)
        self.write("shapes.py", "def area(): ...\n")
        self.write("test_shapes.py", "import shapes\n")
        self.store = Store.open(folder / "signals.db")
        self.recorder = FakeRecorder()
        library = Library(self.folder, Config(), is_inside=True)
        self.executor = Executor("window", lambda: NOW)
        self.executor.attach(self.store, library)
        recorder = cast(Recorder, self.recorder)
        lead = Lead(folder / "witness.lock")
        self.witness = RunWitness(self.folder, library, recorder, self.executor, lead, readers())

    def write(self, name: str, text: str) -> Path:
        (self.folder / name).write_text(text, encoding="utf-8")
        return self.folder / name

    async def run(self, *failed: str, is_many: bool = False) -> None:
        """pytest ends, and its cache says that these fail."""
        self.write(str(CACHE.with_name("lastfailed")), json.dumps(dict.fromkeys(failed, True)))
        path = self.write(str(CACHE), json.dumps(sorted(failed)))
        await self.saw(Burst(frozenset() if is_many else frozenset([path]), (), is_many))

    async def saw(self, burst: Burst) -> None:
        self.witness.changed(burst)
        await self.witness.settle()
        await self.executor.flush()


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    room = Room(tmp_path)
    await room.witness.start()
    yield room
    room.store.close()


async def test_a_test_run_is_a_moment(room: Room) -> None:
    await room.run()
    assert room.recorder.moments == ["tests"]


async def test_a_test_run_leaves_a_task_that_says_how_it_went(room: Room) -> None:
    await room.run()
    await room.run("test_shapes.py::test_area")
    first, second = room.store.tasks(TaskKind.TEST)
    assert (first.name, first.succeeded, second.succeeded) == ("pytest", True, False)
    assert second.result == "0 passed, 1 failed"


async def test_results_are_tied_to_the_modules_that_a_test_file_imports(room: Room) -> None:
    await room.run()
    await room.run("test_shapes.py::test_area")
    (result,) = room.store.test_results("shapes.py")
    assert result.file == TaskFile("shapes.py", 0, 1)


async def test_a_junit_file_is_read_too(room: Room) -> None:
    text = '<testsuite><testcase classname="test_shapes" name="a" time="1.5"/></testsuite>'
    await room.saw(Burst(frozenset([room.write("junit.xml", text)])))
    (task,) = room.store.tasks(TaskKind.TEST)
    assert (task.name, task.duration_s, task.started_at) == ("junit", 1.5, NOW - 1.5)


async def test_other_files_are_no_test_runs(room: Room) -> None:
    await room.saw(Burst(frozenset([room.write("pom.xml", "<project/>")])))
    assert room.recorder.moments == []


async def test_the_same_file_told_twice_is_one_run(room: Room) -> None:
    await room.run()
    await room.saw(Burst(frozenset([room.folder / CACHE])))
    assert room.recorder.moments == ["tests"]


async def test_a_run_within_a_storm_is_seen_when_there_was_one_before(room: Room) -> None:
    await room.run()
    await room.run("test_shapes.py::test_area", is_many=True)
    assert room.recorder.moments == ["tests", "tests"]
