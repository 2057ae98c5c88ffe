"""Documents on their way into memory: in order, and beside what takes long."""

from __future__ import annotations

import threading

import pytest

from habitus_server.engine import intake as intake_room
from habitus_server.engine import wire
from habitus_server.engine.intake import Intake

PATIENCE_S = 5.0


class Keeper:
    """Notes what is taken in; a merge takes until it is let go."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.merges = threading.Event()
        self.may_end = threading.Event()

    def remember(self, workspace: str, path: str, text: str, *, learn: bool) -> None:
        self.taken.append(path)

    def forget(self, workspace: str, path: str) -> None:
        self.taken.append(f"-{path}")

    def tidy(self) -> bool:
        return False

    def merge(self) -> bool:
        self.merges.set()
        self.may_end.wait(PATIENCE_S)
        return False


def test_documents_are_taken_in_while_a_merge_is_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_room, "MERGE_AFTER_S", 0.0)
    keeper, intake = Keeper(), Intake()
    intake.open(keeper)
    intake.put(wire.Remember("w", "a.py", "a"))
    assert keeper.merges.wait(PATIENCE_S)
    settled = threading.Event()
    intake.put(wire.Remember("w", "b.py", "b"))
    intake.put(wire.Forget("w", "a.py"))
    intake.put(settled.set)
    assert settled.wait(PATIENCE_S)
    assert keeper.taken == ["a.py", "b.py", "-a.py"]
    assert not keeper.may_end.is_set()
    keeper.may_end.set()
