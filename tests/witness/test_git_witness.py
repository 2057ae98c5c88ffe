"""What a window does when its repository moves: measure, land, judge, censor."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import cast

import pytest

from habitus_server.executor import Executor
from habitus_server.lsp.witness import GitWitness, Lead
from habitus_server.recorder import Recorder
from habitus_server.records import Outcome, Suggestion, TaskKind
from habitus_server.standing import Standing
from habitus_server.store import Store
from witness.repositories import WorkingTree

BASE = "def area(radius):\n    pass\n"
WITH = "def area(radius):\n    return 3.14 * radius\n"
NOW = 1_700_000_000.0


class FakeRecorder:
    """What the witness asks of a recorder."""

    def __init__(self) -> None:
        self.moments: list[str] = []
        self.censored = 0
        self.stands: dict[str, list[Standing]] = {}

    def standing(self, path: str) -> list[Standing]:
        return self.stands.get(path, [])

    def moment(self, name: str) -> None:
        self.moments.append(name)

    def checked_out(self) -> None:
        self.censored += 1

    async def flush(self) -> None:
        return None


class Allowing:
    """Rules that refuse nothing."""

    def why_not_stored(self, path: str, language: str = "") -> str:
        return ""


class Room:
    """A working tree with one commit, and witnesses of it over one store."""

    def __init__(self, folder: Path, clock: Callable[[], float]) -> None:
        self.tree = WorkingTree(folder / "project")
        self.tree.commit(a=BASE)
        self.store = Store.open(folder / "signals.db")
        self.lock = folder / "witness.lock"
        self.recorder = FakeRecorder()
        self.executor = Executor("window", clock)
        self.executor.attach(self.store, Allowing())
        self._clock = clock

    async def witness(self) -> GitWitness:
        """A window opens."""
        witness = GitWitness(
            self.tree.folder,
            cast(Recorder, self.recorder),
            self.executor,
            self._clock,
            Lead(self.lock),
        )
        await witness.attach(self.store)
        await witness.settle()
        return witness

    def accepted(self) -> None:
        """A suggestion was accepted in a.py and stands there."""
        self.store.add_suggestions(
            [
                Suggestion(
                    *("s1", "r", 0, "w", "a.py", "python", "m", None),
                    *(NOW, "p", "s", "return 3.14 * radius", -1.0, 3),
                )
            ]
        ).result()
        self.recorder.stands["a.py"] = [Standing("s1", 1, "return 3.14 * radius")]


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    room = Room(tmp_path, lambda: NOW)
    yield room
    room.store.close()


async def test_a_commit_is_a_moment_and_lands_what_stands(room: Room) -> None:
    witness = await room.witness()
    room.accepted()
    committed = room.tree.commit(a=WITH)
    await witness.settle()
    (landing,) = room.store.landings()
    assert (landing.commit_id, landing.text) == (committed, "    return 3.14 * radius")
    assert room.recorder.moments == ["commit"]


async def test_a_commit_censors_nothing(room: Room) -> None:
    witness = await room.witness()
    room.tree.commit(a=WITH)
    await witness.settle()
    assert room.recorder.censored == 0


async def test_a_switch_to_another_commit_censors_until_editors_have_reloaded(room: Room) -> None:
    room.tree.switch("side")
    room.tree.commit(a=WITH)
    witness = await room.witness()
    room.tree.switch("main")
    for _ in range(6):
        await witness.settle()
    assert room.recorder.censored == 3


async def test_a_new_branch_censors_nothing(room: Room) -> None:
    witness = await room.witness()
    room.tree.switch("side")
    await witness.settle()
    assert room.recorder.censored == 0


async def test_a_later_commit_that_takes_the_lines_out_undoes_the_landing(room: Room) -> None:
    witness = await room.witness()
    room.accepted()
    room.tree.commit(a=WITH)
    await witness.settle()
    taken_out = room.tree.commit(a=BASE)
    await witness.settle()
    assert [landing.undone_by for landing in room.store.landings()] == [taken_out]


async def test_what_was_taken_out_while_no_window_was_open_is_undone_by_the_next(
    room: Room,
) -> None:
    first = await room.witness()
    room.accepted()
    room.tree.commit(a=WITH)
    await first.settle()
    first.close()
    taken_out = room.tree.commit(a=BASE)
    await room.witness()
    assert [landing.undone_by for landing in room.store.landings()] == [taken_out]


async def test_a_commit_leaves_a_task_with_its_files(room: Room) -> None:
    witness = await room.witness()
    committed = room.tree.commit("add the area", a=WITH)
    await witness.settle()
    await room.executor.flush()
    (task,) = room.store.tasks(TaskKind.COMMIT)
    assert (task.name, task.input, task.result) == ("commit", "commit: add the area", committed)
    assert [one.path for one in room.store.task_files(task.id)] == ["a.py"]


async def test_of_two_windows_one_notes_a_commit(room: Room) -> None:
    witnesses = [await room.witness(), await room.witness()]
    room.tree.commit(a=WITH)
    for witness in witnesses:
        await witness.settle()
    await room.executor.flush()
    assert len(room.store.tasks(TaskKind.COMMIT)) == 1


async def test_a_repository_made_after_the_window_opened_is_followed(
    tmp_path: Path, room: Room
) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    recorder = cast(Recorder, room.recorder)
    witness = GitWitness(bare, recorder, room.executor, lambda: NOW, Lead(room.lock))
    await witness.attach(room.store)
    tree = WorkingTree(bare)
    await witness.settle()
    tree.commit(b=WITH)
    await witness.settle()
    assert room.recorder.moments == ["commit"]


async def test_what_settled_lands_under_the_name_that_its_file_has_now(room: Room) -> None:
    witness = await room.witness()
    room.accepted()
    room.recorder.stands.clear()
    room.store.settle("s1", Outcome.KEPT, 20, "return 3.14 * radius", NOW).result()
    room.store.note_move("s1", "b.py", NOW).result()
    room.tree.commit(b=WITH)
    await witness.settle()
    assert [landing.path for landing in room.store.landings()] == ["b.py"]
