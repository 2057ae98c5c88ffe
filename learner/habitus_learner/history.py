"""A repository's commits, as edits that somebody made one after the other.

Promises first-parent commits in time order, the Python files that each one changed
with their old and new text, and which lines were written rather than moved. Reads
through libgit2 alone: a repository's own configuration can name programs to run, and
nothing here runs any. Knows nothing of models or editors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pygit2

from habitus_server import repository as git
from habitus_server.errors import UserError
from habitus_server.repository import find_hunks, is_file, split_lines, to_text
from habitus_server.utf8 import is_utf8


class FileChange(msgspec.Struct, frozen=True):
    """One file of a commit; `old` is "" for a new file and `new` for a deleted one.

    `old_path` differs from `path` where the file was renamed.
    """

    path: str
    old_path: str
    old: str
    new: str
    exists_after: bool = True


class Commit(msgspec.Struct, frozen=True):
    """A commit's identity and message; `time` is its committer time, `author` an address.

    `parents` are the ids of the commits before it, several for a merge.
    """

    id: str
    time: float
    message: str
    author: str = ""
    parents: tuple[str, ...] = ()


def open_repository(path: Path) -> pygit2.Repository:
    """Open the repository that `path` is in; raise `UserError` when it has no history."""
    repository = git.open_repository(path)
    if repository.head_is_unborn:
        raise UserError(f"The repository {path} has no commits yet, so nothing can be replayed.")
    return repository


def list_commits(repository: pygit2.Repository) -> list[Commit]:
    """The first-parent line of HEAD, oldest first.

    A merged branch counts as the one commit that brought it in: its own commits
    were written elsewhere and interleave in time.
    """
    commits: list[Commit] = []
    commit = repository[repository.head.target].peel(pygit2.Commit)
    while True:
        commits.append(_to_commit(commit))
        if not commit.parent_ids:
            return commits[::-1]
        commit = repository[commit.parent_ids[0]].peel(pygit2.Commit)


def find_commit(repository: pygit2.Repository, name: str) -> Commit:
    """The commit that a branch, a tag or (the start of) an id names."""
    try:
        return _to_commit(repository.revparse_single(name).peel(pygit2.Commit))
    except (KeyError, ValueError, pygit2.GitError) as error:
        raise UserError(f"{name} names no commit of {repository.path}: {error}.") from error


def walk_back(repository: pygit2.Repository, start: str) -> Iterator[Commit]:
    """A commit and all that it rests on, newest first, read as they are asked for.

    A commit comes after those that were made from it, unless clocks went wrong. Where history
    was cut off (a shallow clone), it ends.
    """
    commits = repository.walk(start, pygit2.enums.SortMode.TIME)
    while True:
        try:
            commit = next(commits)
        except (StopIteration, KeyError, pygit2.GitError):
            return
        yield _to_commit(commit)


def find_blob(repository: pygit2.Repository, commit_id: str, path: str) -> pygit2.Blob | None:
    """A file of a commit; None where there is none, no file, or not here."""
    try:
        tree = repository[commit_id].peel(pygit2.Commit).tree
        found = tree[path] if path and path in tree else None
        if not isinstance(found, pygit2.Blob) or not is_file(found.filemode):
            return None
        found.read_raw()
    except (KeyError, pygit2.GitError):
        return None  # a partial clone has not fetched it
    return found


def read_changes(
    repository: pygit2.Repository, commit_id: str, *, suffixes: tuple[str, ...] = (".py",)
) -> list[FileChange]:
    """The text files with these suffixes that a commit changed, by path.

    Files that are not UTF-8, or too large to have been typed, are left out.
    """
    commit = repository[commit_id].peel(pygit2.Commit)
    if commit.parent_ids:
        parent = repository[commit.parent_ids[0]].peel(pygit2.Commit)
        diff = repository.diff(parent.tree, commit.tree, context_lines=0)
    else:
        diff = commit.tree.diff_to_tree(swap=True)
    diff.find_similar()
    changes = [
        change for delta in diff.deltas if (change := _read_delta(repository, delta, suffixes))
    ]
    return sorted(changes, key=lambda change: change.path)


def read_tree(repository: pygit2.Repository, commit_id: str) -> Iterator[tuple[str, bytes]]:
    """Every file of a commit's tree: its path and its bytes, links left out."""
    for path, blob in find_blobs(repository, commit_id):
        yield path, blob.data


