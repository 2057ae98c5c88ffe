"""What the end-to-end tests share: a model, a state folder, and a clean end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from fake_editor import FakeEditor, editing, rooted
from habitus_server.engine.client import EngineClient
from habitus_server.errors import EngineError
from habitus_server.workspaces import runtime_dir
from lsp.rows import Rows
from tiny_model import make_tiny_model


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random model on disk."""
    return make_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="session")
def shared_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state folder whose engine serves many tests; each test has a workspace of its own."""
    folder = tmp_path_factory.mktemp("shared")
    yield folder
    asyncio.run(end_engines(folder))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def window(shared_state: Path, model: Path) -> AsyncIterator[FakeEditor]:
    """One window under a virtual clock that most tests share, each with a root of its own."""
    flags = ("--model", str(model), "--no-learn", "--replay-clock")
    async with editing(flags=flags, state=shared_state) as editor:
        await editor.ready()
        editor.clock(1_700_000_000.0)
        yield editor


@pytest_asyncio.fixture(loop_scope="session")
async def editor(window: FakeEditor, project: Path) -> AsyncIterator[FakeEditor]:
    """The shared window with the project in its memory and nothing else open."""
    async with rooted(window, project):
        yield window


@pytest.fixture
def rows(shared_state: Path) -> Rows:
    """Reads every store under the shared state folder as another process would."""
    return Rows(shared_state)


@pytest.fixture
async def state(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """A state folder of its own; engines started on it end with the test."""
    folder = tmp_path_factory.mktemp("state")
    yield folder
    await end_engines(folder)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small workspace on disk."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "shapes.py").write_text(
        "def area_of_circle(radius):\n    return 3.14 * radius * radius\n", encoding="utf-8"
    )
    (root / ".git").mkdir()
    (root / ".git" / "HEAD").write_text("ref: refs/heads/main\n", encoding="utf-8")
    (root / "main.py").write_text("import shapes\n\n", encoding="utf-8")
    return root


async def end_engines(state: Path) -> None:
    """Shut down whatever listens under a state folder, and wait until it has gone."""
    sockets = list(runtime_dir(state).glob("engine-*.sock"))
    for socket in sockets:
        try:
            client = await EngineClient.connect(socket, role="test")
        except EngineError:
            continue
        client.shut_down()
        await asyncio.wait_for(client.lost, 10)
        await client.close()
