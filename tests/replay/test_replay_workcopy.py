"""A working copy holds the past and nothing of the future."""

from __future__ import annotations

from pathlib import Path

import pygit2
import pytest

from habitus_learner.history import list_commits
from habitus_learner.past import Past
from habitus_learner.replay import workcopy
from habitus_learner.replay.workcopy import WorkingCopy
from habitus_server.config import Config
from replay.synthetic import evolving_project, make_repository

TREES = [
    {"a.py": "one = 1\n", "gone.py": "old = 1\n"},
    {"a.py": "one = 1\ntwo = 2\n", "pkg/new.py": "three = 3\n"},
    {"a.py": "one = 1\ntwo = 2\nfour = 4\n", "pkg/new.py": "three = 3\n"},
]


def blobs(folder: Path) -> set[bytes]:
    repository = pygit2.Repository(str(folder))
    found = (repository[oid] for oid in repository)
    return {blob.data for blob in found if isinstance(blob, pygit2.Blob)}


def test_files_are_as_the_commit_has_them(tmp_path: Path) -> None:
    source = make_repository(tmp_path / "source", TREES)
    first, second, _ = list_commits(source)
    copy = WorkingCopy.at(tmp_path / "copy", source, first)
    assert copy.path("a.py").read_text() == "one = 1\n"
    copy.advance(second)
    assert copy.path("a.py").read_text() == "one = 1\ntwo = 2\n"
    assert copy.path("pkg/new.py").read_text() == "three = 3\n"
    assert not copy.path("gone.py").exists()


def test_head_moves_with_every_commit_and_leaves_a_clean_tree(tmp_path: Path) -> None:
    source = make_repository(tmp_path / "source", TREES)
    first, second, _ = list_commits(source)
    copy = WorkingCopy.at(tmp_path / "copy", source, first)
    before = pygit2.Repository(str(copy.folder)).head.target
    copy.advance(second)
    repository = pygit2.Repository(str(copy.folder))
    assert repository.head.target != before
    assert repository.status() == {}
    assert (copy.folder / ".git" / "logs" / "HEAD").read_text().count("\n") == 2


def test_a_saved_file_is_not_written_again(tmp_path: Path) -> None:
    source = make_repository(tmp_path / "source", TREES)
    first, second, _ = list_commits(source)
    copy = WorkingCopy.at(tmp_path / "copy", source, first)
    copy.path("a.py").write_text("one = 1\ntwo = 2\n")
    written_at = copy.path("a.py").stat().st_mtime_ns
    copy.advance(second)
    assert copy.path("a.py").stat().st_mtime_ns == written_at


def test_a_copy_that_is_opened_again_goes_on_from_where_it_was(tmp_path: Path) -> None:
    source = make_repository(tmp_path / "source", TREES)
    first, second, _ = list_commits(source)
    WorkingCopy.at(tmp_path / "copy", source, first)
    copy = WorkingCopy.open(tmp_path / "copy", source)
    copy.advance(second)
    assert copy.path("pkg/new.py").read_text() == "three = 3\n"
    assert not copy.path("gone.py").exists()
    assert pygit2.Repository(str(copy.folder)).status() == {}


def test_no_object_under_the_folder_holds_later_text(tmp_path: Path) -> None:
    source = make_repository(tmp_path / "source", TREES)
    _, second, _ = list_commits(source)
    copy = WorkingCopy.at(tmp_path / "copy", source, second)
    earlier = {b"one = 1\n", b"old = 1\n", b"one = 1\ntwo = 2\n", b"three = 3\n"}
    assert blobs(copy.folder) == earlier


def test_a_side_branch_that_a_later_merge_brings_in_stays_behind(tmp_path: Path) -> None:
    source = make_repository(tmp_path / "source", TREES)
    first, second, _ = list_commits(source)
    made = source[first.id].peel(pygit2.Commit)
    aside = source.create_blob(b"aside = 1\n")
    tree = source.TreeBuilder()
    tree.insert("aside.py", aside, pygit2.enums.FileMode.BLOB)
    source.create_commit(
        "refs/heads/aside", made.author, made.committer, "aside", tree.write(), [made.id]
    )
    copy = WorkingCopy.at(tmp_path / "copy", source, second)
    assert b"aside = 1\n" not in blobs(copy.folder)
    assert list(pygit2.Repository(str(copy.folder)).references) == ["refs/heads/main"]


