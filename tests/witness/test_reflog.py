"""What a reflog says that happened, on lines that git itself wrote."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from habitus_server.reflog import GitWatch, Move, MoveKind, find_git, parse

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


class Clone:
    """A working tree under the real git, with a watch on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.run("init", "-q", "-b", "main")
        self.write("a.py", "one\n")
        self.run("add", "-A")
        self.run("commit", "-q", "-m", "first")
        git = find_git(folder)
        assert git is not None
        self.watch = GitWatch(git)

    def run(self, *arguments: str) -> None:
        identity = ("-c", "user.name=A", "-c", "user.email=a@localhost", "-c", "core.editor=true")
        subprocess.run(
            ["git", *identity, "-C", str(self.folder), *arguments],
            check=True,
            capture_output=True,
            env={"PATH": "/usr/bin:/bin", "GIT_CONFIG_GLOBAL": "/dev/null", "HOME": "/nowhere"},
        )

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def commit(self, text: str, name: str = "a.py") -> None:
        self.write(name, text)
        self.run("add", "-A")
        self.run("commit", "-q", "-m", text.strip())

    def kinds(self) -> list[MoveKind]:
        """What happened since the last call."""
        return [move.kind for move in self.moves()]

    def moves(self) -> list[Move]:
        return self.watch.read() if self.watch.has_moved() else []


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path / "clone")


def move(message: str, old: str = "a" * 40, new: str = "b" * 40) -> Move:
    (found,) = parse(f"{old} {new} A Name <a@b.c> 1700000000 +0200\t{message}\n")
    return found


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("commit (initial): one", MoveKind.COMMIT),
        ("commit: merge: the word is in the subject", MoveKind.COMMIT),
        ("commit (amend): two b", MoveKind.AMEND),
        ("commit (merge): Merge branch 'side'", MoveKind.MERGE),
        ('revert: Revert "two b"', MoveKind.REVERT),
        ("cherry-pick: zz", MoveKind.CHERRY_PICK),
        ("merge side: Fast-forward", MoveKind.MERGE),
        ("pull -q: Fast-forward", MoveKind.PULL),
        ("pull -q --rebase (start): checkout 7b0a26a8", MoveKind.REBASE),
        ("rebase -i (finish): returning to refs/heads/r", MoveKind.REBASE),
        ("checkout: moving from main to side", MoveKind.SWITCH),
        ("reset: moving to HEAD~1", MoveKind.RESET),
        ("update by something else", MoveKind.UNKNOWN),
    ],
)
def test_a_move_is_named_by_what_git_wrote(message: str, kind: MoveKind) -> None:
    assert move(message).kind is kind


def test_a_line_that_is_no_reflog_line_is_left_out() -> None:
    assert parse("nonsense\n\n") == []


def test_a_new_branch_at_the_same_commit_disturbs_nothing() -> None:
    assert not move("checkout: moving from main to side", "c" * 40, "c" * 40).disturbs


def test_a_switch_to_the_branch_one_is_on_was_forced_and_disturbs() -> None:
    assert move("checkout: moving from main to main", "c" * 40, "c" * 40).disturbs


def test_a_commit_disturbs_nothing() -> None:
    assert not move("commit: more").disturbs


def test_a_folder_outside_any_repository_has_no_git(tmp_path: Path) -> None:
    assert find_git(tmp_path) is None


@needs_git
def test_nothing_moves_while_files_only_change(clone: Clone) -> None:
    clone.write("a.py", "two\n")
    assert not clone.watch.has_moved()


@needs_git
def test_a_commit_an_amend_and_a_revert_are_told_apart(clone: Clone) -> None:
    clone.commit("two\n")
    clone.run("commit", "-q", "--amend", "-m", "two again")
    clone.run("revert", "--no-edit", "HEAD")
    assert clone.kinds() == [MoveKind.COMMIT, MoveKind.AMEND, MoveKind.REVERT]


