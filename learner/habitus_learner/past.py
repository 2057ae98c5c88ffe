"""What a repository's own past teaches: its commits as examples, and its code as it stands.

Promises that nothing of a commit shows that is no ancestor of the one that learning goes up
to, and only what may be learned from (`archive`). Reads commits from the newest back and stops
at a bound. Knows no store, no model and no clock.

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

from habitus_learner import history
from habitus_learner.archive import Archive
from habitus_learner.carried import language_of
from habitus_learner.corrections import CorrectionClass, classify
from habitus_learner.examples import Author, Example, Kind, row_id
from habitus_learner.history import Commit
from habitus_learner.lessons import PATTERN
from habitus_learner.ownership import find_user
from habitus_learner.reactions import CORRECTION, LAYOUT_CORRECTION, PLACE_CHARS
from habitus_learner.written import File, Written, written_in
from habitus_server import repository as git
from habitus_server.config import Config
from habitus_server.errors import UserError
from habitus_server.verdicts import squeeze

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
MAX_COMMIT_LINES = 2_500
"""A commit that writes more, or to more files than `archive` reads, reformats or imports:
nobody typed it."""

MOST_TRIED = 20

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
        self._archive = Archive(self._repository, root, config, is_forgotten=is_forgotten)
        self._until = history.find_commit(self._repository, until)
        self._user = find_user(self._repository, self._until)
        self._is_forgotten = is_forgotten
        self._own_until = own_until
        self._forgotten: dict[str, set[str]] = {}

    @property
    def until(self) -> Commit:
        """The newest commit that anything is learned from."""
        return self._until

    def chapters(self) -> Iterator[Chapter]:
        """Commits that wrote code, newest first, and each lesson in the newest of them alone."""
        self._archive.begin()
        self._forgotten = {}
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
        paths = sorted(self._archive.paths(commit))
        Random(f"{seed}:{commit.id}").shuffle(paths)
        room = MAX_STANDING_CHARS
        for path in sorted(paths, key=lambda path: self._archive.name(path) not in lines):
            text = self._archive.text(commit.id, path)
            if text is None:
                continue
            room -= len(text)
            if room < 0:
                return
            known = lines.get(self._archive.name(path), set())
            forgotten = self._forgotten.get(self._archive.name(path), set())
            file = File(path, language_of(path), text)
            for piece in file.pieces(0, len(file.lines)):
                if _is_covered(piece.text, known) or not forgotten.isdisjoint(_lines(piece.text)):
                    continue
                example = self._standing(commit, piece)
                yield msgspec.structs.replace(example, id=f"{example.id}:standing")

    def _examples(self, commit: Commit, at: float, age: int) -> Iterator[Example]:
        changes = self._archive.changes(commit)
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
            lines.setdefault(self._archive.name(example.path), set()).update(_lines(example.target))

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
        names = dict.fromkeys((self._archive.name(piece.path), piece.path))
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


def _key(example: Example) -> tuple[object, ...]:
    """What makes a lesson the same one again (see `lessons`); layout is none of it."""
    place = squeeze(example.prefix[-PLACE_CHARS:])
    return example.kind, example.path, place, squeeze(example.target), squeeze(example.rejected)


def _lines(text: str) -> Iterator[str]:
    return (line for raw in text.split("\n") if len(line := raw.strip()) >= LEAST_LINE_CHARS)


def _is_covered(text: str, known: set[str]) -> bool:
    lines = list(_lines(text))
    return bool(known) and sum(line in known for line in lines) >= COVERED * max(1, len(lines))