def test_the_history_that_led_to_a_commit_comes_along(tmp_path: Path) -> None:
    source = make_repository(tmp_path / "source", evolving_project(6))
    commits = list_commits(source)
    copy = WorkingCopy.at(tmp_path / "copy", source, commits[3])
    assert list_commits(pygit2.Repository(str(copy.folder))) == commits[:4]
    past = Past(copy.folder, Config())
    assert [chapter.commit.id for chapter in past.chapters()] == [c.id for c in commits[3::-1]]


def test_a_replayed_commit_is_its_authors(tmp_path: Path) -> None:
    source = make_repository(tmp_path / "source", TREES)
    first, second, _ = list_commits(source)
    copy = WorkingCopy.at(tmp_path / "copy", source, first)
    copy.advance(second)
    made = list_commits(pygit2.Repository(str(copy.folder)))[-1]
    assert (made.author, made.time, made.message) == (second.author, second.time, second.message)


def test_an_executable_file_stays_one_when_it_changes(tmp_path: Path) -> None:
    source = make_repository(tmp_path / "source", TREES[:1])
    (first,) = list_commits(source)
    index = pygit2.Index()
    made = source[first.id].peel(pygit2.Commit)
    for text in ("run = 1\n", "run = 2\n"):
        mode = pygit2.enums.FileMode.BLOB_EXECUTABLE
        index.add(pygit2.IndexEntry("run.py", source.create_blob(text.encode()), mode))
        tree = index.write_tree(source)
        source.create_commit("HEAD", made.author, made.committer, text, tree, [source.head.target])
    _, second, third = list_commits(source)
    copy = WorkingCopy.at(tmp_path / "copy", source, second)
    copy.advance(third)
    repository = pygit2.Repository(str(copy.folder))
    assert repository.head.peel(pygit2.Tree)["run.py"].filemode == mode
    assert repository.status() == {}


def test_a_long_history_is_cut_as_a_shallow_clone_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workcopy, "MAX_PAST_COMMITS", 2)
    source = make_repository(tmp_path / "source", evolving_project(6))
    commits = list_commits(source)
    copy = WorkingCopy.at(tmp_path / "copy", source, commits[4])
    repository = pygit2.Repository(str(copy.folder))
    assert repository.is_shallow
    assert [c.id for c in list_commits(repository)] == [c.id for c in commits[3:5]]
    copy.advance(commits[5])
    assert pygit2.Repository(str(copy.folder)).status() == {}


def test_a_twin_starts_where_the_other_is_and_goes_its_own_way(tmp_path: Path) -> None:
    source = make_repository(tmp_path / "source", TREES)
    first, second, third = list_commits(source)
    copy = WorkingCopy.at(tmp_path / "copy", source, first)
    copy.advance(second)
    twin = copy.twin(tmp_path / "twin")
    twin.advance(third)
    assert twin.path("a.py").read_text() == "one = 1\ntwo = 2\nfour = 4\n"
    assert copy.path("a.py").read_text() == "one = 1\ntwo = 2\n"
    assert b"one = 1\ntwo = 2\nfour = 4\n" not in blobs(copy.folder)
    assert pygit2.Repository(str(twin.folder)).status() == {}


@pytest.mark.parametrize("turned", [False, True])
def test_a_file_may_become_a_folder_and_a_folder_a_file(tmp_path: Path, turned: bool) -> None:
    trees = [{"pkg": "one = 1\n"}, {"pkg/deep/a.py": "two = 2\n"}]
    source = make_repository(tmp_path / "source", trees[::-1] if turned else trees)
    first, second = list_commits(source)
    copy = WorkingCopy.at(tmp_path / "copy", source, first)
    copy.advance(second)
    files = {
        file.relative_to(copy.folder).as_posix(): file.read_text()
        for file in copy.folder.rglob("*")
        if file.is_file() and ".git" not in file.parts
    }
    assert files == trees[0 if turned else 1]
