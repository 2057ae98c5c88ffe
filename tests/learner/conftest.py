"""A workspace with a store, and a tiny model, for tests of the learner."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from habitus_server.store import Store
from habitus_server.workspaces import Workspace, find_workspace, state_dir
from tiny_model import make_tiny_model


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return state_dir(tmp_path / "state")


@pytest.fixture
def workspace(tmp_path: Path, state: Path) -> Workspace:
    root = tmp_path / "project"
    root.mkdir()
    return find_workspace(root, state)


@pytest.fixture
def store(workspace: Workspace) -> Iterator[Store]:
    opened = Store.open(workspace.database)
    yield opened
    opened.close()
