"""Two kinds of evidence against an adapter, with their error rates, and what follows."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import numpy as np
import pytest
from benchmarks.learning.developers import (
    DRIFTING,
    STEADY,
    Habit,
    live,
    median,
    rolled_back_after,
)

from habitus_learner import guard, registry
from habitus_learner.gate import Compared, Cost
from habitus_learner.watching import CHECK_EVERY_S, Watching
from habitus_server import adapters
from habitus_server.records import CycleState, Outcome, State
from habitus_server.store import Store
from habitus_server.workspaces import Workspace
from learner.made_rows import draft_adapter, manifest, suggestion


def retained(count: int, share_kept: float, seed: int) -> list[float]:
    chance = random.Random(seed)
    return [
        float(chance.randint(5, 50)) if chance.random() < share_kept else 0.0 for _ in range(count)
    ]


def places(count: int, before: float, now: float, seed: int = 1) -> list[Compared]:
    """Lines of 20 characters, each right at random under either adapter."""
    chance = random.Random(seed)
    return [
        Compared(
            str(number),
            "c",
            20,
            Cost(1.0, chance.random() < before, 0.0),
            Cost(1.0, chance.random() < now, 0.0),
        )
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("habit", "since", "requests"), [(STEADY, 0.05, 60), (STEADY, 0.2, 400), (DRIFTING, 0.05, 90)]
)
def test_half_of_the_runs_with_a_bad_adapter_are_over_in_time(
    habit: Habit, since: float, requests: int
) -> None:
    draw = np.random.default_rng(5)
    runs = [live(draw, habit, before=1_000, requests=900, rates=(0.3, since)) for _ in range(41)]
    assert median([rolled_back_after(run) for run in runs]) <= requests


@pytest.mark.parametrize("hard_from", [None, 300])
def test_of_sixty_clean_runs_with_drifting_tasks_at_most_three_end_in_a_roll_back(
    hard_from: int | None,
) -> None:
    """At the 1% that is promised, more than three of sixty would be seen once in 300 times."""
    draw = np.random.default_rng(6)
    runs = [
        live(draw, DRIFTING, before=1_000, requests=1_000, rates=(0.3, 0.3), hard_from=hard_from)
        for _ in range(60)
    ]
    assert sum(rolled_back_after(run) < float("inf") for run in runs) <= 3


def test_a_hard_week_makes_suspicious_and_convicts_nobody() -> None:
    draw = np.random.default_rng(7)
    run = live(draw, STEADY, before=1_000, requests=900, rates=(0.3, 0.3), hard_from=0)
    assert guard.live_evidence(run.before, run.now).max() > np.log(guard.SUSPECTS)
    assert rolled_back_after(run) == float("inf")


def test_a_better_adapter_is_never_suspected() -> None:
    assert guard.suspicion(retained(400, 0.2, 1), retained(600, 0.5, 2)) is None


def test_without_a_past_there_is_nothing_to_fall_short_of() -> None:
    assert guard.suspicion([], [0.0] * 500) is None
    assert guard.suspicion([0.0] * 500, [0.0] * 500) is None
    assert guard.suspicion(retained(guard.FEWEST_BEFORE - 1, 0.5, 1), [0.0] * 500) is None


def test_sentences_give_both_means() -> None:
    found = guard.suspicion([20.0, 0.0] * 300, [0.0] * 300)
    assert found is not None
    assert "0.0 characters retained per request over 300, 10.0 before" in found.sentence
    worse = guard.harm(places(200, 1.0, 0.0))
    assert worse is not None
    assert "at 200 places written since, 0.0 characters would have been right, 20.0" in (
        worse.sentence
    )


def test_adapters_that_are_right_at_the_same_places_are_not_told_apart() -> None:
    same = [msgspec.structs.replace(one, candidate=one.incumbent) for one in places(500, 0.4, 0.4)]
    assert guard.harm(same) is None
    assert guard.harm([]) is None


class Case:
    """A workspace in which an adapter was published and used."""

    def __init__(self, workspace: Workspace, store: Store, tmp_path: Path) -> None:
        draft = draft_adapter(tmp_path / "draft")
        self.version = registry.publish(workspace, draft, manifest()).version
        self.now = 9_999.0
        self.asked = 0
        self.told: list[Compared] | None = None
        self.watching = Watching(workspace, store, self._look, now=lambda: self.now)
        chance = random.Random(3)
        for number in range(800):
            adapter = None if number < 400 else self.version
            kept = chance.random() < (0.5 if adapter is None else 0.02)
            one = suggestion(id=f"s{number}", request_id=f"r{number}", adapter=adapter)
            one = msgspec.structs.replace(one, offered_at=2.0 + number, text="x" * 40)
            store.add_suggestions([one])
            store.set_state(one.id, State.ACCEPTED if kept else State.DISMISSED, 2.0 + number)
            if kept:
                store.settle(one.id, Outcome.KEPT, 40, "", 3.0 + number)
        store.barrier().result()

    def _look(self, _manifest: object) -> list[Compared] | None:
        self.asked += 1
        return self.told


@pytest.fixture
def case(workspace: Workspace, store: Store, tmp_path: Path) -> Case:
    return Case(workspace, store, tmp_path)


def test_an_adapter_that_does_harm_at_the_same_places_is_taken_back_and_the_reason_stored(
    case: Case, workspace: Workspace
) -> None:
    case.told = places(200, 0.4, 0.0)
    cycle = case.watching.check()
    assert cycle is not None
    assert (cycle.state, cycle.adapter) == (CycleState.ROLLED_BACK, case.version)
    assert cycle.verdict.startswith("Rolled back: ")
    assert "at 200 places written since" in cycle.verdict
    assert adapters.current(workspace) is None
    assert registry.withdrawn(workspace)[case.version] == cycle.verdict
    case.now += CHECK_EVERY_S
    assert case.watching.check() is None


def test_a_suspected_adapter_that_is_as_good_at_the_same_places_stays(
    case: Case, workspace: Workspace
) -> None:
    case.told = places(200, 0.3, 0.3)
    assert case.watching.check() is None
    assert registry.serving(workspace) == case.version
    case.now += CHECK_EVERY_S
    assert case.watching.check() is None
    assert case.asked == 1, "not asked again before there is more to ask about"


def test_where_both_cannot_be_asked_only_overwhelming_evidence_takes_back(
    case: Case, workspace: Workspace
) -> None:
    cycle = case.watching.check()
    assert cycle is not None
    assert "places" not in cycle.verdict
    assert registry.serving(workspace) is None


def test_weak_evidence_alone_takes_nothing_back(
    case: Case, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "CONVICTS_ALONE", float("inf"))
    assert case.watching.check() is None
    assert registry.serving(workspace) == case.version
