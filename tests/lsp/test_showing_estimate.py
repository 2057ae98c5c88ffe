"""The estimate by which suggestions are shown, and its fit to one workspace."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest

from habitus_server.config import WORKSPACE_FILE, Completion, Config, narrow
from habitus_server.engine.wire import Candidate
from habitus_server.lsp.liking import FEWEST, REFIT_S, Liking
from habitus_server.positions import Position
from habitus_server.records import State, Suggestion
from habitus_server.session import Opened, Session
from habitus_server.showing import (
    DEFAULTS,
    FEATURES,
    MOST_SILENT_IN_A_ROW,
    Reaction,
    Silence,
    chance,
    features,
    fit,
    threshold_of,
)
from habitus_server.store import Store
from habitus_server.whys import Stage, Why


def a_reaction(draw: random.Random, weights: tuple[float, ...]) -> Reaction:
    """Somebody who keeps what these weights say."""
    seen = (1.0, -draw.random(), -draw.random(), draw.random(), *(0.0,) * 7)
    return Reaction(seen, draw.random() < chance(weights, seen))


def test_every_feature_has_a_weight() -> None:
    assert len(DEFAULTS) == len(FEATURES)


def test_a_workspace_without_reactions_keeps_the_shipped_weights() -> None:
    assert fit([]) == DEFAULTS


def test_a_fit_finds_what_somebody_goes_by() -> None:
    draw = random.Random(5)
    truth = (1.0, 4.0, 0.0, -3.0, *(0.0,) * 7)
    fitted = fit([a_reaction(draw, truth) for _ in range(1_000)])
    errors = [
        abs(chance(fitted, one.features) - chance(truth, one.features))
        for one in (a_reaction(draw, truth) for _ in range(200))
    ]
    assert sum(errors) / len(errors) < 0.05


def test_a_developer_who_keeps_nothing_lowers_the_estimate_and_one_who_keeps_all_raises_it() -> (
    None
):
    seen = (1.0, -0.5, -1.0, 2.0, *(0.0,) * 7)
    before = chance(DEFAULTS, seen)
    assert chance(fit([Reaction(seen, False)] * 50), seen) < before / 2
    assert chance(fit([Reaction(seen, True)] * 50), seen) > before


def test_reactions_of_another_number_of_features_are_left_out() -> None:
    assert fit([Reaction((1.0, 2.0), True)] * 50) == DEFAULTS


@pytest.mark.parametrize(("eagerness", "threshold"), [(0.0, 0.5), (1.0, 0.0), (7.0, 0.0)])
def test_the_dial_goes_from_only_the_likely_to_everything(
    eagerness: float, threshold: float
) -> None:
    assert threshold_of(eagerness) == threshold


def test_at_the_usual_eagerness_one_kept_in_ten_is_enough() -> None:
    assert threshold_of(Completion().eagerness) < 0.1


def test_silence_is_capped() -> None:
    silence = Silence()
    shown = [silence.allows(f"s{n}", 0.0, 0.5) for n in range(3 * (MOST_SILENT_IN_A_ROW + 1))]
    run = [False] * MOST_SILENT_IN_A_ROW
    assert shown == [*run, True] * 3


def test_asking_again_about_a_held_back_suggestion_does_not_bring_it_out() -> None:
    silence = Silence()
    assert not any(silence.allows("s", 0.0, 0.5) for _ in range(50))


def test_what_was_shown_stays_while_it_is_typed() -> None:
    silence = Silence()
    assert silence.allows("s", 0.6, 0.5)
    assert silence.allows("s", 0.1, 0.5)


def test_every_stage_has_a_sentence() -> None:
    for stage in Stage:
        assert len(Why(stage, "It is so.").sentence) > len("It is so.")


def test_a_reason_survives_its_file() -> None:
    why = Why(Stage.UNLIKELY, chance=0.04, threshold=0.08)
    assert msgspec.json.decode(msgspec.json.encode(why), type=Why) == why
    assert why.sentence == ("It would probably not be kept (estimate 0.04, threshold 0.08).")


def test_features_are_what_they_are_called() -> None:
    session = Session()
    session.apply(Opened("file:///w/a.py", "python", 1, "x = na\n"))
    snapshot = session.snapshot("file:///w/a.py", Position(0, 6))
    assert snapshot is not None
    seen = features(Candidate("me", (-0.5, -1.5), "length"), "me", snapshot, dismissed_s_ago=120.0)
    named = dict(zip(FEATURES, seen, strict=True))
    assert named["mean log-probability"] == -1.0
    assert named["least log-probability"] == -1.5
    assert (named["is inside a word"], named["begins a line"]) == (1.0, 0.0)
    assert (named["was cut by the limit"], named["dismissed lately"]) == (1.0, 0.5)


def suggestion(number: int) -> Suggestion:
    """One that the model believed in."""
    seen = (1.0, -0.2, -0.5, 2.0, *(0.0,) * 7)
    return Suggestion(
        f"s{number}", f"r{number}", 0, "w", "a.py", "python", "m", None, 1.0, "", "", "x",
        -1.0, 3, seen,
    )  # fmt: skip


@pytest.mark.parametrize(("count", "is_moved"), [(FEWEST - 1, False), (FEWEST, True)])
async def test_the_estimate_is_refitted_from_enough_of_what_became_of_suggestions(
    tmp_path: Path, count: int, is_moved: bool
) -> None:
    store = Store.open(tmp_path / "signals.db")
    store.add_suggestions([suggestion(n) for n in range(count)])
    for n in range(count):
        store.set_state(f"s{n}", State.DISMISSED, 2.0)
    store.barrier().result()
    liking = Liking(lambda: 100.0)
    await liking.refresh(store)
    assert (liking.habits.weights != DEFAULTS) is is_moved
    store.close()


async def test_a_refit_waits_its_time(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "signals.db")
    now = [100.0]
    liking = Liking(lambda: now[0])
    await liking.refresh(store)
    store.add_suggestions([suggestion(n) for n in range(FEWEST)])
    for n in range(FEWEST):
        store.set_state(f"s{n}", State.DISMISSED, 2.0)
    store.barrier().result()
    await liking.refresh(store)
    assert liking.habits.weights == DEFAULTS
    now[0] += REFIT_S
    await liking.refresh(store)
    assert liking.habits.weights != DEFAULTS
    store.close()


async def test_a_refit_does_not_wait_when_another_adapter_serves(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "signals.db")
    liking = Liking(lambda: 100.0)
    await liking.refresh(store)
    store.add_suggestions([suggestion(n) for n in range(FEWEST)])
    for n in range(FEWEST):
        store.set_state(f"s{n}", State.DISMISSED, 2.0)
    store.barrier().result()
    liking.adapter_changed()
    await liking.refresh(store)
    assert liking.habits.weights != DEFAULTS
    store.close()


def test_eagerness_is_the_users_and_a_workspace_can_only_lower_it(tmp_path: Path) -> None:
    (tmp_path / WORKSPACE_FILE).write_text("[completion]\neagerness = 1.0\n", encoding="utf-8")
    assert narrow(Config(), tmp_path)[0].completion.eagerness == Config().completion.eagerness
    (tmp_path / WORKSPACE_FILE).write_text("[completion]\neagerness = 0.1\n", encoding="utf-8")
    assert narrow(Config(), tmp_path)[0].completion.eagerness == 0.1
