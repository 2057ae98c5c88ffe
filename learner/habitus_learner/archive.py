"""The texts of a repository's commits, as far as they may be learned from.

Promises nothing of a file that the workspace's rules keep out, that was generated, or that is
to be forgotten, and no recognised secret; texts come from the commits' own trees, never from
the work tree. Paths are those below the workspace's root, and `name` says what a file of the
past is called now, as far as changes have been read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pygit2

from habitus_learner import history
from habitus_learner.carried import is_carried, language_of
from habitus_learner.history import Commit, FileChange
from habitus_learner.ownership import find_folder
from habitus_server import repository as git
from habitus_server.config import Config
from habitus_server.errors import UserError
from habitus_server.library import Library
from habitus_server.repository import Touched
from habitus_server.verdicts import unify

MAX_COMMIT_FILES = 200
CACHED_TEXTS = 64
"""What a commit leaves is mostly what the next one found."""


class Archive:
    """Reads commits of a repository, from the newest back, for a workspace in it."""

    def __init__(
        self,
        repository: pygit2.Repository,
        root: Path,
        config: Config,
        *,
        is_forgotten: Callable[[str, float], bool],
    ) -> None:
        self._repository = repository
        self._library = Library(root, config, is_inside=True)
        self._folder = find_folder(repository, root)
        self._is_forgotten = is_forgotten
        self._names: dict[str, str] = {}
        self._texts: dict[tuple[str, str], str | None] = {}

    def begin(self) -> None:
        """Forget the names that files have had: reading starts at the newest commit again."""
        self._names = {}

    def changes(self, commit: Commit) -> list[tuple[FileChange, str]]:
        """The files of code that a commit changed, as far as they may be learned from."""
        parent = commit.parents[0] if commit.parents else "0" * 40
        try:
            touched = git.find_touched(
                self._repository, parent, commit.id, most=MAX_COMMIT_FILES + 1
            )
        except UserError:
            return []  # the parent is not here: history was cut off
        if len(touched) > MAX_COMMIT_FILES:
            return []
        found = []
        for one in touched:
            if one.old_path and one.path and one.old_path != one.path:
                self._names[self._below(one.old_path)] = self.name(self._below(one.path))
            change = self._change(commit, parent, one)
            if change is not None:
                found.append((change, language_of(change.path or change.old_path)))
        return found

    def _change(self, commit: Commit, parent: str, touched: Touched) -> FileChange | None:
        old_path, path = self._below(touched.old_path), self._below(touched.path)
        if touched.old_path and not old_path:
            return None  # it came from outside the root: nobody wrote it here
        old = self.text(parent, old_path) if old_path else ""
        new = self.text(commit.id, path) if path else ""
        if old is None or new is None or old == new:
            return None
        return FileChange(path, old_path, old, new, exists_after=bool(path))

    def text(self, commit_id: str, path: str) -> str | None:
        """A file's text in a commit, if it is code that may be learned from; no secrets."""
        if not language_of(path):
            return None
        blob = history.find_blob(self._repository, commit_id, f"{self._folder}{path}")
        if blob is None:
            return None
        key = (str(blob.id), path)
        if key not in self._texts:
            while len(self._texts) >= CACHED_TEXTS:
                self._texts.pop(next(iter(self._texts)))
            self._texts[key] = self._clean(path, git.to_text(blob))
        return self._texts[key]

    def _clean(self, path: str, text: str | None) -> str | None:
        if text is None or is_carried(path, text):
            return None
        for name in {path, self.name(path)}:
            if self._library.why_silent(name, language_of(path)) or self._is_forgotten(name, 0.0):
                return None
        return self._library.clean_text(path, unify(text))

    def paths(self, commit: Commit) -> Iterator[str]:
        """The files of code of a commit's tree that lie below the root."""
        paths = history.list_files(self._repository, commit.id)
        while True:
            try:
                below = self._below(next(paths))
            except (StopIteration, KeyError, pygit2.GitError):
                return  # a partial clone has not fetched the rest
            if below and language_of(below):
                yield below

    def name(self, path: str) -> str:
        """What a file of the past is called now."""
        return self._names.get(path, path)

    def _below(self, path: str) -> str:
        """A path of the repository below the workspace's root, "" where it lies elsewhere."""
        return path[len(self._folder) :] if path.startswith(self._folder) else ""
