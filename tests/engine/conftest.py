"""A tiny random model, made once for all of these tests."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from habitus_server.engine.model import Model, load_model
from tiny_model import make_tiny_model


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Products of this size only wait for each other on several threads."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> Model:
    return load_model(str(tiny_folder), "cpu")
