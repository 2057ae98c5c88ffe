"""Forgetting: rows, what quotes them, and every adapter that learned from them.

Promises that what was chosen is gone from every byte of the workspace's state, that the
adapter which then serves never saw it, and that the next cycle starts anew with what is
left. The files themselves are their owner's: a file that is still there is read again
by memory, unless it is ignored.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from habitus_learner import judged, lineage, registry, workfolder
from habitus_learner.course import BOOKMARK
from habitus_learner.examples import Example
from habitus_learner.lineage import Trace
from habitus_learner.marks import Marks, find_marks
from habitus_learner.warmup import WARMED
from habitus_server.index import Shelf
from habitus_server.store import Erasure, RowId, Store, Stored
from habitus_server.workspaces import Workspace, locked, try_lock

JOB_ENDS_S = 20.0
"""A training in progress notices within a second; its process may need longer to end."""

_TABLES = ("suggestion", "pattern", "fix", "decision", "task", "landing")

NO_MARKS = Marks(frozenset(), frozenset(), ())


class Choice(msgspec.Struct, frozen=True):
    """What is to be forgotten: rows by table, and how the texts that quote them are known.

    `files` are those that the rows are about, `path` what the user named, `since` the
    beginning of the span of time that was named.
    """

    rows: dict[str, frozenset[RowId]]
    quoting: int
    files: tuple[str, ...]
    marks: Marks
    path: str | None
    since: float

    @property
    def keys(self) -> frozenset[str]:
        """The ids of all chosen rows, as examples name them."""
        return frozenset(str(one) for ids in self.rows.values() for one in ids)

    def taught(self, lesson: Example | Trace) -> bool:
        """Whether an example comes from a chosen row, or quotes one."""
        if isinstance(lesson, Trace):
            return self.touches(lesson.path, lesson.row_ids, (), lesson.known_at)
        texts = (lesson.prefix, lesson.suffix, lesson.target, lesson.rejected)
        return self.touches(lesson.path, lesson.row_ids, texts, lesson.known_at)

    def touches(self, path: str, row_ids: Iterable[str], texts: Iterable[str], at: float) -> bool:
        """Whether something made from these rows, with these texts, goes with the choice;
        `at` is when it was known."""
        chosen = self.keys
        if any(key_of(name) in chosen for name in row_ids):
            return True
        past = [name for one in row_ids if (name := path_of(one)) is not None]
        if self.path is not None and any(is_below(one, self.path) for one in (path, *past)):
            return True
        if self.path is None and past and at >= self.since:
            return True
        return any(self.marks.are_in(text) for text in texts)


class Forgotten(msgspec.Struct, frozen=True):
    """What went: rows by table, adapters by version, other files by name."""

    rows: dict[str, int]
    adapters: tuple[str, ...]
    serving: str | None
    has_new_server: bool
    files: tuple[str, ...]
    is_job_running: bool


def key_of(name: str) -> str:
    """The id of the row that an example names: "pattern:<id>", or the id alone.

    A landing, "landing:<suggestion>@<commit>", is its suggestion's.
    """
    table, colon, key = name.partition(":")
    if not colon or table not in _TABLES:
        return name
    return key.partition("@")[0] if table == "landing" else key


def path_of(name: str) -> str | None:
    """The file that a lesson of the repository's past is about: "past:<path>@<commit>"."""
    table, _, key = name.partition(":")
    return key.rpartition("@")[0] if table == "past" else None


def is_below(path: str, top: str) -> bool:
    """Whether a file is, or lies in, what `top` names ("." names the whole workspace)."""
    return top == "." or path == top or path.startswith(f"{top}/")


def choose_path(
    store: Store, path: str, own: Iterable[tuple[str, str]], others: Iterable[str]
) -> Choice:
    """Rows about a file or folder, and all that quote it.

    `own` are the paths and present texts of its files, `others` the texts of all other
    files: what they have too is no sign of a quotation.
    """
    rows = _Rows()
    texts: list[str] = []
    files: set[str] = set()
    for row in store.stored():
        below = [one for one in row.paths if is_below(one, path)]
        if below:
            rows.add(row)
            files.update(below)
            texts += row.texts if row.is_code else ()
    for name, text in own:
        files.add(name)
        texts.append(text)
    named = rows.count()
    marks = find_marks(texts, others, files)
    for row in store.stored():
        if not rows.has(row) and any(marks.are_in(text) for text in row.texts):
            rows.add(row)
    return Choice(rows.chosen(), rows.count() - named, tuple(sorted(files)), marks, path, since=0.0)