@needs_git
def test_a_move_leads_from_one_commit_to_the_next(clone: Clone) -> None:
    clone.commit("two\n")
    clone.commit("three\n")
    first, second = clone.moves()
    assert first.new == second.old


@needs_git
def test_a_switch_to_another_branch_and_back_is_seen(clone: Clone) -> None:
    clone.run("checkout", "-q", "-b", "side")
    clone.commit("two\n")
    clone.run("checkout", "-q", "main")
    assert clone.kinds() == [MoveKind.SWITCH, MoveKind.COMMIT, MoveKind.SWITCH]


@needs_git
def test_a_stash_and_its_return_are_seen(clone: Clone) -> None:
    clone.write("a.py", "two\n")
    clone.run("stash", "-q")
    assert MoveKind.STASH in clone.kinds()
    clone.run("stash", "pop", "-q")
    assert clone.kinds() == [MoveKind.UNSTASH]


@needs_git
def test_a_rebase_is_one_move_from_where_it_started(clone: Clone) -> None:
    clone.run("checkout", "-q", "-b", "side")
    clone.commit("side\n", "b.py")
    clone.run("checkout", "-q", "main")
    clone.commit("main\n", "c.py")
    clone.run("checkout", "-q", "side")
    before = clone.moves()[-1].new
    clone.run("rebase", "-q", "main")
    (rebased,) = clone.moves()
    assert (rebased.kind, rebased.old) == (MoveKind.REBASE, before)


@needs_git
def test_a_rebase_that_waits_for_its_developer_began_with_a_switch(clone: Clone) -> None:
    clone.run("checkout", "-q", "-b", "side")
    clone.commit("side\n")
    clone.run("checkout", "-q", "main")
    clone.commit("main\n")
    clone.run("checkout", "-q", "side")
    clone.moves()
    with pytest.raises(subprocess.CalledProcessError):
        clone.run("rebase", "-q", "main")
    assert clone.kinds() == [MoveKind.SWITCH]
    clone.run("rebase", "--abort")
    assert clone.kinds() == [MoveKind.RESET]


@needs_git
def test_commits_after_a_rebase_that_was_left_are_seen_again(clone: Clone) -> None:
    clone.run("checkout", "-q", "-b", "side")
    clone.commit("side\n")
    clone.run("checkout", "-q", "main")
    clone.commit("main\n")
    clone.run("checkout", "-q", "side")
    with pytest.raises(subprocess.CalledProcessError):
        clone.run("rebase", "-q", "main")
    clone.moves()
    clone.run("rebase", "--quit")
    clone.commit("after\n")
    assert clone.kinds()[-1] is MoveKind.COMMIT


@needs_git
def test_a_reflog_that_was_written_anew_is_unknown(clone: Clone) -> None:
    log = clone.folder / ".git" / "logs" / "HEAD"
    # Beside the old one first: a file made in its place may get its very inode and time.
    fresh = log.with_name("fresh")
    fresh.write_text(log.read_text(encoding="utf-8"), encoding="utf-8")
    fresh.replace(log)
    assert clone.kinds() == [MoveKind.UNKNOWN]


@needs_git
def test_a_worktree_is_followed_by_its_own_head(clone: Clone, tmp_path: Path) -> None:
    clone.run("worktree", "add", "-q", str(tmp_path / "tree"), "-b", "tree")
    git = find_git(tmp_path / "tree")
    assert git is not None
    watch = GitWatch(git)
    clone.commit("two\n")
    assert not watch.has_moved()


@needs_git
def test_what_happened_before_the_watch_began_is_told_from_the_last_move_seen(
    clone: Clone,
) -> None:
    clone.commit("two\n")
    (seen,) = clone.moves()
    clone.commit("three\n")
    git = find_git(clone.folder / ".git" / "..")
    assert git is not None
    (missed,) = GitWatch(git).missed(seen.at, seen.new)
    assert missed.message == "commit: three"


@needs_git
def test_nothing_was_missed_when_the_last_move_seen_is_unknown(clone: Clone) -> None:
    assert clone.watch.missed(1.0, "f" * 40) == []