def find_blobs(repository: pygit2.Repository, commit_id: str) -> Iterator[tuple[str, pygit2.Blob]]:
    """Every file of a commit's tree, links left out, and those whose names are no UTF-8."""
    commit = repository[commit_id].peel(pygit2.Commit)
    yield from _walk(commit.tree, "")


def list_files(repository: pygit2.Repository, commit_id: str) -> Iterator[str]:
    """The paths of a commit's files, links and submodules left out; no file is read."""
    pending = [("", repository[commit_id].peel(pygit2.Commit).tree)]
    while pending:
        folder, tree = pending.pop()
        for entry in _entries(tree):
            if isinstance(entry, pygit2.Tree):
                pending.append((f"{folder}{entry.name}/", entry))
            elif is_file(entry.filemode):
                yield f"{folder}{entry.name}"


class Moved:
    """Which added lines of a commit were only moved there.

    A line counts as moved while another file or place of the same commit lost a line
    of the same words; indentation may differ, since moved code is often re-indented.
    """

    def __init__(self, changes: list[FileChange]) -> None:
        self._lost: Counter[str] = Counter()
        for change in changes:
            lines = split_lines(change.old)
            for hunk in find_hunks(change.old, change.new):
                self._lost.update(line.strip() for line in lines[hunk.old_start : hunk.old_end])

    def takes(self, line: str) -> bool:
        """Whether an added line is a moved one; each lost line explains one added."""
        words = line.strip()
        if self._lost[words] <= 0:
            return False
        self._lost[words] -= 1
        return True


def read_message(commit: pygit2.Commit) -> str:
    """A commit's message; bytes that are no UTF-8, whatever encoding it names, as marks."""
    return str(commit.raw_message, "utf-8", "replace")


def _entries(tree: pygit2.Tree) -> Iterator[pygit2.Object]:
    return (entry for entry in tree if is_utf8(entry.name or ""))


def _to_commit(commit: pygit2.Commit) -> Commit:
    return Commit(
        id=str(commit.id),
        time=float(commit.commit_time),
        message=read_message(commit),
        author=str(commit.author.raw_email, "utf-8", "replace").lower(),
        parents=tuple(str(parent) for parent in commit.parent_ids),
    )


def _read_delta(
    repository: pygit2.Repository, delta: pygit2.DiffDelta, suffixes: tuple[str, ...]
) -> FileChange | None:
    path = delta.new_file.path
    if not (path.endswith(suffixes) and is_utf8(path) and is_utf8(delta.old_file.path)):
        return None
    old = _read_blob(repository, delta.old_file)
    new = _read_blob(repository, delta.new_file)
    if old is None or new is None or old == new == "":
        return None
    return FileChange(
        path=path,
        old_path=delta.old_file.path,
        old=old,
        new=new,
        exists_after=delta.status != pygit2.enums.DeltaStatus.DELETED,
    )


def _read_blob(repository: pygit2.Repository, file: pygit2.DiffFile) -> str | None:
    """A file's text; "" where there is none, None where it is no text of this room."""
    if str(file.id) == "0" * 40:
        return ""
    return to_text(repository[file.id]) if is_file(file.mode) else None


def _walk(tree: pygit2.Tree, folder: str) -> Iterator[tuple[str, pygit2.Blob]]:
    for entry in _entries(tree):
        path = f"{folder}{entry.name}"
        if isinstance(entry, pygit2.Tree):
            yield from _walk(entry, f"{path}/")
        elif isinstance(entry, pygit2.Blob) and entry.filemode != pygit2.enums.FileMode.LINK:
            yield path, entry
