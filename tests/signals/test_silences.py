"""Answers of which nothing was shown: stored beside what was, for whoever judges an adapter."""

from __future__ import annotations

from pathlib import Path

from habitus_server.recorder import SILENCE_EVERY_S
from habitus_server.records import Fate, Outcome, State
from habitus_server.store import Store
from signals.scene import suggestion
from signals.window import Window


def test_silence_is_noted_with_the_adapter_that_answered() -> None:
    window = Window("total = wi‸\n")
    window.get_silence("v1")
    assert window.ledger.silences == [("v1", window.now)]


def test_typing_on_in_silence_is_noted_once() -> None:
    window = Window("total = wi‸\n")
    for _ in range(3):
        window.get_silence()
        window.insert("d", after_s=0.2)
    assert len(window.ledger.silences) == 1
    window.wait(SILENCE_EVERY_S)
    window.get_silence()
    assert len(window.ledger.silences) == 2


def test_fates_are_what_was_shown_and_silence_in_the_order_of_the_requests(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "signals.db")
    store.add_suggestions([suggestion("kept", "a", at=10.0), suggestion("gone", "b", at=30.0)])
    store.set_state("a", State.ACCEPTED, 11.0)
    store.settle("a", Outcome.KEPT, 4, "kept", 50.0)
    store.add_silence("w", "v1", 20.0)
    store.barrier().result()
    first, silent, last = store.fates(0.0)
    assert (first.at, first.state, first.outcome, first.retained_chars) == (
        10.0,
        State.ACCEPTED,
        Outcome.KEPT,
        4,
    )
    assert silent == Fate("w", "v1", 20.0)
    assert (last.at, last.state) == (30.0, State.OFFERED)
    assert [one.at for one in store.fates(40.0)] == [10.0], "what was learned since counts"
    store.close()


def test_old_silences_go_with_other_old_rows(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "signals.db")
    for at in (1.0, 90_000.0):
        store.add_silence("w", None, at)
    store.barrier().result()
    store.compact(keep_days=0.5, max_bytes=10**9, now=100_000.0)
    assert [one.at for one in store.fates(0.0)] == [90_000.0]
    store.close()
