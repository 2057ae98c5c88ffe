"""What the tests of signals share."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from habitus_server.lsp.logs import log_to_file


@pytest.fixture
def state_log(tmp_path: Path) -> Iterator[None]:
    """Everything that is logged goes to a file in the state folder, as in a real window."""
    log = logging.getLogger("habitus_server")
    before, level = list(log.handlers), log.level
    log.setLevel("DEBUG")
    (tmp_path / "state").mkdir()
    log_to_file(tmp_path / "state" / "logs")
    yield
    log.setLevel(level)
    for handler in set(log.handlers) - set(before):
        log.removeHandler(handler)
        handler.close()
