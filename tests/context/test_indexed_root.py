"""Where a window keeps an index, and where it must not."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from habitus_server.config import Config, Context, Privacy
from habitus_server.session import Opened
from signals.one_root import OneRoot

TWIN = "def load_invoice(reader, currency):\n    return reader.rows(currency)\n"
HERE = "def load_payment(reader, currency):\n    "


def window(folder: Path, config: Config | None = None) -> OneRoot:
    (folder / "project").mkdir(exist_ok=True)
    (folder / "project" / "invoices.py").write_text(TWIN, "utf-8")
    return OneRoot(folder, config or Config(), has_virtual_clock=False)


def index(folder: Path) -> Path | None:
    return next((folder / "state").rglob("index.db"), None)


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[OneRoot]:
    one = window(tmp_path)
    await one.open()
    await one.root.flush()
    yield one
    await one.root.close()


def shown(one: OneRoot) -> list[str]:
    """The files whose pieces a request in a new file would see."""
    uri = (one.folder / "payments.py").as_uri()
    one.take(Opened(uri, "python", 1, HERE))
    return [chunk.path for chunk in one.root.knowledge.context_of(one.snapshot(uri))()]


async def test_a_request_sees_pieces_of_files_that_were_never_opened(opened: OneRoot) -> None:
    assert shown(opened) == ["invoices.py"]


async def test_the_index_lies_in_the_state_folder_for_its_owner_only(
    tmp_path: Path, opened: OneRoot
) -> None:
    path = index(tmp_path)
    assert path is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_second_window_sees_what_the_first_one_wrote(
    tmp_path: Path, opened: OneRoot
) -> None:
    second = window(tmp_path)
    await second.open()
    assert shown(second) == ["invoices.py"]
    await second.root.close()


@pytest.mark.parametrize(
    "config", [Config(privacy=Privacy(record=False)), Config(context=Context(enabled=False))]
)
async def test_settings_that_forbid_an_index_take_it_away(
    tmp_path: Path, opened: OneRoot, config: Config
) -> None:
    await opened.root.close()
    second = window(tmp_path, config)
    await second.open()
    await second.root.flush()
    assert index(tmp_path) is None
    assert shown(second) == []
    await second.root.close()


async def test_a_workspace_may_have_its_index_switched_off_by_its_own_file(
    tmp_path: Path, opened: OneRoot
) -> None:
    await opened.root.close()
    (opened.folder / ".habitus.toml").write_text("[context]\nenabled = false\n", "utf-8")
    second = window(tmp_path)
    await second.open()
    await second.root.flush()
    assert index(tmp_path) is None
    await second.root.close()
