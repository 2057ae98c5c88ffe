"""An index that follows its workspace, in one window or in two."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from habitus_server.config import Config, Context
from habitus_server.index import Finder, Shelf, words_of
from habitus_server.indexing import Indexing
from habitus_server.library import Library
from habitus_server.watcher import Burst
from habitus_server.workspaces import Workspace, find_workspace, state_dir

CODE = "def load_invoice(reader, currency):\n    return reader.rows(currency)\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    root = tmp_path / "project"
    root.mkdir()
    (root / "a.py").write_text(CODE, "utf-8")
    return find_workspace(root, state_dir(tmp_path / "state"))


@pytest.fixture
async def windows(workspace: Workspace) -> AsyncIterator[list[Indexing]]:
    opened = [window(workspace) for _ in range(2)]
    yield opened
    for one in opened:
        one.leave()


def window(workspace: Workspace, config: Config | None = None) -> Indexing:
    config = config or Config()
    library = Library(workspace.root, config, is_inside=True)
    return Indexing(workspace, workspace.root, library, config)


def paths(workspace: Workspace) -> list[str]:
    return [found.path for found in Finder(workspace.index).find(words_of(CODE))]


async def test_an_index_is_read_from_the_files(
    workspace: Workspace, windows: list[Indexing]
) -> None:
    await windows[0].settle()
    assert paths(workspace) == ["a.py"]


async def test_a_change_on_disk_is_known(workspace: Workspace, windows: list[Indexing]) -> None:
    await windows[0].settle()
    (workspace.root / "b.py").write_text(CODE, "utf-8")
    (workspace.root / "a.py").unlink()
    burst = Burst(frozenset({workspace.root / "a.py", workspace.root / "b.py", Path("/else.py")}))
    windows[0].changed_on_disk(burst)
    await windows[0].settle()
    assert paths(workspace) == ["b.py"]


@pytest.mark.parametrize("many", [True, False])
async def test_the_whole_tree_is_looked_at_when_it_is_not_said_what_changed(
    workspace: Workspace, windows: list[Indexing], many: bool
) -> None:
    await windows[0].settle()
    (workspace.root / ".gitignore").write_text("a.py\n", "utf-8")
    (workspace.root / "b.py").write_text(CODE, "utf-8")
    told = Burst(is_many=True) if many else Burst(frozenset({workspace.root / ".gitignore"}))
    windows[0].changed_on_disk(told)
    await windows[0].settle()
    assert paths(workspace) == ["b.py"]


async def test_of_two_windows_one_writes_and_the_other_takes_over(
    workspace: Workspace, windows: list[Indexing]
) -> None:
    first, second = windows
    await first.settle()
    (workspace.root / "b.py").write_text(CODE, "utf-8")
    burst = Burst(frozenset({workspace.root / "b.py"}))
    second.changed_on_disk(burst)
    await second.settle()
    assert paths(workspace) == ["a.py"], "the second window leaves writing to the first"
    await first.close()
    await second.settle()
    assert paths(workspace) == ["a.py", "b.py"]


async def test_a_window_that_closes_while_it_reads_leaves_nothing_running(
    workspace: Workspace, windows: list[Indexing]
) -> None:
    first, second = windows
    for number in range(400):
        (workspace.root / f"f{number}.py").write_text(CODE * 20, "utf-8")
    first.look()
    await asyncio.sleep(0.3)
    await first.close()
    await second.settle()
    assert len(Shelf(workspace.index).stamps()) == 401


async def test_settings_bound_what_is_read(workspace: Workspace) -> None:
    (workspace.root / "b.py").write_text(CODE, "utf-8")
    one = window(workspace, Config(context=Context(max_files=1)))
    await one.settle()
    await one.close()
    assert len(Shelf(workspace.index).stamps()) == 1


async def test_an_index_that_was_damaged_is_read_anew(
    workspace: Workspace, windows: list[Indexing]
) -> None:
    workspace.index.write_bytes(b"not a database")
    await windows[0].settle()
    assert paths(workspace) == ["a.py"]


async def test_an_index_that_went_away_is_read_anew_when_a_file_changes(
    workspace: Workspace, windows: list[Indexing]
) -> None:
    await windows[0].settle()
    workspace.index.unlink()
    (workspace.root / "b.py").write_text(CODE, "utf-8")
    windows[0].changed_on_disk(Burst(frozenset({workspace.root / "b.py"})))
    await windows[0].settle()
    assert paths(workspace) == ["a.py", "b.py"]


async def test_a_failure_is_tried_again_and_nothing_that_changed_meanwhile_is_missed(
    workspace: Workspace, windows: list[Indexing]
) -> None:
    await windows[0].settle()
    workspace.index.unlink()
    workspace.index.mkdir()
    (workspace.root / "b.py").write_text(CODE, "utf-8")
    windows[0].changed_on_disk(Burst(frozenset({workspace.root / "b.py"})))
    await windows[0].settle()
    assert paths(workspace) == []
    workspace.index.rmdir()
    await windows[0].settle()
    assert paths(workspace) == ["a.py", "b.py"]


async def test_a_root_that_is_named_by_a_link_is_followed(
    workspace: Workspace, tmp_path: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(workspace.root)
    library = Library(link, Config(), is_inside=True)
    indexing = Indexing(workspace, link, library, Config())
    await indexing.settle()
    (link / "b.py").write_text(CODE, "utf-8")
    indexing.changed_on_disk(Burst(frozenset({link / "b.py"})))
    await indexing.settle()
    indexing.leave()
    assert paths(workspace) == ["a.py", "b.py"]
