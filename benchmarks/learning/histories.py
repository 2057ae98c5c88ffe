"""The histories that learning is measured on, cut into blocks of later work.

Promises blocks that depend on a pinned commit and a seed alone. A history is not part of this
repository: `open_history` says how to get one that is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pygit2
from benchmarks.context.moments import Desk
from benchmarks.figures import OUTPUT

from habitus_learner.history import Commit, FileChange, list_commits, read_changes, read_tree
from habitus_learner.replay.items import Item, list_items, sample_lines
from habitus_server.context import RecentEdit
from habitus_server.errors import UserError

FOLDER = OUTPUT.parent / "repositories"

BLOCKS = 2
BLOCK_LINES = 1_000
"""Changed lines of code in a block, at least; the commits before the first are the past."""
ASKED_LINES = 60
"""Lines of a block that are asked for, each at its indentation and inside."""
MOST_LINES = 300
"""A commit that changes more is not asked about: an import or a reformatting; it is learned."""
TEXTS = (".py", ".md", ".rst", ".txt", ".toml", ".cfg", ".ini", ".yml", ".yaml", ".json")


class History(msgspec.Struct, frozen=True):
    """A repository and the newest commit that is looked at."""

    name: str
    url: str
    until: str


HISTORIES = {
    one.name: one
    for one in (
        History(
            "sqlite-utils",
            "https://github.com/simonw/sqlite-utils",
            "56dd09702fdb9e899f577ffd51693c1f2176cb08",
        ),
        History(
            "humanize",
            "https://github.com/python-humanize/humanize",
            "c3a124cdeb272d7f63bc0aa66f79c6fbafd2fc6d",
        ),
        History(
            "h11",
            "https://github.com/python-hyper/h11",
            "62c5068c971579d61fa1b55373390e12f25fd856",
        ),
    )
}


class Step(msgspec.Struct, frozen=True):
    """One commit with what it changed, and what is asked while it is written."""

    commit: Commit
    changes: tuple[FileChange, ...]
    items: tuple[Item, ...]


class Block(msgspec.Struct, frozen=True):
    """Commits written one after the other, from where `before` had left the files."""

    before: Commit
    steps: tuple[Step, ...]

    @property
    def last(self) -> Commit:
        """The newest commit of the block."""
        return self.steps[-1].commit


class Moment(msgspec.Struct, frozen=True):
    """A question, and the workspace around it as it is while the moment is handed out."""

    item: Item
    prefix: str
    suffix: str
    files: dict[str, str]
    edits: tuple[RecentEdit, ...]


def open_history(history: History, folder: Path = FOLDER) -> pygit2.Repository:
    """Open a history's clone; raises `UserError` with the command that makes one."""
    path = folder / history.name
    try:
        repository = pygit2.Repository(str(path))
        repository[history.until]
    except (pygit2.GitError, KeyError):
        raise UserError(
            f"{path} does not hold commit {history.until[:12]}; make it with "
            f"`git clone {history.url} {path}`."
        ) from None
    return repository


def blocks_of(repository: pygit2.Repository, history: History, *, seed: int) -> list[Block]:
    """The newest work, oldest block first, with sampled questions."""
    commits = list_commits(repository)
    commits = commits[: 1 + [commit.id for commit in commits].index(history.until)]
    blocks: list[Block] = []
    steps: list[Step] = []
    lines = 0
    for before, commit in zip(commits[-2::-1], commits[:0:-1], strict=True):
        changes = tuple(read_changes(repository, commit.id))
        items = tuple(list_items(commit, changes, seed=seed))
        asked = len({(item.path, item.line) for item in items})
        is_asked = asked <= MOST_LINES
        if changes:
            steps.append(Step(commit, changes, items if is_asked else ()))
            lines += asked if is_asked else 0
        if lines >= BLOCK_LINES:
            blocks.append(Block(before, _sampled(steps[::-1], seed)))
            steps, lines = [], 0
        if len(blocks) == BLOCKS:
            return blocks[::-1]
    raise UserError(f"The history of {history.name} is too short for {BLOCKS} blocks.")


def moments_of(repository: pygit2.Repository, block: Block) -> Iterator[Moment]:
    """The block's questions in the order in which its text was written."""
    desk = Desk(dict(texts_at(repository, block.before)))
    for step in block.steps:
        asked: dict[tuple[str, str, int], list[Item]] = {}
        for item in step.items:
            asked.setdefault((item.commit, item.path, item.line), []).append(item)
        for change in step.changes:
            for item, prefix, suffix in desk.write(step.commit.id, change, asked):
                yield Moment(item, prefix, suffix, desk.files, tuple(desk.edits))


def texts_at(repository: pygit2.Repository, commit: Commit) -> Iterator[tuple[str, str]]:
    """The text files of a commit's tree."""
    for path, data in read_tree(repository, commit.id):
        if path.endswith(TEXTS):
            yield path, data.decode("utf-8", "replace")


def _sampled(steps: Sequence[Step], seed: int) -> tuple[Step, ...]:
    chosen = set(sample_lines([i for step in steps for i in step.items], ASKED_LINES, seed=seed))
    return tuple(
        msgspec.structs.replace(step, items=tuple(i for i in step.items if i in chosen))
        for step in steps
    )
