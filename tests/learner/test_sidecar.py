"""When the sidecar looks: by itself now and then, and at once after a step of the work."""

from __future__ import annotations

from pathlib import Path

import pytest

from habitus_learner.course import Settings
from habitus_learner.sidecar import LOOK_EVERY_S, Sidecar
from habitus_server.config import Config, Learning
from habitus_server.store import Store
from habitus_server.workspaces import Workspace
from learner.made_rows import pattern


class Clock:
    """A time that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sidecar(workspace: Workspace, state: Path, store: Store, clock: Clock) -> Sidecar:
    """A sidecar that has just looked, and would start a cycle for one example."""
    config = Config(learning=Learning(min_examples=1))
    sidecar = Sidecar(
        workspace, store, Settings(state, config, yields=False), now=lambda: clock.now
    )
    assert sidecar.step() is None
    store.add_patterns([pattern(1)]).result()
    return sidecar


def test_what_is_due_waits_for_the_next_look(sidecar: Sidecar, clock: Clock) -> None:
    clock.now += 1.0
    assert sidecar.step() is None
    clock.now += LOOK_EVERY_S
    assert sidecar.step() is not None


def test_what_is_due_starts_at_once_after_a_step_of_the_work(
    sidecar: Sidecar, store: Store, clock: Clock
) -> None:
    clock.now += 1.0
    store.note_step(clock.now).result()
    assert sidecar.step() is not None


def test_a_step_of_the_work_makes_nothing_due(
    workspace: Workspace, state: Path, store: Store, clock: Clock
) -> None:
    settings = Settings(state, Config(learning=Learning(min_examples=2)), yields=False)
    sidecar = Sidecar(workspace, store, settings, now=lambda: clock.now)
    store.add_patterns([pattern(1)]).result()
    store.note_step(clock.now).result()
    assert sidecar.step() is None
