"""Suggestions that land in commits and are taken out again, in real repositories."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pygit2
import pytest

from habitus_server.commits import UNDO_S, Commits
from habitus_server.records import Landing
from habitus_server.reflog import NO_COMMIT, Move, MoveKind, find_git
from habitus_server.standing import Standing

BASE = "import math\n\n\ndef area(radius):\n    pass\n"
WITH = "import math\n\n\ndef area(radius):\n    return math.pi * radius\n"
MORE = WITH + "\n\ndef volume(radius):\n    return 4 * area(radius)\n"
OFFERED = "return math.pi * radius"
TOKEN = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
NOW = 1_700_000_000.0


class Shelf:
    """Landings in memory, and the texts of suggestions that settled."""

    def __init__(self) -> None:
        self.rows: list[Landing] = []
        self.settled: list[tuple[str, str, str]] = []

    def add_landing(self, landing: Landing) -> None:
        self.rows.append(landing)

    def undo_landing(self, suggestion_id: str, commit_id: str, by: str, at: float) -> None:
        self.rows = [
            msgspec.structs.replace(row, undone_by=by, undone_at=at)
            if (row.suggestion_id, row.commit_id) == (suggestion_id, commit_id)
            else row
            for row in self.rows
        ]

    def open_landings(self) -> list[Landing]:
        return [row for row in self.rows if row.undone_by is None]

    def unlanded(self, *, since: float) -> list[tuple[str, str, str]]:
        landed = {row.suggestion_id for row in self.rows}
        return [one for one in self.settled if one[1] not in landed]


class History:
    """A repository, its commits' ids by name, and what they say of suggestions."""

    def __init__(self, folder: Path, root: Path | None = None) -> None:
        self.repository = pygit2.init_repository(str(folder), initial_head="main")
        git = find_git(folder)
        assert git is not None
        self.shelf = Shelf()
        self.commits = Commits(git, root or folder, self.shelf)
        self.now = NOW

    def tree(self, *parents: str, **files: str) -> str:
        """A commit that holds these files (`a` stands for a.py), and its id."""
        index = pygit2.Index()
        for name, text in files.items():
            blob = self.repository.create_blob(text.encode())
            path = name.replace("__", "/") + ".py"
            index.add(pygit2.IndexEntry(path, blob, pygit2.enums.FileMode.BLOB))
        who = pygit2.Signature("A", "a@localhost", int(self.now), 0)
        tree = index.write_tree(self.repository)
        oids = [pygit2.Oid(hex=parent) for parent in parents]
        return str(self.repository.create_commit(None, who, who, "change", tree, oids))

    def take(
        self, kind: MoveKind, old: str, new: str, *standing: Standing, path: str = "a.py"
    ) -> list[Landing]:
        """HEAD moves while suggestions stand in a file; the landings after that."""
        for step in self.commits.steps([Move(kind, old, new, self.now)]):
            self.commits.land(step, {path: standing}, self.now)
            self.commits.judge(step, self.now)
        return self.shelf.rows

    def landed(self, text: str = WITH) -> str:
        """A first commit, and a second in which a suggestion landed; the second's id."""
        first = self.tree(a=BASE)
        second = self.tree(first, a=text)
        assert len(self.take(MoveKind.COMMIT, first, second, STANDING)) == 1
        return second


STANDING = Standing("s1", 4, OFFERED)


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path)


def test_an_accepted_suggestion_lands_in_the_commit_that_adds_it(history: History) -> None:
    first = history.tree(a=BASE)
    second = history.tree(first, a=WITH)
    (landing,) = history.take(MoveKind.COMMIT, first, second, STANDING)
    assert landing == Landing("s1", second, "a.py", "    return math.pi * radius", 4, NOW)


def test_a_suggestion_lands_in_the_very_first_commit(history: History) -> None:
    (landing,) = history.take(MoveKind.COMMIT, NO_COMMIT, history.tree(a=WITH), STANDING)
    assert landing.first_line == 4


def test_a_suggestion_that_was_not_committed_does_not_land(history: History) -> None:
    first = history.tree(a=BASE)
    assert history.take(MoveKind.COMMIT, first, history.tree(first, a=BASE + "x\n"), STANDING) == []


def test_a_suggestion_that_landed_before_does_not_land_with_the_next_commit(
    history: History,
) -> None:
    second = history.landed()
    assert len(history.take(MoveKind.COMMIT, second, history.tree(second, a=MORE), STANDING)) == 1


def test_text_that_a_merge_brings_is_nobody_s_landing(history: History) -> None:
    first = history.tree(a=BASE)
    assert history.take(MoveKind.MERGE, first, history.tree(first, a=WITH), STANDING) == []


def test_a_suggestion_that_settled_in_an_earlier_session_lands_by_its_words(
    history: History,
) -> None:
    history.shelf.settled = [("a.py", "s0", OFFERED)]
    first = history.tree(a=BASE)
    (landing,) = history.take(MoveKind.COMMIT, first, history.tree(first, a=WITH))
    assert (landing.suggestion_id, landing.first_line) == ("s0", 4)


