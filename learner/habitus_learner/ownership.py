"""Whose repository a workspace lies in, and where in it.

Promises answers from git's own records alone. It knows no files and no lessons.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path

import pygit2

from habitus_learner import history
from habitus_learner.history import Commit

AUTHOR_COMMITS = 200
"""The newest commits, among which the most frequent author is taken for the user."""


def find_folder(repository: pygit2.Repository, root: Path) -> str:
    """Where the root lies in its repository, with a slash at the end; "" for its top."""
    root = root.resolve()
    if repository.workdir is None or root.is_relative_to(Path(repository.path).resolve()):
        return ""  # it has no files but those of its commits
    below = root.relative_to(Path(repository.workdir).resolve()).as_posix()
    return "" if below == "." else f"{below}/"


def find_user(repository: pygit2.Repository, until: Commit) -> str:
    """The address under which this repository's user commits: git's setting, where such an
    author is among the newest commits, else the most frequent of these."""
    newest = islice(history.walk_back(repository, until.id), AUTHOR_COMMITS)
    authors = Counter(commit.author for commit in newest if "[bot]" not in commit.author)
    try:
        configured = str(repository.config["user.email"]).lower()
    except (KeyError, pygit2.GitError):
        configured = ""
    if configured in authors or not authors:
        return configured
    return authors.most_common(1)[0][0]
