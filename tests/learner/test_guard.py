from __future__ import annotations

import random
from pathlib import Path

import msgspec

from habitus_learner import guard, registry
from habitus_learner.sidecar import check_adapter
from habitus_server import adapters
from habitus_server.records import CycleState, Outcome, State
from habitus_server.store import Store
from habitus_server.workspaces import Workspace
from learner.made_rows import accepted, draft_adapter, manifest, row, suggestion


def retained(count: int, share_kept: float, seed: int) -> list[float]:
    chance = random.Random(seed)
    return [
        float(chance.randint(5, 50)) if chance.random() < share_kept else 0.0 for _ in range(count)
    ]


def test_planted_harm_is_seen_soon() -> None:
    found = [guard.harm(retained(400, 0.35, s), retained(400, 0.05, s + 1)) for s in range(20)]
    assert all(found)
    assert sorted(f.shown for f in found if f)[10] < 150


def test_an_adapter_that_is_as_good_is_rarely_accused_however_often_one_looks() -> None:
    accused = sum(
        guard.harm(retained(300, 0.3, s), retained(600, 0.3, s + 1_000)) is not None
        for s in range(60)
    )
    assert accused <= 4


def test_a_better_adapter_is_never_accused() -> None:
    assert guard.harm(retained(400, 0.2, 1), retained(600, 0.5, 2)) is None


def test_without_a_past_there_is_nothing_to_fall_short_of() -> None:
    assert guard.harm([], [0.0] * 500) is None
    assert guard.harm([0.0] * 500, [0.0] * 500) is None


def test_the_sentence_gives_both_means() -> None:
    found = guard.harm([20.0] * 300, [0.0] * 300)
    assert found is not None
    assert "0.0 characters retained" in found.sentence
    assert "20.0 with the adapter before" in found.sentence


def test_retained_characters_are_counted_per_suggestion_shown_of_one_adapter() -> None:
    rows = [
        accepted(Outcome.KEPT, id="a", adapter="v1", offered_at=2.0),
        row(State.DISMISSED, Outcome.REVERTED, id="b", adapter="v1", offered_at=1.0),
        row(State.OFFERED, id="c", adapter="v1"),
        accepted(Outcome.KEPT, id="d", adapter=None),
    ]
    assert guard.retained_per_shown(rows, "v1") == [0.0, 10.0]


def test_an_adapter_that_does_harm_is_taken_back_and_the_reason_stored(
    workspace: Workspace, store: Store, tmp_path: Path
) -> None:
    draft = draft_adapter(tmp_path / "draft")
    version = registry.publish(workspace, draft, manifest()).version
    chance = random.Random(3)
    for number in range(500):
        adapter = None if number < 300 else version
        kept = chance.random() < (0.5 if adapter is None else 0.02)
        one = suggestion(id=f"s{number}", request_id=f"r{number}", adapter=adapter)
        one = msgspec.structs.replace(one, offered_at=float(number), text="x" * 40)
        store.add_suggestions([one])
        store.set_state(one.id, State.ACCEPTED if kept else State.DISMISSED, float(number))
        store.settle(one.id, Outcome.KEPT, 40 if kept else 0, "", number + 1.0)
    store.barrier().result()
    cycle = check_adapter(workspace, store, now=lambda: 9_999.0)
    assert cycle is not None
    assert (cycle.state, cycle.adapter) == (CycleState.ROLLED_BACK, version)
    assert cycle.verdict.startswith("Rolled back: ")
    assert adapters.current(workspace) is None
    assert version in registry.withdrawn(workspace)
    assert check_adapter(workspace, store) is None
