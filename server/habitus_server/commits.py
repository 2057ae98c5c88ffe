"""What commits say about accepted suggestions: which landed, and which were taken out again.

Promises that a suggestion lands in a commit only when the commit itself added the lines in
which it stands, and that a landing is undone only by a step of its own history that
removes more than half of its lines within `UNDO_S`. A commit of another branch says
nothing. Everything here blocks: call it off the event loop.

Text is compared with what the landing's own commit holds, not step by step, so that
nothing has to be remembered between two commits but the landing. Where a rename, an amend
or a rebase takes the lines to another commit or path, the landing is written once more
there, and what undoes the newest undoes them all.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

import msgspec

from habitus_server.errors import HabitusError
from habitus_server.landings import Hunk, Stretch, find_stretch, moved_to, share_left
from habitus_server.records import Landing
from habitus_server.redaction import AROUND_CHARS, redact_after
from habitus_server.reflog import GOES_ON, NO_COMMIT, WRITES, GitFolder, Move, MoveKind
from habitus_server.verdicts import unify

if TYPE_CHECKING:
    from pygit2 import Repository

    from habitus_server.repository import Touched

log = logging.getLogger(__name__)

UNDO_S = 30 * 86_400.0
"""Lines that go after a month are history, not a judgement of the suggestion."""

SETTLED_S = 7 * 86_400.0
"""How long ago a suggestion may have settled that a commit brings into the history."""

LEAST_LEFT = 0.5
MAX_SOURCES = 50
"""Other files of a step in which lines that went may have come up."""


class Standing(Protocol):
    """An accepted suggestion that stands in a document (see the recorder)."""

    @property
    def suggestion_id(self) -> str:
        """Whose text it is."""

    @property
    def first_line(self) -> int:
        """Where it stands in the editor, from 0."""

    @property
    def text(self) -> str:
        """What stands there; it may begin and end within a line."""


class Book(Protocol):
    """Where landings are kept."""

    def add_landing(self, landing: Landing) -> object:
        """Remember that a suggestion reached a commit."""

    def undo_landing(self, suggestion_id: str, commit_id: str, by: str, at: float) -> object:
        """Remember which commit took it out."""

    def open_landings(self) -> list[Landing]:
        """What landed and was not undone."""

    def unlanded(self, *, since: float) -> list[tuple[str, str, str]]:
        """Accepted suggestions that settled since then and never landed, by path and id,
        with what stood there."""


class Step(msgspec.Struct, frozen=True):
    """A move that continued the history, with the workspace's files that it touched."""

    move: Move
    touched: tuple[Touched, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """The files as they are called after the move, those that are gone included."""
        return tuple(one.path or one.old_path for one in self.touched)


class Commits:
    """One workspace's commits; `root` may be a folder of the repository."""

    def __init__(self, folder: GitFolder, root: Path, book: Book) -> None:
        self._folder = folder
        self._book = book
        self._below = root.resolve().relative_to(folder.top.resolve()).as_posix()
        self._opened: Repository | None = None

    def steps(self, moves: Iterable[Move]) -> list[Step]:
        """The moves that continued the history, oldest first, with what they touched."""
        return [step for move in moves if move.kind in GOES_ON for step in self._step(move)]

    def land(self, step: Step, standing: Mapping[str, Sequence[Standing]], at: float) -> None:
        """Write down which suggestions reached the history with a commit or an amend.

        `standing` holds what this window still follows, by path; what settled before it
        started is found by its words.
        """
        if step.move.kind not in WRITES:
            return
        settled: defaultdict[str, dict[str, tuple[str, int | None]]] = defaultdict(dict)
        for path, suggestion_id, text in self._book.unlanded(since=at - SETTLED_S):
            settled[path][suggestion_id] = text, None
        for touched in step.touched:
            waiting = dict(settled[touched.path])
            waiting |= {
                one.suggestion_id: (one.text, one.first_line)
                for one in standing.get(touched.path, ())
            }
            committed = self._text(step.move.new, touched.path) if waiting else None
            if committed is None:
                continue
            hunks = _hunks(self._text(step.move.old, touched.old_path) or "", committed)
            for suggestion_id, (text, near) in waiting.items():
                found = find_stretch(unify(text), committed, hunks, near=near)
                if found is not None:
                    self._add(suggestion_id, step.move.new, touched.path, found, committed, at)

    def judge(self, step: Step, at: float) -> None:
        """Write down what a step did to the landings of its history."""
        for landings in _by_suggestion(self._book.open_landings()):
            newest = landings[-1]
            touched = next((one for one in step.touched if one.old_path == newest.path), None)
            if touched is None or at - newest.committed_at > UNDO_S:
                continue
            if newest.commit_id == step.move.new or not self._is_before(newest, step.move):
                continue
            self._judge(step, touched, landings, at)

    def _judge(self, step: Step, touched: Touched, landings: Sequence[Landing], at: float) -> None:
        newest = landings[-1]
        landed = self._text(newest.commit_id, newest.path)
        before = self._text(step.move.old, touched.old_path)
        if landed is None or before is None:
            return
        stretch = _lines(landed, newest)
        none: Counter[str] = Counter()
        after = self._text(step.move.new, touched.path) or ""
        if share_left(stretch, _hunks(landed, before), before, none) < LEAST_LEFT:
            return  # It had gone before, in a step that nobody saw.
        hunks = _hunks(landed, after)
        left = share_left(stretch, hunks, after, none)
        if left < LEAST_LEFT:
            left = share_left(stretch, hunks, after, self._lines_elsewhere(step, touched))
        if left < LEAST_LEFT:
            for landing in landings:
                self._book.undo_landing(landing.suggestion_id, landing.commit_id, step.move.new, at)
        elif touched.path != newest.path or step.move.kind in (MoveKind.AMEND, MoveKind.REBASE):
            kept = moved_to(stretch, hunks, after)
            if kept is not None:
                self._add(newest.suggestion_id, step.move.new, touched.path, kept, after, at)

    def _add(
        self, suggestion_id: str, commit: str, path: str, found: Stretch, text: str, at: float
    ) -> None:
        before = "\n".join([*text.split("\n")[: found.first_line], ""])
        cleaned = redact_after(before[-AROUND_CHARS:], found.text)
        self._book.add_landing(Landing(suggestion_id, commit, path, cleaned, found.first_line, at))

    def _lines_elsewhere(self, step: Step, but: Touched) -> Counter[str]:
        """Lines that a step added to other files, where those of this one may have gone."""
        lines: Counter[str] = Counter()
        for touched in [one for one in step.touched if one is not but][:MAX_SOURCES]:
            after = self._text(step.move.new, touched.path)
            if after is None:
                continue
            new = after.split("\n")
            for hunk in _hunks(self._text(step.move.old, touched.old_path) or "", after):
                lines.update(line.strip() for line in new[hunk.new_start : hunk.new_end])
        return lines

    def _is_before(self, landing: Landing, move: Move) -> bool:
        from habitus_server.repository import is_part_of

        return is_part_of(self._repository, landing.commit_id, move.old)

    def _step(self, move: Move) -> Iterator[Step]:
        from habitus_server.repository import find_touched

        try:
            touched = find_touched(self._repository, move.old, move.new)
        except HabitusError as error:
            log.info("%s", error)
            return
        inside = tuple(own for one in touched if (own := self._own(one)) is not None)
        yield Step(move, inside)

    def _own(self, touched: Touched) -> Touched | None:
        """A file by its path in the workspace; None when it is outside on both sides."""
        old, new = self._path(touched.old_path), self._path(touched.path)
        return msgspec.structs.replace(touched, old_path=old, path=new) if old or new else None

    def _path(self, path: str) -> str:
        below = PurePosixPath(path)
        if not path or not below.is_relative_to(self._below):
            return ""
        return below.relative_to(self._below).as_posix()

    def _text(self, commit: str, path: str) -> str | None:
        from habitus_server.repository import read_text

        if not path or commit == NO_COMMIT:
            return None
        name = (PurePosixPath(self._below) / path).as_posix()
        text = read_text(self._repository, commit, name)
        return None if text is None else unify(text)

    @property
    def _repository(self) -> Repository:
        # Opened with the first commit that says something: libgit2 takes 20 MB.
        if self._opened is None:
            from habitus_server.repository import open_repository

            self._opened = open_repository(self._folder.top)
        return self._opened


def _hunks(old: str, new: str) -> list[Hunk]:
    from habitus_server.repository import find_hunks

    return find_hunks(old, new)


def _lines(landed: str, landing: Landing) -> Stretch:
    """The lines of a landing as the commit has them: the store's are redacted."""
    last = landing.first_line + landing.text.count("\n") + 1
    return Stretch(landing.first_line, "\n".join(landed.split("\n")[landing.first_line : last]))


def _by_suggestion(landings: Iterable[Landing]) -> Iterable[list[Landing]]:
    found: dict[str, list[Landing]] = {}
    for landing in landings:
        found.setdefault(landing.suggestion_id, []).append(landing)
    return found.values()
