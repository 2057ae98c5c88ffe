"""What a repository's own past teaches: its commits as examples, and its code as it stands.

Promises that nothing is learned from a file that the workspace's rules keep out, nor any
recognised secret, and that nothing of a commit shows that is no ancestor of the one that
learning goes up to: texts come from the commits' own trees, never from the work tree. Reads
commits from the newest back and stops at a bound. Knows no store, no model and no clock.

Every commit that wrote code is a session; what it wrote by hand is a pattern, or a correction
where it changed little of what stood there (`written`). What its files hold besides, nobody
knows when it was written or by whom: it teaches at a low weight, and judges nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path
from random import Random

import msgspec
import pygit2

from habitus_learner import history
from habitus_learner.carried import is_carried, language_of
from habitus_learner.corrections import CorrectionClass, classify
from habitus_learner.examples import Author, Example, Kind, row_id
from habitus_learner.history import Commit, FileChange
from habitus_learner.lessons import PATTERN
from habitus_learner.ownership import find_folder, find_user
from habitus_learner.reactions import CORRECTION, LAYOUT_CORRECTION, PLACE_CHARS
from habitus_learner.written import File, Written, written_in
from habitus_server import repository as git
from habitus_server.config import Config
from habitus_server.errors import UserError
from habitus_server.library import Library
from habitus_server.repository import Touched
from habitus_server.verdicts import squeeze, unify

HALF_LIFE_COMMITS = 200
"""After so many later commits that wrote code, a lesson weighs half: work is counted, not
days, so that a project which rested for years is still the same project."""
LEAST_RECENCY = 0.25
OTHERS = 0.5
"""What others wrote weighs, next to what this repository's user wrote."""
STANDING = 0.2
"""What code weighs that no recent commit wrote."""

MAX_COMMITS = 1_000
"""Commits that wrote code: five half-lives."""
MAX_WALKED = 5_000
MAX_COMMIT_FILES = 200
MAX_COMMIT_LINES = 2_500
"""A commit that writes more, or to more files, reformats or imports: nobody typed it."""

MOST_TRIED = 20
CACHED_TEXTS = 64
"""What a commit leaves is mostly what the next one found."""

MAX_STANDING_CHARS = 4_000_000
COVERED = 0.5
"""A standing piece of which commits wrote this share of the lines is theirs."""
LEAST_LINE_CHARS = 8


class Chapter(msgspec.Struct, frozen=True):
    """One commit that wrote code, and what it teaches; no ancestor's `at` is later."""

    commit: Commit
    at: float
    examples: tuple[Example, ...]