def test_what_lands_is_redacted(history: History) -> None:
    first = history.tree(a=BASE)
    second = history.tree(first, a=BASE + f'login(token="{TOKEN}", retries=3)\n')
    standing = Standing("s1", 5, "retries=3)")
    (landing,) = history.take(MoveKind.COMMIT, first, second, standing)
    assert TOKEN not in landing.text
    assert "retries=3)" in landing.text


def test_files_with_windows_line_ends_land_too(history: History) -> None:
    first = history.tree(a=BASE.replace("\n", "\r\n"))
    second = history.tree(first, a=WITH.replace("\n", "\r\n"))
    (landing,) = history.take(MoveKind.COMMIT, first, second, STANDING)
    assert landing.text == "    return math.pi * radius"


def test_a_workspace_below_the_repository_has_paths_of_its_own(tmp_path: Path) -> None:
    history = History(tmp_path, tmp_path / "package")
    first = history.tree(package__a=BASE, other=BASE)
    second = history.tree(first, package__a=WITH, other=WITH)
    (landing,) = history.take(MoveKind.COMMIT, first, second, STANDING)
    assert landing.path == "a.py"


@pytest.mark.parametrize("kind", [MoveKind.REVERT, MoveKind.COMMIT, MoveKind.PULL])
def test_a_landing_is_undone_by_whatever_takes_its_lines_out(
    history: History, kind: MoveKind
) -> None:
    second = history.landed()
    third = history.tree(second, a=BASE)
    history.now += 3600
    (landing,) = history.take(kind, second, third)
    assert (landing.undone_by, landing.undone_at) == (third, history.now)


def test_a_landing_is_undone_when_its_file_is_deleted(history: History) -> None:
    second = history.landed()
    third = history.tree(second, b="x = 1\n")
    (landing,) = history.take(MoveKind.COMMIT, second, third)
    assert landing.undone_by == third


def test_a_landing_survives_an_edit_of_its_line(history: History) -> None:
    second = history.landed()
    third = history.tree(second, a=WITH.replace("radius\n", "radius ** 2\n"))
    assert history.take(MoveKind.COMMIT, second, third)[0].undone_by is None


def test_a_landing_survives_when_its_lines_move_to_another_file(history: History) -> None:
    second = history.landed()
    third = history.tree(second, a="import math\n", b="def area(radius):\n" + WITH[-29:])
    assert history.take(MoveKind.COMMIT, second, third)[0].undone_by is None


def test_a_landing_survives_a_switch_to_a_branch_that_lacks_it(history: History) -> None:
    second = history.landed()
    first = str(history.repository[second].parent_ids[0])
    assert history.take(MoveKind.SWITCH, second, first)[0].undone_by is None


def test_a_landing_is_not_judged_by_commits_of_another_branch(history: History) -> None:
    second = history.landed()
    first = str(history.repository[second].parent_ids[0])
    other = history.tree(first, a=BASE + "x = 1\n")
    assert history.take(MoveKind.COMMIT, first, other)[0].undone_by is None


def test_lines_that_go_after_a_month_undo_nothing(history: History) -> None:
    second = history.landed()
    history.now += UNDO_S + 1
    third = history.tree(second, a=BASE)
    assert history.take(MoveKind.COMMIT, second, third)[0].undone_by is None


def test_a_landing_is_undone_in_the_file_that_its_own_was_renamed_to(history: History) -> None:
    second = history.landed()
    third = history.tree(second, b=WITH)
    history.take(MoveKind.COMMIT, second, third)
    fourth = history.tree(third, b=BASE)
    rows = history.take(MoveKind.COMMIT, third, fourth)
    assert [(row.path, row.undone_by) for row in rows] == [("a.py", fourth), ("b.py", fourth)]


def test_a_landing_is_undone_after_an_amend_of_its_commit(history: History) -> None:
    second = history.landed()
    first = str(history.repository[second].parent_ids[0])
    amended = history.tree(first, a=MORE)
    history.take(MoveKind.AMEND, second, amended)
    reverted = history.tree(amended, a=BASE)
    rows = history.take(MoveKind.REVERT, amended, reverted)
    assert [row.undone_by for row in rows] == [reverted, reverted]


def test_a_commit_that_touches_very_many_files_is_told_up_to_a_bound(history: History) -> None:
    first = history.tree(a=BASE)
    blob = history.repository.create_blob(b"x = 1\n")
    index = pygit2.Index()
    for number in range(5_000):
        index.add(pygit2.IndexEntry(f"d/f{number}.py", blob, pygit2.enums.FileMode.BLOB))
    who = pygit2.Signature("A", "a@localhost", int(NOW), 0)
    tree = index.write_tree(history.repository)
    oid = history.repository.create_commit(None, who, who, "import", tree, [pygit2.Oid(hex=first)])
    (step,) = history.commits.steps([Move(MoveKind.COMMIT, first, str(oid), NOW)])
    assert len(step.touched) == 2_000


def test_a_commit_that_is_not_there_says_nothing(history: History) -> None:
    first = history.tree(a=BASE)
    assert history.commits.steps([Move(MoveKind.PULL, first, "f" * 40, NOW)]) == []
