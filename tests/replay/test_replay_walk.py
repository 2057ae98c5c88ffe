"""Walking commits through a real `habitus serve` on a tiny model."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from habitus_learner.replay import run
from habitus_learner.replay.editor import Editor
from habitus_learner.replay.engines import end_engines
from habitus_learner.replay.observation import Observation
from habitus_learner.replay.plan import Size, Step, make_plan
from habitus_learner.replay.walk import Clock, Walker
from habitus_learner.replay.workcopy import WorkingCopy
from habitus_server.records import State
from habitus_server.store import Store
from habitus_server.workspaces import find_workspace, state_dir
from replay.synthetic import evolving_project, make_repository
from tiny_model import make_tiny_model

SIZE = Size(
    blocks=2, learning_lines=10, evaluation_lines=4, warm_up_minutes=0.2, training_minutes=0.2
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("replay") / "model")


def settings(folder: Path, model: Path) -> run.Settings:
    return run.Settings("project", folder, SIZE, seed=0, model=str(model), device="cpu")


async def walk(
    copy: WorkingCopy,
    steps: Sequence[Step],
    *flags: str,
    folder: Path,
    model: Path,
    learns: bool,
) -> tuple[list[Observation], Path]:
    state = state_dir(folder / "state")
    config = folder / "config.toml"
    config.write_text(run._config_text(settings(folder, model)), encoding="utf-8")
    editor = await Editor.open(
        copy.folder, "--replay-clock", "--no-learn", *flags, state=state, config_file=config
    )
    found: list[Observation] = []
    try:
        await editor.wait_until_ready()
        walker = Walker(editor, copy, Clock(0.0), seed=0, learns=learns, report=found.append)
        for step in steps:
            await walker.write_commit(step.commit, step.changes, step.items)
    finally:
        await editor.close()
        await end_engines(state)
    return found, state


async def test_files_end_as_the_commits_have_them_and_reactions_are_stored(
    tmp_path: Path, model: Path
) -> None:
    source = make_repository(tmp_path / "source", evolving_project(10))
    plan = make_plan(source, SIZE, seed=0)
    copy = WorkingCopy.at(tmp_path / "copy", source, plan.base)
    steps = plan.blocks[0].learned
    found, state = await walk(copy, steps, folder=tmp_path, model=model, learns=True)
    last = steps[-1]
    for change in last.changes:
        assert copy.path(change.path).read_text() == change.new
    assert {o.item for o in found} <= set(plan.learning_items)
    assert any(o.is_shown for o in found)
    with contextlib.closing(Store.open(find_workspace(copy.folder, state).database)) as store:
        states = [row.state for row in store.suggestions()]
        patterns = store.patterns()
    accepted = [o for o in found if o.is_accepted]
    assert sum(s in (State.ACCEPTED, State.PARTIALLY_ACCEPTED) for s in states) == len(accepted)
    assert patterns


async def test_an_arm_asks_every_item_and_records_nothing(tmp_path: Path, model: Path) -> None:
    source = make_repository(tmp_path / "source", evolving_project(10))
    plan = make_plan(source, SIZE, seed=0)
    copy = WorkingCopy.at(tmp_path / "copy", source, plan.base)
    steps = [step for block in plan.blocks for step in block.asked]
    found, state = await walk(
        copy, steps, *run.ARMS["memory"], folder=tmp_path, model=model, learns=False
    )
    assert [o.item for o in found] == plan.evaluation_items
    assert all(o.bits is not None and o.bits > 0 and o.chars for o in found)
    assert not find_workspace(copy.folder, state).database.exists()