class Past:
    """The history of the repository around a workspace's root, up to a commit.

    `is_forgotten` says of a path and a time whether what was written there then is to be
    forgotten ("" for any path, 0 for all time); from `own_until` on, the user's own commits
    teach nothing. Raises `UserError` where there is no repository, no commit, or none of
    that name.
    """

    def __init__(
        self,
        root: Path,
        config: Config,
        *,
        until: str = "HEAD",
        is_forgotten: Callable[[str, float], bool] = lambda _path, _at: False,
        own_until: float = float("inf"),
    ) -> None:
        self._repository = history.open_repository(root)
        self._library = Library(root, config, is_inside=True)
        self._until = history.find_commit(self._repository, until)
        self._folder = find_folder(self._repository, root)
        self._user = find_user(self._repository, self._until)
        self._is_forgotten = is_forgotten
        self._own_until = own_until
        self._names: dict[str, str] = {}
        self._texts: dict[tuple[str, str], str | None] = {}
        self._forgotten: dict[str, set[str]] = {}

    @property
    def until(self) -> Commit:
        """The newest commit that anything is learned from."""
        return self._until

    def chapters(self) -> Iterator[Chapter]:
        """Commits that wrote code, newest first, and each lesson in the newest of them alone."""
        self._names, self._forgotten = {}, {}
        seen: set[str] = set()
        told: set[tuple[object, ...]] = set()
        at, age = float("inf"), 0
        for commit in islice(history.walk_back(self._repository, self._until.id), MAX_WALKED):
            # A clock that went wrong would show a commit's text in one that seems older.
            is_misplaced = not seen.isdisjoint(commit.parents)
            seen.add(commit.id)
            at = min(at, commit.time)
            if is_misplaced or len(commit.parents) > 1 or "[bot]" in commit.author:
                continue
            found = {_key(one): one for one in self._examples(commit, at, age)}
            new = tuple(one for key, one in found.items() if key not in told)
            told.update(found)
            if self._is_forgotten("", commit.time):
                self._add_lines(self._forgotten, found.values())
                continue
            if commit.author == self._user and at >= self._own_until:
                continue
            if new:
                yield Chapter(commit, at, new)
                age += 1
            if age == MAX_COMMITS:
                return

    def commit_before(self, time: float, *, without: Collection[str]) -> Commit | None:
        """The newest commit of the main line that is older than a time, and that rests on
        none of some others (which a wrong clock may have made seem newer)."""
        older = (one for one in self._main_line() if one.time < time)
        for commit in islice(older, MOST_TRIED):
            before = islice(history.walk_back(self._repository, commit.id), MAX_WALKED)
            if not any(one.id in without for one in before):
                return commit
        return None

    def standing(
        self, commit: Commit, written: Iterable[Example], *, seed: int
    ) -> Iterator[Example]:
        """The code of a commit's tree in pieces, but for what the `written` examples teach.

        Files that were written in come first, the others in random order, up to a bound.
        """
        lines: dict[str, set[str]] = {}
        self._add_lines(lines, written)
        paths = sorted(self._paths(commit))
        Random(f"{seed}:{commit.id}").shuffle(paths)
        room = MAX_STANDING_CHARS
        for path in sorted(paths, key=lambda path: self._name(path) not in lines):
            text = self._text(commit.id, path)
            if text is None:
                continue
            room -= len(text)
            if room < 0:
                return
            known = lines.get(self._name(path), set())
            forgotten = self._forgotten.get(self._name(path), set())
            file = File(path, language_of(path), text)
            for piece in file.pieces(0, len(file.lines)):
                if _is_covered(piece.text, known) or not forgotten.isdisjoint(_lines(piece.text)):
                    continue
                example = self._standing(commit, piece)
                yield msgspec.structs.replace(example, id=f"{example.id}:standing")

    def _examples(self, commit: Commit, at: float, age: int) -> Iterator[Example]:
        changes = self._changes(commit)
        added = sum(
            hunk.new_end - hunk.new_start
            for change, _ in changes
            for hunk in git.find_hunks(change.old, change.new)
        )
        if added > MAX_COMMIT_LINES:
            return
        weight = max(LEAST_RECENCY, 0.5 ** (age / HALF_LIFE_COMMITS))
        if commit.author != self._user:
            weight *= OTHERS
        for piece in written_in(changes):
            yield self._example(commit, piece, at, weight)

    def _changes(self, commit: Commit) -> list[tuple[FileChange, str]]:
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
                self._names[self._below(one.old_path)] = self._name(self._below(one.path))
            change = self._change(commit, parent, one)
            if change is not None:
                found.append((change, language_of(change.path or change.old_path)))
        return found

    def _change(self, commit: Commit, parent: str, touched: Touched) -> FileChange | None:
        old_path, path = self._below(touched.old_path), self._below(touched.path)
        if touched.old_path and not old_path:
            return None  # it came from outside the root: nobody wrote it here
        old = self._text(parent, old_path) if old_path else ""
        new = self._text(commit.id, path) if path else ""
        if old is None or new is None or old == new:
            return None
        return FileChange(path, old_path, old, new, exists_after=bool(path))

    def _text(self, commit_id: str, path: str) -> str | None:
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
        for name in {path, self._name(path)}:
            if self._library.why_silent(name, language_of(path)) or self._is_forgotten(name, 0.0):
                return None
        return self._library.clean_text(path, unify(text))

    def _main_line(self) -> Iterator[Commit]:
        commit = self._until
        while True:
            yield commit
            if not commit.parents:
                return
            try:
                commit = history.find_commit(self._repository, commit.parents[0])
            except UserError:
                return  # history was cut off

    def _add_lines(self, lines: dict[str, set[str]], written: Iterable[Example]) -> None:
        for example in written:
            lines.setdefault(self._name(example.path), set()).update(_lines(example.target))

    def _paths(self, commit: Commit) -> Iterator[str]:
        """The files of code of a commit's tree that lie below the root."""
        paths = history.list_files(self._repository, commit.id)
        while True:
            try:
                below = self._below(next(paths))
            except (StopIteration, KeyError, pygit2.GitError):
                return  # a partial clone has not fetched the rest
            if below and language_of(below):
                yield below

    def _example(self, commit: Commit, piece: Written, at: float, weight: float) -> Example:
        correction = None
        base = PATTERN
        if piece.replaced:
            correction = classify(
                piece.replaced, piece.text, piece.language, piece.prefix, piece.suffix
            )
            is_layout = correction is CorrectionClass.FORMATTING
            base = LAYOUT_CORRECTION if is_layout else CORRECTION
        return msgspec.structs.replace(
            self._standing(commit, piece),
            kind=Kind.CORRECTION if piece.replaced else Kind.PATTERN,
            rejected=piece.replaced,
            weight=base * weight,
            at=at,
            known_at=at,
            author=Author.PERSON,
            changed_at=at,
            correction=correction,
        )

    def _standing(self, commit: Commit, piece: Written) -> Example:
        """A piece as code that stood in a commit, whoever wrote it: at an unknown time."""
        names = dict.fromkeys((self._name(piece.path), piece.path))
        return Example(
            id=f"past:{commit.id[:12]}:{piece.path}:{piece.line + 1}",
            kind=Kind.PATTERN,
            path=piece.path,
            language=piece.language,
            prefix=piece.prefix,
            suffix=piece.suffix,
            target=piece.text,
            rejected="",
            weight=STANDING,
            session=commit.id,
            at=0.0,
            known_at=commit.time,
            row_ids=tuple(row_id("past", f"{name}@{commit.id}") for name in names),
            author=Author.OTHER,
            changed_at=commit.time,
        )

    def _name(self, path: str) -> str:
        """What a file of the past is called now."""
        return self._names.get(path, path)

    def _below(self, path: str) -> str:
        """A path of the repository below the workspace's root, "" where it lies elsewhere."""
        return path[len(self._folder) :] if path.startswith(self._folder) else ""


def _key(example: Example) -> tuple[object, ...]:
    """What makes a lesson the same one again (see `lessons`); layout is none of it."""
    place = squeeze(example.prefix[-PLACE_CHARS:])
    return example.kind, example.path, place, squeeze(example.target), squeeze(example.rejected)


def _lines(text: str) -> Iterator[str]:
    return (line for raw in text.split("\n") if len(line := raw.strip()) >= LEAST_LINE_CHARS)


def _is_covered(text: str, known: set[str]) -> bool:
    lines = list(_lines(text))
    return bool(known) and sum(line in known for line in lines) >= COVERED * max(1, len(lines))
