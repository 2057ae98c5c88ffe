"""Which adapter a window names while a newer one is made ready."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from habitus_server.errors import EngineError
from habitus_server.lsp import learning
from habitus_server.lsp.learning import Learning
from habitus_server.options import Options
from habitus_server.records import AdapterRef
from habitus_server.workspaces import Workspace, find_workspace
from tiny_model import write_manifest


class Engine:
    """Makes an adapter ready when the test says so."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.swaps = 0
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def warm(self, adapter: AdapterRef) -> None:
        self.asked.append(adapter.version)
        await self.ready


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    for name in ("project", "state"):
        (tmp_path / name).mkdir()
    return find_workspace(tmp_path / "project", tmp_path / "state")


def point(workspace: Workspace, version: str) -> None:
    """Publish a version, or go back to it."""
    write_manifest(workspace.adapters / version)
    workspace.current.write_text(version, encoding="utf-8")


def follow(workspace: Workspace, engine: Engine) -> Learning:
    def swapped() -> None:
        engine.swaps += 1

    return Learning(
        workspace,
        None,
        Options(),
        warm=engine.warm,
        on_adapter=swapped,
        on_change=lambda: None,
        on_problem=lambda _topic, _text: None,
        progress=lambda _title: pytest.fail("nothing is learned here"),
    )


def named(seen: Learning) -> str | None:
    return seen.adapter.version if seen.adapter else None


async def test_the_old_version_is_named_until_the_new_one_is_ready(workspace: Workspace) -> None:
    engine = Engine()
    seen = follow(workspace, engine)
    point(workspace, "0001-a")
    seen.look_at_adapter()
    await asyncio.sleep(0.01)
    seen.look_at_adapter()
    assert (named(seen), engine.swaps, engine.asked) == (None, 0, ["0001-a"])
    engine.ready.set_result(None)
    await seen.settle()
    assert (named(seen), engine.swaps) == ("0001-a", 1)


async def test_a_version_that_the_engine_cannot_load_is_named_as_if_it_could(
    workspace: Workspace,
) -> None:
    engine = Engine()
    seen = follow(workspace, engine)
    point(workspace, "0001-a")
    engine.ready.set_exception(EngineError("The adapter 0001-a is refused."))
    seen.look_at_adapter()
    await seen.settle()
    assert (named(seen), engine.swaps) == ("0001-a", 1)


async def test_a_version_that_never_gets_ready_is_named_after_a_while(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "WARM_WITHIN_S", 0.02)
    engine = Engine()
    seen = follow(workspace, engine)
    point(workspace, "0001-a")
    seen.look_at_adapter()
    await asyncio.wait_for(seen.settle(), 5.0)
    assert (named(seen), engine.swaps) == ("0001-a", 1)


async def test_going_back_waits_for_nothing_and_ends_the_wait_for_a_newer_one(
    workspace: Workspace,
) -> None:
    point(workspace, "0002-b")
    engine = Engine()
    seen = follow(workspace, engine)
    point(workspace, "0003-c")
    seen.look_at_adapter()
    await asyncio.sleep(0.01)
    point(workspace, "0001-a")
    seen.look_at_adapter()
    assert named(seen) == "0001-a"
    await asyncio.sleep(0.01)
    assert engine.ready.cancelled()
    workspace.current.unlink()
    seen.look_at_adapter()
    assert (named(seen), engine.asked) == (None, ["0003-c"])
