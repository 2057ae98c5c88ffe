"""A folder that is at one commit of another repository, with its past and nothing later.

Promises that neither the files nor the git objects under the folder hold anything
from after the commit that it is at: it is a repository of its own, whose history goes
back as the source's does and grows by one commit at a time, so whoever reads it cannot
see the future that is being replayed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pygit2

from habitus_learner.history import Commit, find_blobs, read_message, walk_back

MAX_BLOB_BYTES = 5_000_000
"""Larger files are left out of the working copy; no editor opens them."""

MAX_PAST_COMMITS = 2_000
"""Older commits are cut off, as in a shallow clone."""


class WorkingCopy:
    """A growing repository in `folder`; create it with `at`, or from another with `twin`, and
    go on with an earlier one by `open`."""

    def __init__(self, folder: Path, source: pygit2.Repository) -> None:
        self.folder = folder
        self._source = source
        self._repository = pygit2.init_repository(str(folder), initial_head="main")
        # Files are written without their modes; the index keeps those of the history.
        self._repository.config["core.filemode"] = False
        self._tree: dict[str, pygit2.Oid] = {}

    @classmethod
    def at(cls, folder: Path, source: pygit2.Repository, commit: Commit) -> WorkingCopy:
        """Make the folder, with the files of `commit` and the history that led to it."""
        folder.mkdir(parents=True)
        copy = cls(folder, source)
        copy._carry_past(commit)
        copy._write_files(commit)
        return copy

    @classmethod
    def open(cls, folder: Path, source: pygit2.Repository) -> WorkingCopy:
        """Go on with a folder that was made earlier."""
        copy = cls(folder, source)
        copy._tree = {entry.path: entry.id for entry in copy._repository.index}
        return copy

    def twin(self, folder: Path) -> WorkingCopy:
        """Another folder that is where this one is, and goes its own way from there."""
        shutil.copytree(self.folder, folder)
        twin = WorkingCopy(folder, self._source)
        twin._tree = dict(self._tree)
        return twin

    def path(self, name: str) -> Path:
        """The file in the folder; `name` is relative to its root."""
        return self.folder / name

    def advance(self, commit: Commit) -> None:
        """Bring the files to `commit` and commit them, as its author did.

        Files that already are as the commit has them are not written again: the
        editor saved those, and another write would look like a change from outside.
        """
        self._write_files(commit)
        made = self._source[commit.id].peel(pygit2.Commit)
        repository = self._repository
        tree = repository.index.write_tree()
        parents = [repository.head.target]
        repository.create_commit(
            "HEAD", made.author, made.committer, read_message(made), tree, parents
        )

    def _write_files(self, commit: Commit) -> None:
        index = self._repository.index
        tree = {
            name: blob.id
            for name, blob in find_blobs(self._source, commit.id)
            if blob.size <= MAX_BLOB_BYTES
        }
        # First what vanished: a file may stand where a folder was, or the other way round.
        for name in self._tree.keys() - tree.keys():
            self._remove(name)
            index.remove(name)
        for name, oid in tree.items():
            if self._tree.get(name) == oid:
                continue
            file, data = self.path(name), self._source[oid].data
            if not file.is_file() or file.read_bytes() != data:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
            index.add(name)
        self._tree = tree
        index.write()

    def _remove(self, name: str) -> None:
        """Delete a file, and the folders that are empty without it, as git does."""
        file = self.path(name)
        file.unlink(missing_ok=True)
        for folder in file.parents:
            if folder == self.folder or any(folder.iterdir()):
                return
            folder.rmdir()

    def _carry_past(self, commit: Commit) -> None:
        """Bring over a commit and what it rests on; objects of later commits stay behind."""
        past = list(islice(walk_back(self._source, commit.id), MAX_PAST_COMMITS))
        pack = pygit2.PackBuilder(self._source)
        seen: set[pygit2.Oid] = set()
        for one in past:
            made = self._source[one.id].peel(pygit2.Commit)
            for oid in (made.id, *_objects(self._source, made.tree_id, seen)):
                pack.add(oid)
        folder = Path(self._repository.path)
        pack.write(folder / "objects" / "pack")
        known = {one.id for one in past}
        cut = [one.id for one in past if not known.issuperset(one.parents)]
        if cut:
            (folder / "shallow").write_text("".join(f"{oid}\n" for oid in sorted(cut)))
        repository = pygit2.Repository(str(self.folder))
        repository.references.create("refs/heads/main", commit.id)
        # Entries whose files are left out stay as they are: nobody deleted them.
        repository.index.read_tree(repository[commit.id].peel(pygit2.Tree))
        repository.index.write()
        self._repository = repository


def _objects(
    source: pygit2.Repository, tree: pygit2.Oid, seen: set[pygit2.Oid]
) -> Iterator[pygit2.Oid]:
    """A tree and all below it, each object once over all calls that share `seen`."""
    pending = [tree]
    while pending:
        oid = pending.pop()
        if oid in seen:
            continue
        seen.add(oid)
        yield oid
        found = source[oid]
        if isinstance(found, pygit2.Tree):
            # A submodule's commit is another repository's.
            pending.extend(one.id for one in found if one.filemode != pygit2.enums.FileMode.COMMIT)
