"""A folder that is at one commit of another repository and knows nothing later.

Promises that neither the files nor the git objects under the folder hold anything
from after the commit that it is at: it is a repository of its own, which grows by one
commit at a time, so whoever reads it cannot see the future that is being replayed.
"""

from __future__ import annotations

from pathlib import Path

import pygit2

from habitus_learner.history import Commit, read_tree

MAX_BLOB_BYTES = 5_000_000
"""Larger files are left out of the working copy; no editor opens them."""


class WorkingCopy:
    """A growing repository in `folder`; create it with `at`."""

    def __init__(self, folder: Path, source: pygit2.Repository) -> None:
        self.folder = folder
        self._source = source
        self._repository = pygit2.init_repository(str(folder), initial_head="main")
        self._tree: dict[str, pygit2.Oid] = {}

    @classmethod
    def at(cls, folder: Path, source: pygit2.Repository, commit: Commit) -> WorkingCopy:
        """Make the folder, with the files of `commit` as its only commit."""
        folder.mkdir(parents=True)
        copy = cls(folder, source)
        copy.advance(commit)
        return copy

    def path(self, name: str) -> Path:
        """The file in the folder; `name` is relative to its root."""
        return self.folder / name

    def advance(self, commit: Commit) -> None:
        """Bring the files to `commit` and commit them, as pulling or committing would.

        Files that already are as the commit has them are not written again: the
        editor saved those, and another write would look like a change from outside.
        """
        index = self._repository.index
        seen: dict[str, pygit2.Oid] = {}
        for name, data in read_tree(self._source, commit.id):
            if len(data) > MAX_BLOB_BYTES:
                continue
            seen[name] = pygit2.hash(data)
            if self._tree.get(name) == seen[name]:
                continue
            file = self.path(name)
            if not file.is_file() or file.read_bytes() != data:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
            index.add(name)
        for name in self._tree.keys() - seen.keys():
            self.path(name).unlink(missing_ok=True)
            index.remove(name)
        self._tree = seen
        index.write()
        self._commit(commit)

    def _commit(self, commit: Commit) -> None:
        signature = pygit2.Signature("Habitus replay", "replay@localhost", int(commit.time), 0)
        repository = self._repository
        parents = [] if repository.head_is_unborn else [repository.head.target]
        tree = repository.index.write_tree()
        repository.create_commit("HEAD", signature, signature, commit.message, tree, parents)
