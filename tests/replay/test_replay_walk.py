"""Walking commits through a real `habitus serve` on a tiny model."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import pygit2
import pytest

from habitus_learner.history import list_commits, read_changes
from habitus_learner.replay import run
from habitus_learner.replay.editor import Editor
from habitus_learner.replay.engines import end_engines
from habitus_learner.replay.items import Item, list_items
from habitus_learner.replay.plan import Plan, Size, Step, make_plan
from habitus_learner.replay.walk import Clock, Observation, Walker
from habitus_learner.replay.workcopy import WorkingCopy
from habitus_server.records import State
from habitus_server.store import Store
from habitus_server.workspaces import find_workspace, state_dir
from replay.synthetic import evolving_project, make_repository
from tiny_model import make_tiny_model

PLANTED = "qz7xkv_planted_w4jh"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("replay") / "model")


def settings(folder: Path, model: Path) -> run.Settings:
    return run.Settings("project", folder, Size(10, 8, 0.2), seed=0, model=str(model), device="cpu")


def planted_project() -> list[dict[str, str]]:
    """A name that is nowhere until the last commit, which writes it twice."""
    trees = evolving_project(6)
    last = dict(trees[-1])
    for name in ("pkg/mod1.py", "pkg/mod2.py"):
        last[name] += f"def load_last(name):\n    record = {PLANTED}\n    return record\n"
    return [*trees, last]


def plan_of(repository: pygit2.Repository, size: Size) -> Plan:
    return make_plan(repository, size, seed=0)


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
    plan = plan_of(source, Size(10, 8, 0.2))
    copy = WorkingCopy.at(tmp_path / "copy", source, plan.base)
    found, state = await walk(copy, plan.learning, folder=tmp_path, model=model, learns=True)
    last = plan.learning[-1]
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
    plan = plan_of(source, Size(10, 8, 0.2))
    copy = WorkingCopy.at(tmp_path / "copy", source, plan.cut)
    found, state = await walk(
        copy, plan.evaluation, *run.ARMS["memory"], folder=tmp_path, model=model, learns=False
    )
    assert [o.item for o in found] == plan.evaluation_items
    assert all(o.bits is not None and o.bits > 0 and o.chars for o in found)
    assert not find_workspace(copy.folder, state).database.exists()


async def test_no_arm_can_have_seen_what_is_written_later(tmp_path: Path, model: Path) -> None:
    source = make_repository(tmp_path / "source", planted_project())
    commits = list_commits(source)
    changes = tuple(read_changes(source, commits[-1].id))
    items = tuple(
        item
        for item in all_items(source)
        if item.commit == commits[-1].id and PLANTED in item.answer
    )
    assert len({item.path for item in items}) == 2
    copy = WorkingCopy.at(tmp_path / "copy", source, commits[-2])
    step = Step(commits[-1], changes, items)
    found, _ = await walk(
        copy, [step], *run.ARMS["memory"], folder=tmp_path, model=model, learns=False
    )
    first = [o for o in found if o.item.path == "pkg/mod1.py"]
    second = [o for o in found if o.item.path == "pkg/mod2.py"]
    assert all(PLANTED not in o.text for o in first)
    # Once typed it is memory's: had it been seen before, the first would be as cheap.
    cost = [
        sum(o.bits or 0 for o in arm) / sum(o.chars or 1 for o in arm) for arm in (first, second)
    ]
    assert cost[0] > 2.0
    assert cost[1] < cost[0] / 2


def cost_per_char(found: Sequence[Observation]) -> float:
    return sum(o.bits or 0.0 for o in found) / sum(o.chars or 0 for o in found)


def all_items(source: pygit2.Repository) -> list[Item]:
    return [
        item
        for commit in list_commits(source)[1:]
        for item in list_items(commit, read_changes(source, commit.id), seed=0)
    ]
