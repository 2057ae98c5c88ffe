"""A working copy holds the past and nothing of the future."""

from __future__ import annotations

from pathlib import Path

import pygit2

from habitus_learner.history import list_commits
from habitus_learner.replay.workcopy import WorkingCopy
from replay.synthetic import make_repository

TREES = [
    {"a.py": "one = 1\n", "gone.py": "old = 1\n"},
    {"a.py": "one = 1\ntwo = 2\n", "pkg/new.py": "three = 3\n"},
]


def test_files_are_as_the_commit_has_them(tmp_path: Path) -> None:
    source = make_repository(tmp_path / "source", TREES)
    first, second = list_commits(source)
    copy = WorkingCopy.at(tmp_path / "copy", source, first)
    assert copy.path("a.py").read_text() == "one = 1\n"
    copy.advance(second)
    assert copy.path("a.py").read_text() == "one = 1\ntwo = 2\n"
    assert copy.path("pkg/new.py").read_text() == "three = 3\n"
    assert not copy.path("gone.py").exists()


def test_head_moves_with_every_commit_and_leaves_a_clean_tree(tmp_path: Path) -> None:
    source = make_repository(tmp_path / "source", TREES)
    first, second = list_commits(source)
    copy = WorkingCopy.at(tmp_path / "copy", source, first)
    before = pygit2.Repository(str(copy.folder)).head.target
    copy.advance(second)
    repository = pygit2.Repository(str(copy.folder))
    assert repository.head.target != before
    assert repository.status() == {}
    assert (copy.folder / ".git" / "logs" / "HEAD").read_text().count("\n") == 2


def test_a_saved_file_is_not_written_again(tmp_path: Path) -> None:
    source = make_repository(tmp_path / "source", TREES)
    first, second = list_commits(source)
    copy = WorkingCopy.at(tmp_path / "copy", source, first)
    copy.path("a.py").write_text("one = 1\ntwo = 2\n")
    written_at = copy.path("a.py").stat().st_mtime_ns
    copy.advance(second)
    assert copy.path("a.py").stat().st_mtime_ns == written_at


def test_no_object_under_the_folder_holds_later_text(tmp_path: Path) -> None:
    source = make_repository(tmp_path / "source", TREES)
    first, _ = list_commits(source)
    copy = WorkingCopy.at(tmp_path / "copy", source, first)
    repository = pygit2.Repository(str(copy.folder))
    blobs = [repository[oid] for oid in repository if isinstance(repository[oid], pygit2.Blob)]
    assert {blob.data for blob in blobs} == {b"one = 1\n", b"old = 1\n"}
