"""Moments at which a completion is wanted, from the history of real projects.

Releases of three projects are written again, commit by commit, file by file, hunk by hunk;
at sampled lines the file stands as it stood then: new text above, old text below, the line
itself not yet written. What surrounds it (the other files, what was edited before) is what
the developer had by then, so no later text can show an answer.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pygit2
from benchmarks.figures import OUTPUT

from habitus_learner.history import FileChange, list_commits, read_changes, read_tree
from habitus_learner.replay.items import Item, list_items, sample_lines
from habitus_learner.replay.releases import build_repository, fetch_archives, read_release
from habitus_server.context import RecentEdit
from habitus_server.recent import FILES_KEPT, LINES_KEPT
from habitus_server.repository import find_hunks, split_lines

PROJECTS: dict[str, tuple[str, ...]] = {
    "sqlite-utils": ("3.30", "3.31", "3.32", "3.33", "3.34", "3.35", "3.36", "3.37", "3.38"),
    "h11": ("0.8.1", "0.9.0", "0.10.0", "0.11.0", "0.12.0", "0.13.0", "0.14.0", "0.15.0", "0.16.0"),
    "humanize": ("4.0.0", "4.2.0", "4.4.0", "4.6.0", "4.8.0", "4.9.0", "4.10.0", "4.12.0"),
}
ARCHIVES = OUTPUT / "archives"
SEED = 6
"""Which lines are asked. Orders, sizes and budgets were chosen on those of seed 5."""


class Moment(msgspec.Struct, frozen=True):
    """A place, and the workspace around it; `files` is its text as saved, `edits` newest first.

    `files` is shared between moments and is as it was at this one only while it is handed out.
    """

    project: str
    version: str
    item: Item
    prefix: str
    suffix: str
    files: Mapping[str, str]
    edits: tuple[RecentEdit, ...]

    @property
    def key(self) -> str:
        """Names the moment in caches and tables."""
        item = self.item
        return f"{self.project}:{self.version}:{item.path}:{item.line}:{item.column}"

    @property
    def cluster(self) -> tuple[str, str, str]:
        """Items of one file in one release resemble each other."""
        return (self.project, self.version, self.item.path)


def moments(project: str, lines: int, *, seed: int = SEED) -> Iterator[Moment]:
    """The moments of a project in the order in which its text was written, two for each of
    at most `lines` lines."""
    versions = PROJECTS[project]
    archives = fetch_archives(project, versions, ARCHIVES / project)
    releases = [read_release(a, v) for a, v in zip(archives, versions, strict=True)]
    with tempfile.TemporaryDirectory() as folder:
        repository = build_repository(project, releases, Path(folder))
        commits = list_commits(repository)
        steps = [(one, read_changes(repository, one.id)) for one in commits[1:]]
        every = [item for one, changes in steps for item in list_items(one, changes, seed=seed)]
        asked: dict[tuple[str, str, int], list[Item]] = defaultdict(list)
        for item in sample_lines(every, lines, seed=seed):
            asked[item.commit, item.path, item.line].append(item)
        desk = Desk(dict(_texts(repository, commits[0].id)))
        for (commit, changes), version in zip(steps, versions[1:], strict=True):
            for change in changes:
                for item, prefix, suffix in desk.write(commit.id, change, asked):
                    yield Moment(
                        project, version, item, prefix, suffix, desk.files, tuple(desk.edits)
                    )


class Desk:
    """The workspace as a developer has it while writing."""

    def __init__(self, files: dict[str, str]) -> None:
        self.files = files
        self.edits: list[RecentEdit] = []
        self._now = 0.0

    def write(
        self, commit: str, change: FileChange, asked: Mapping[tuple[str, str, int], list[Item]]
    ) -> Iterator[tuple[Item, str, str]]:
        """Write a file's new text hunk by hunk; what is asked on the way, with the text above
        and below."""
        old, new = split_lines(change.old), split_lines(change.new)
        for hunk in find_hunks(change.old, change.new):
            below = "".join(old[hunk.old_end :])
            for index in range(hunk.new_start, hunk.new_end):
                line = new[index]
                end = line[len(line.rstrip("\r\n")) :]
                for item in asked.get((commit, change.path, index), ()):
                    yield item, "".join(new[:index]) + line[: item.column], end + below
            if hunk.new_end > hunk.new_start:
                self._edited(change.path, new[hunk.new_start : hunk.new_end][-LINES_KEPT:])
        self.files.pop(change.old_path, None)
        if change.exists_after:
            self.files[change.path] = change.new

    def _edited(self, path: str, lines: list[str]) -> None:
        self._now += 1.0
        older = [edit for edit in self.edits if edit.path != path]
        edit = RecentEdit(path, "".join(lines).strip("\n"), self._now)
        self.edits = [edit, *older][:FILES_KEPT]


def _texts(repository: pygit2.Repository, commit: str) -> Iterator[tuple[str, str]]:
    for path, data in read_tree(repository, commit):
        yield path, data.decode("utf-8", "replace")
