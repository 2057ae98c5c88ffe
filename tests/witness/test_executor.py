"""What runs leaves a task: input, result or error, and how long it took."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from habitus_server.executor import MAX_CHARS, Executor
from habitus_server.records import Task, TaskFile, TaskKind
from habitus_server.store import Store

NOW = 1_700_000_000.0
TOKEN = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"


class Rules:
    """Refuses files by a name."""

    def why_not_stored(self, path: str, language: str = "") -> str:
        return "private" if path.startswith("private") else ""


class Stage:
    """An executor over a real store."""

    def __init__(self, folder: Path) -> None:
        self.store = Store.open(folder / "signals.db")
        self.is_paused = False
        self.executor = Executor("w", lambda: NOW, lambda: self.is_paused)
        self.executor.attach(self.store, Rules())

    async def run(self, work: Any, given: Any = None, **more: Any) -> Any:
        return await self.executor.run(TaskKind.COMMAND, "habitus.test", given, work, **more)

    async def tasks(self) -> list[Task]:
        await self.executor.flush()
        return self.store.tasks()


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.store.close()


async def answer() -> dict[str, Any]:
    return {"recorded": True, "reason": ""}


async def refuse() -> dict[str, Any]:
    return {"recorded": False, "reason": "Not known."}


async def fail() -> None:
    raise ValueError("no such thing")


async def nothing() -> list[Any]:
    return []


async def test_what_runs_returns_what_it_returns(stage: Stage) -> None:
    assert await stage.run(answer) == {"recorded": True, "reason": ""}


async def test_a_command_leaves_its_input_and_its_result(stage: Stage) -> None:
    await stage.run(answer, {"id": "s1"})
    (task,) = await stage.tasks()
    assert (task.kind, task.name, task.input, task.result, task.succeeded) == (
        TaskKind.COMMAND,
        "habitus.test",
        '{"id":"s1"}',
        '{"recorded":true,"reason":""}',
        True,
    )


async def test_a_command_that_raises_leaves_its_error_and_raises(stage: Stage) -> None:
    with pytest.raises(ValueError, match="no such thing"):
        await stage.run(fail)
    (task,) = await stage.tasks()
    assert (task.error, task.succeeded) == ("no such thing", False)


async def test_a_command_that_says_why_it_did_nothing_did_not_succeed(stage: Stage) -> None:
    await stage.run(refuse)
    (task,) = await stage.tasks()
    assert task.succeeded is False


async def test_a_command_that_is_cancelled_says_so(stage: Stage) -> None:
    running = asyncio.create_task(stage.run(lambda: asyncio.sleep(60)))
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    (task,) = await stage.tasks()
    assert task.error == "Cancelled."


async def test_how_long_it_took_is_kept(stage: Stage) -> None:
    await stage.run(lambda: asyncio.sleep(0.05))
    (task,) = await stage.tasks()
    assert task.duration_s >= 0.05


async def test_secrets_are_redacted(stage: Stage) -> None:
    await stage.run(answer, {"text": f"token = {TOKEN}"})
    (task,) = await stage.tasks()
    assert TOKEN not in task.input


async def test_long_inputs_are_cut(stage: Stage) -> None:
    await stage.run(answer, {"text": "words " * 5_000})
    (task,) = await stage.tasks()
    assert len(task.input) == MAX_CHARS


async def test_what_finds_nothing_leaves_no_task_where_that_is_asked(stage: Stage) -> None:
    await stage.run(nothing, unless_empty=True)
    assert await stage.tasks() == []


async def test_nothing_is_noted_while_paused(stage: Stage) -> None:
    stage.is_paused = True
    await stage.run(answer)
    assert await stage.tasks() == []


async def test_nothing_is_noted_of_a_file_that_may_not_be_stored(stage: Stage) -> None:
    stage.executor.happened(TaskKind.SAVE, "save", files=[TaskFile("private.py")])
    assert await stage.tasks() == []


async def test_a_step_of_the_work_is_told_to_the_learner(stage: Stage) -> None:
    stage.executor.happened(TaskKind.SAVE, "save", files=[TaskFile("a.py")])
    await stage.executor.flush()
    assert stage.store.last_step() == repr(NOW)


async def test_a_command_is_no_step_of_the_work(stage: Stage) -> None:
    await stage.run(answer)
    await stage.executor.flush()
    assert stage.store.last_step() == ""


async def test_without_a_store_things_run_all_the_same() -> None:
    bare = Executor("w", lambda: NOW)
    assert await bare.run(TaskKind.COMMAND, "habitus.test", None, answer) == await answer()
