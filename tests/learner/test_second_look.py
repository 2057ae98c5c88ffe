"""The adapter in service and the one before it, asked at what was written since."""

from __future__ import annotations

from pathlib import Path

import pytest

from habitus_learner import registry, second_look, workfolder
from habitus_learner.course import Settings
from habitus_learner.gate import Compared, Cost
from habitus_learner.workfolder import Progress, Trained
from habitus_server import adapters
from habitus_server.adapters import Manifest
from habitus_server.config import Config
from habitus_server.errors import TrainingError
from habitus_server.store import Store
from habitus_server.workspaces import Workspace, try_lock
from learner.made_rows import draft_adapter, habit_patterns, manifest

PUBLISHED_AT = 1_000.0 + 60.0 * 40


class Job:
    """In place of the child process: keeps what it was given, and answers backwards in time."""

    def __init__(self) -> None:
        self.plan: workfolder.Plan | None = None
        self.judged: list[str] = []
        self.was_trained = False

    def __call__(self, folder: Path, _tell: object) -> None:
        self.plan = workfolder.read_plan(folder)
        self.was_trained = workfolder.read(folder / workfolder.TRAINED, Trained) is not None
        adapters.verify(folder / workfolder.CANDIDATE)
        self.judged = [e.id for e in workfolder.read_examples(folder / workfolder.GATE)]
        cost = Cost(1.0, True, 1.0)
        workfolder.write(
            folder / workfolder.COMPARED,
            [Compared(f"{name}#0", "c", 20, cost, cost) for name in reversed(self.judged)],
        )


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Job:
    made = Job()
    monkeypatch.setattr(second_look, "run_job", made)
    return made


@pytest.fixture
def serving(workspace: Workspace, tmp_path: Path) -> Manifest:
    draft = draft_adapter(tmp_path / "draft")
    ref = registry.publish(workspace, draft, manifest(created_at=PUBLISHED_AT))
    return adapters.verify(Path(ref.path))


@pytest.fixture
def settings(state: Path) -> Settings:
    return Settings(state, Config(), yields=False)


def test_both_are_asked_at_what_was_written_since_the_publication(
    workspace: Workspace, store: Store, serving: Manifest, settings: Settings, job: Job
) -> None:
    store.add_patterns(habit_patterns(70)).result()
    found = second_look.look(workspace, store, settings, serving)
    assert found is not None
    assert [one.id for one in found] == [f"pattern:p{number}#0" for number in range(40, 70)]
    assert job.was_trained, "nothing is trained anew"
    assert job.plan is not None
    assert job.plan.incumbent is None, "base weights served before"
    assert not workfolder.work_folder(workspace).exists()


def test_a_few_places_are_not_worth_a_model(
    workspace: Workspace, store: Store, serving: Manifest, settings: Settings, job: Job
) -> None:
    store.add_patterns(habit_patterns(40 + second_look.FEWEST - 1)).result()
    assert second_look.look(workspace, store, settings, serving) is None
    assert job.plan is None


def test_nobody_is_asked_while_another_workspace_trains(
    workspace: Workspace, store: Store, serving: Manifest, settings: Settings, job: Job
) -> None:
    store.add_patterns(habit_patterns(70)).result()
    assert try_lock(settings.state / workfolder.TRAINING_LOCK) is not None
    assert second_look.look(workspace, store, settings, serving) is None
    assert job.plan is None


def test_a_job_that_fails_leaves_the_question_open(
    workspace: Workspace,
    store: Store,
    serving: Manifest,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_folder: Path, _tell: Progress) -> None:
        raise TrainingError("no memory")

    monkeypatch.setattr(second_look, "run_job", fail)
    store.add_patterns(habit_patterns(70)).result()
    assert second_look.look(workspace, store, settings, serving) is None
    assert not workfolder.work_folder(workspace).exists()
