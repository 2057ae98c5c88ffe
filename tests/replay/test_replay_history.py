"""Repositories as edits: commits in time order, changed files, moved lines."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from habitus_learner.history import (
    FileChange,
    Moved,
    list_commits,
    open_repository,
    read_changes,
    read_tree,
)
from habitus_server.errors import UserError
from habitus_server.repository import find_hunks, split_lines
from replay.synthetic import make_repository


def change(old: str, new: str, path: str = "a.py") -> FileChange:
    return FileChange(path, path, old, new)


def test_commits_come_oldest_first(tmp_path: Path) -> None:
    repository = make_repository(tmp_path, [{"a.py": "1\n"}, {"a.py": "2\n"}, {"a.py": "3\n"}])
    commits = list_commits(repository)
    assert [c.message for c in commits] == ["change 0", "change 1", "change 2"]
    assert commits[0].time < commits[1].time < commits[2].time


def test_a_commit_tells_new_changed_and_deleted_python_files(tmp_path: Path) -> None:
    repository = make_repository(
        tmp_path,
        [
            {"gone.py": "x = 1\n" * 9, "kept.py": "y = 1\n", "notes.md": "a"},
            {"kept.py": "y = 2\n", "new.py": "z = 3\n", "notes.md": "b"},
        ],
    )
    found = read_changes(repository, list_commits(repository)[1].id)
    assert [(c.path, c.old, c.new, c.exists_after) for c in found] == [
        ("gone.py", "x = 1\n" * 9, "", False),
        ("kept.py", "y = 1\n", "y = 2\n", True),
        ("new.py", "", "z = 3\n", True),
    ]


def test_the_first_commit_is_all_new_files(tmp_path: Path) -> None:
    repository = make_repository(tmp_path, [{"a.py": "x = 1\n"}])
    (found,) = read_changes(repository, list_commits(repository)[0].id)
    assert (found.old, found.new) == ("", "x = 1\n")


def test_a_renamed_file_keeps_its_old_text(tmp_path: Path) -> None:
    text = "".join(f"line_{n} = {n}\n" for n in range(30))
    repository = make_repository(tmp_path, [{"old.py": text}, {"new.py": text + "last = 1\n"}])
    (found,) = read_changes(repository, list_commits(repository)[1].id)
    assert (found.old_path, found.path) == ("old.py", "new.py")
    assert found.old == text


def test_bytes_that_are_no_text_are_left_out(tmp_path: Path) -> None:
    repository = make_repository(
        tmp_path, [{"a.py": "x\n"}, {"a.py": b"\xff\xfe\x00", "b.py": "y\n"}]
    )
    found = read_changes(repository, list_commits(repository)[1].id)
    assert [c.path for c in found] == ["b.py"]


def test_a_tree_is_read_with_its_folders(tmp_path: Path) -> None:
    repository = make_repository(tmp_path, [{"a.py": "1", "pkg/sub/b.py": "2", "notes.md": "3"}])
    tree = dict(read_tree(repository, list_commits(repository)[0].id))
    assert tree == {"a.py": b"1", "pkg/sub/b.py": b"2", "notes.md": b"3"}


def test_a_folder_without_a_repository_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="name one that is"):
        open_repository(tmp_path)


def test_hunks_turn_every_old_text_into_its_new_text() -> None:
    chance = random.Random(7)
    for _ in range(300):
        old = [f"{chance.choice('abcde')}\n" for _ in range(chance.randrange(12))]
        new = [line for line in old if chance.random() < 0.8]
        for _ in range(chance.randrange(4)):
            new.insert(chance.randrange(len(new) + 1), f"{chance.choice('abcxyz')}\n")
        if new and chance.random() < 0.3:
            new[-1] = new[-1].rstrip("\n")
        rebuilt = list(old)
        for hunk in find_hunks("".join(old), "".join(new)):
            # Top to bottom: above a hunk everything is new already, so its place is new_start.
            size = hunk.old_end - hunk.old_start
            rebuilt[hunk.new_start : hunk.new_start + size] = new[hunk.new_start : hunk.new_end]
        assert rebuilt == new


def test_lines_are_split_at_line_feeds_alone() -> None:
    assert split_lines("a\r\nb\x0cc\n\nd") == ["a\r\n", "b\x0cc\n", "\n", "d"]
    assert split_lines("") == []


def test_a_line_that_another_file_lost_is_moved_even_when_reindented() -> None:
    moved = Moved(
        [change("x\n    total = add(1, 2)\n", "x\n"), change("", "total = add(1, 2)\n", "b.py")]
    )
    assert moved.takes("total = add(1, 2)\n")


def test_each_lost_line_explains_one_added_line_only() -> None:
    moved = Moved([change("keep\nvalue = 1\n", "keep\n")])
    assert moved.takes("value = 1\n")
    assert not moved.takes("value = 1\n")


def test_a_line_that_was_never_lost_is_written() -> None:
    assert not Moved([change("a = 1\n", "a = 1\nb = 2\n")]).takes("b = 2\n")