def choose_since(store: Store, since: float) -> Choice:
    """Every row that was made or changed at or after a time."""
    rows = _Rows()
    for row in store.stored():
        if row.at >= since:
            rows.add(row)
    return Choice(rows.chosen(), 0, (), NO_MARKS, None, since)


def choose_rows(store: Store, names: Iterable[str]) -> Choice:
    """The rows that an example comes from, but for tests that ran over its file."""
    wanted = {key_of(name) for name in names if not name.startswith("task:")}
    rows = _Rows()
    for row in store.stored():
        if str(row.id) in wanted:
            rows.add(row)
    return Choice(rows.chosen(), 0, (), NO_MARKS, None, since=float("inf"))


def doomed_adapters(workspace: Workspace, choice: Choice) -> tuple[str, ...]:
    """The adapters that go with a choice."""
    return tuple(sorted(lineage.descended(workspace, choice.taught)))


def forget(
    workspace: Workspace, store: Store, choice: Choice, *, logs: Path, now: float
) -> Forgotten:
    """Remove what was chosen, and everything that was made from it."""
    # Nothing is published while adapters are looked through and removed.
    with locked(workspace.publish_lock):
        if choice.path is not None or choice.since < now:
            store.bury(choice.path, choice.since, now).result()
        removed = store.remove(choice.rows).result()
        doomed = doomed_adapters(workspace, choice)
        before = registry.serving(workspace)
        registry.discard(workspace, doomed)
        registry.sweep(workspace)
        judged.forget(
            workspace, lambda one: choice.touches(one.path, one.row_ids, one.texts, one.at)
        )
        store.set_meta(BOOKMARK, "0.0")
        if doomed:
            # What is left of the past is learned anew, where no adapter is left.
            store.set_meta(WARMED, "")
        store.note_erasure(Erasure(now, removed, doomed)).result()
        is_job_running = _clear_work(workspace)
    copies = store.erase()
    _forget_pieces(workspace, choice)
    cleaned = clean_logs(logs, choice.marks.are_in)
    # The last place that was asked about may be one of the file.
    workspace.last_why.unlink(missing_ok=True)
    # It shows pieces of code; the next one is written without these.
    workspace.report.unlink(missing_ok=True)
    serving = registry.serving(workspace)
    return Forgotten(
        removed, doomed, serving, serving != before, (*copies, *cleaned), is_job_running
    )


def clean_logs(folder: Path, is_forgotten: Callable[[str], bool]) -> list[str]:
    """Take lines out of the logs, in place: whoever writes there goes on appending."""
    cleaned = []
    for path in sorted(folder.glob("*.log*")):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
        kept = [line for line in lines if not is_forgotten(line)]
        if len(kept) < len(lines):
            with path.open("r+", encoding="utf-8") as file:
                file.writelines(kept)
                file.truncate()
            cleaned.append(path.name)
    return cleaned


def _forget_pieces(workspace: Workspace, choice: Choice) -> None:
    """Take the files out of the index, which does not read them again as they stand."""
    if (not choice.files and choice.path is None) or not workspace.index.exists():
        return
    shelf = Shelf(workspace.index)
    try:
        top = choice.path
        below = {path for path in shelf.stamps() if top is not None and is_below(path, top)}
        shelf.forget({*below, *choice.files}, until_ns=time.time_ns())
    finally:
        shelf.close()


def _clear_work(workspace: Workspace) -> bool:
    """Remove a cycle's folder, again once the job that may work there has ended.

    Whether that job has not: its learner removes the folder then, and publishes nothing.
    """
    folder = workfolder.work_folder(workspace)
    deadline = time.monotonic() + JOB_ENDS_S
    while True:
        workfolder.clear(folder)
        lock = try_lock(workfolder.lock_file(folder))
        if lock is not None:
            workfolder.clear(folder)
            os.close(lock)
            return False
        if time.monotonic() > deadline:
            return True
        time.sleep(0.1)


class _Rows:
    """Chosen rows by table."""

    def __init__(self) -> None:
        self._ids: dict[str, set[RowId]] = {}

    def add(self, row: Stored) -> None:
        self._ids.setdefault(row.table, set()).add(row.id)

    def has(self, row: Stored) -> bool:
        return row.id in self._ids.get(row.table, ())

    def count(self) -> int:
        return sum(map(len, self._ids.values()))

    def chosen(self) -> dict[str, frozenset[RowId]]:
        return {table: frozenset(ids) for table, ids in self._ids.items()}
