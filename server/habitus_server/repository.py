"""The commits of a git repository, read through libgit2.

Promises the files that differ between two commits, their texts, and the lines that
changed, with a bound on the work. Nothing of a repository is run: libgit2 knows no hooks,
no external diffs and no filters but line ends, and the git command, whose configuration
can name programs, is never called. Everything here may block: call it off the event loop.
It knows no editor and no suggestions.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pygit2
from pygit2.enums import FileMode

from habitus_server.errors import UserError
from habitus_server.landings import Hunk
from habitus_server.utf8 import is_utf8

MAX_FILE_BYTES = 1_000_000
"""Larger sources are generated or data; nobody types them."""

MAX_TOUCHED = 2_000
"""Files told of one step at most: a commit that touches more is an import."""

MAX_COMPARED = 40
"""Vanished and new files that are compared to find out which were renamed."""

LEAST_LIKE = 0.5
"""The share of lines in common from which a vanished and a new file are the same one."""


class Touched(msgspec.Struct, frozen=True):
    """A file that differs between two commits; "" where it does not exist on one side."""

    old_path: str
    path: str


def open_repository(path: Path) -> pygit2.Repository:
    """Open the repository that `path` is in; raise `UserError` when there is none."""
    try:
        found = pygit2.discover_repository(str(path))
        if found is None:
            raise UserError(f"{path} is not in a git repository; name one that is.")
        return pygit2.Repository(found)
    except pygit2.GitError as error:
        raise UserError(f"The repository {path} cannot be read: {error}.") from error


def find_touched(
    repository: pygit2.Repository, old: str, new: str, *, most: int = MAX_TOUCHED
) -> tuple[Touched, ...]:
    """The files that differ between two commits, renames joined, in order of path.

    Files whose names are no UTF-8 are left out, as everywhere (`privacy`).
    Stops at `most`: libgit2's own diff of trees holds the interpreter for as long as the
    trees are large. A commit of zeros stands for no files at all.
    """
    gone: dict[str, pygit2.Blob] = {}
    come: dict[str, pygit2.Blob] = {}
    found: list[Touched] = []
    with _reading(repository):
        before, after = _tree(repository, old), _tree(repository, new)
        for path, left, right in islice(_differing(before, after, ""), most):
            if left is not None and right is not None:
                found.append(Touched(path, path))
            elif left is not None:
                gone[path] = left
            elif right is not None:
                come[path] = right
        found += [Touched(left, right) for left, right in _renames(gone, come)]
    found += [Touched(path, "") for path in gone]
    found += [Touched("", path) for path in come]
    return tuple(sorted(found, key=lambda one: one.path or one.old_path))


def read_text(repository: pygit2.Repository, commit: str, path: str) -> str | None:
    """A file's text in a commit; None where there is none that somebody could have typed."""
    with _reading(repository):
        tree = _tree(repository, commit)
        if tree is None or not path or path not in tree:
            return None
        entry = tree[path]
        return to_text(entry) if is_file(entry.filemode) else None


def to_text(blob: Any) -> str | None:
    """A blob's text; None when it is no text, or too large to have been typed."""
    if not isinstance(blob, pygit2.Blob) or blob.size > MAX_FILE_BYTES:
        return None
    try:
        return str(blob.data, "utf-8")
    except UnicodeDecodeError:
        return None


def is_file(mode: int) -> bool:
    """Whether a tree's entry is a file, not a link, a folder or a submodule."""
    return mode in (FileMode.BLOB, FileMode.BLOB_EXECUTABLE)


def is_part_of(repository: pygit2.Repository, commit: str, head: str) -> bool:
    """Whether a commit is `head` or one of its ancestors."""
    if commit == head:
        return True
    try:
        return bool(repository.descendant_of(head, commit))
    except (pygit2.GitError, KeyError, ValueError):
        return False  # It was dropped from the history, and swept away.


def find_hunks(old: str, new: str) -> list[Hunk]:
    """The line ranges that differ, top to bottom, without context."""
    patch = pygit2.Patch.create_from(old.encode(), new.encode(), context_lines=0, interhunk_lines=0)
    return [_read_hunk(hunk) for hunk in patch.hunks]


def split_lines(text: str) -> list[str]:
    """Lines with their ends, split where git splits them: at line feeds alone."""
    lines = text.split("\n")
    last = lines.pop()
    return [line + "\n" for line in lines] + ([last] if last else [])


_Sides = tuple[str, pygit2.Blob | None, pygit2.Blob | None]


def _differing(left: Any, right: Any, folder: str) -> Iterator[_Sides]:
    """Files that two trees do not share, with what each has of them."""
    ours = {entry.name: entry for entry in left or () if is_utf8(entry.name)}
    theirs = {entry.name: entry for entry in right or () if is_utf8(entry.name)}
    for name in sorted(ours.keys() | theirs.keys()):
        old, new = ours.get(name), theirs.get(name)
        if old is not None and new is not None and old.id == new.id:
            continue
        path = f"{folder}{name}"
        trees = [one if isinstance(one, pygit2.Tree) else None for one in (old, new)]
        if any(trees):
            yield from _differing(trees[0], trees[1], f"{path}/")
        files = [one if one is not None and is_file(one.filemode) else None for one in (old, new)]
        if any(files):
            yield path, files[0], files[1]


def _renames(
    gone: dict[str, pygit2.Blob], come: dict[str, pygit2.Blob]
) -> Iterator[tuple[str, str]]:
    """Vanished files that are new elsewhere, taken out of both; those alike to the byte first."""
    same = {blob.id: path for path, blob in come.items()}
    for path, blob in tuple(gone.items()):
        if (new := same.pop(blob.id, None)) is not None:
            del gone[path], come[new]
            yield path, new
    if len(gone) > MAX_COMPARED or len(come) > MAX_COMPARED:
        return
    texts = {path: set((to_text(blob) or "").split("\n")) for path, blob in come.items()}
    for path, blob in tuple(gone.items()):
        lines = set((to_text(blob) or "").split("\n"))
        likeness = {
            other: len(lines & theirs) / max(1, len(lines | theirs))
            for other, theirs in texts.items()
        }
        best = max(likeness, key=likeness.__getitem__, default=None)
        if best is not None and likeness[best] >= LEAST_LIKE:
            del gone[path], come[best], texts[best]
            yield path, best


def _tree(repository: pygit2.Repository, commit: str) -> pygit2.Tree | None:
    if not commit.strip("0"):
        return None
    return repository[commit].peel(pygit2.Commit).tree


@contextmanager
def _reading(repository: pygit2.Repository) -> Iterator[None]:
    """What is missing or broken (a shallow clone, a damaged pack) is one kind of error."""
    try:
        yield
    except (KeyError, ValueError, OSError, pygit2.GitError) as error:
        raise UserError(
            f"The repository {repository.path} cannot be read ({error}); what its commits "
            "say of suggestions is not known."
        ) from error


def _read_hunk(hunk: pygit2.DiffHunk) -> Hunk:
    # An empty side is given as "after line n", a full one as "from line n", both 1-based.
    old_start = hunk.old_start - (1 if hunk.old_lines else 0)
    new_start = hunk.new_start - (1 if hunk.new_lines else 0)
    return Hunk(old_start, old_start + hunk.old_lines, new_start, new_start + hunk.new_lines)
