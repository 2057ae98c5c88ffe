"""Bursts of file events: gathered, bounded, and told once on the loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from habitus_server.watcher import Burst, TreeWatcher

MOST_PATHS = 100


class Watched:
    """A folder under a watcher, and the bursts that it told of."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bursts: list[Burst] = []
        loop = asyncio.get_running_loop()
        self.watcher = TreeWatcher(root, loop, self.bursts.append, most_paths=MOST_PATHS)

    async def until(self, path: str) -> None:
        """Wait until a file is told of, or many are."""
        async with asyncio.timeout(30):
            while not any(self.root / path in one.paths or one.is_many for one in self.bursts):
                await asyncio.sleep(0.01)

    async def end(self) -> list[Burst]:
        """Write one file more and wait for it, so that all before it was told; the bursts."""
        (self.root / "end.py").write_text("end", encoding="utf-8")
        await self.until("end.py")
        return self.bursts


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    found = Watched(tmp_path)
    assert await asyncio.to_thread(found.watcher.start) == ""
    yield found
    found.watcher.stop()


async def test_files_written_together_are_told_of_together(watched: Watched) -> None:
    names = {f"{number}.py" for number in range(20)}
    for name in names:
        (watched.root / name).write_text("x", encoding="utf-8")
    (burst, *_) = await watched.end()
    assert names <= {path.name for path in burst.paths}


async def test_a_file_that_was_renamed_is_told_by_both_names(watched: Watched) -> None:
    old, new = watched.root / "old.py", watched.root / "new.py"
    old.write_text("x", encoding="utf-8")
    old.rename(new)
    bursts = await watched.end()
    assert [pair for burst in bursts for pair in burst.moved] == [(old, new)]


async def test_files_of_a_folder_that_was_renamed_are_told_by_both_names(watched: Watched) -> None:
    (watched.root / "old").mkdir()
    (watched.root / "old" / "a.py").write_text("x", encoding="utf-8")
    await watched.end()
    (watched.root / "old").rename(watched.root / "new")
    watched.bursts.clear()
    bursts = await watched.end()
    moved = [pair for burst in bursts for pair in burst.moved]
    assert moved == [(watched.root / "old" / "a.py", watched.root / "new" / "a.py")]


async def test_folders_that_hold_nobody_s_code_are_not_told_of(watched: Watched) -> None:
    (watched.root / "node_modules").mkdir()
    (watched.root / "node_modules" / "a.js").write_text("x", encoding="utf-8")
    bursts = await watched.end()
    assert {path.name for burst in bursts for path in burst.paths} == {"end.py"}


async def test_a_storm_is_told_as_many_once_it_is_over(watched: Watched) -> None:
    # On the loop, so that nothing can be told before it is over.
    for number in range(MOST_PATHS * 5):
        (watched.root / f"{number}.py").write_text("x", encoding="utf-8")
    bursts = await watched.end()
    assert bursts[0].is_many
    assert len(bursts[0].paths) <= MOST_PATHS + 1


async def test_files_below_a_link_are_told_by_the_link_s_name(tmp_path: Path) -> None:
    (tmp_path / "real" / "project").mkdir(parents=True)
    (tmp_path / "whole").symlink_to(tmp_path / "real" / "project")
    (tmp_path / "above").symlink_to(tmp_path / "real")
    for root in (tmp_path / "whole", tmp_path / "above" / "project"):
        found = Watched(root)
        assert await asyncio.to_thread(found.watcher.start) == ""
        (burst, *_) = await found.end()
        found.watcher.stop()
        assert burst.paths == {root / "end.py"}
