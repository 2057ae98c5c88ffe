"""What happened to a git working tree, as its own reflog tells it.

Promises to notice every move of HEAD and of the stash for two stats a look, and to name
it by what git wrote: a commit, an amend, a revert, a switch, a stash. What cannot be told
is `UNKNOWN`, never a guess. It reads files of `.git` alone, opens no repository and runs
nothing.

    commit, amend                       the developer's own work reaches the history
    revert, cherry-pick, merge, pull    the history goes on, with text nobody typed here
    rebase                              from its start to its end one move
    switch, reset, stash, unstash       the files change under the editor, the history not
"""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path

import msgspec

from habitus_server.pulse import Pulse, pulse

MAX_NEWS_BYTES = 1_000_000
"""More than this since the last look is `UNKNOWN`: thousands of moves are no person's."""
NO_COMMIT = "0" * 40
_LINE = re.compile(r"([0-9a-f]{40,64}) ([0-9a-f]{40,64}) .*> (\d+) [-+]\d{4}\t(.*)")


class MoveKind(Enum):
    """What moved HEAD, or the stash."""

    COMMIT = "commit"
    AMEND = "amend"
    REVERT = "revert"
    CHERRY_PICK = "cherry-pick"
    MERGE = "merge"
    PULL = "pull"
    REBASE = "rebase"
    SWITCH = "switch"
    RESET = "reset"
    STASH = "stash"
    UNSTASH = "unstash"
    UNKNOWN = "unknown"


_BEGINNINGS = (
    ("commit (amend)", MoveKind.AMEND),
    ("commit (merge)", MoveKind.MERGE),
    ("commit (cherry-pick)", MoveKind.CHERRY_PICK),
    ("commit", MoveKind.COMMIT),
    ("revert", MoveKind.REVERT),
    ("cherry-pick", MoveKind.CHERRY_PICK),
    ("merge", MoveKind.MERGE),
    ("pull", MoveKind.PULL),
    ("checkout", MoveKind.SWITCH),
    ("reset", MoveKind.RESET),
)
"""How git begins the message of a move; the first that fits names it."""

WRITES = frozenset({MoveKind.COMMIT, MoveKind.AMEND})
"""What brings the developer's own work into the history."""

GOES_ON = WRITES | {
    MoveKind.REVERT,
    MoveKind.CHERRY_PICK,
    MoveKind.MERGE,
    MoveKind.PULL,
    MoveKind.REBASE,
}
"""What continues the history that was checked out, so that lines of it can be lost."""


class Move(msgspec.Struct, frozen=True):
    """One move of HEAD from a commit to another, with git's message and time for it."""

    kind: MoveKind
    old: str = NO_COMMIT
    new: str = NO_COMMIT
    at: float = 0.0
    message: str = ""

    @property
    def disturbs(self) -> bool:
        """Whether files may have changed under the editor without anybody typing."""
        if self.kind in WRITES:
            return False
        if self.kind is MoveKind.SWITCH and self.old == self.new:
            # A new branch changes no file; a switch to where one is was forced, to discard.
            names = self.message.removeprefix("checkout: moving from ").split(" to ")
            return len(names) != 2 or names[0] == names[1]
        return True


class GitFolder(msgspec.Struct, frozen=True):
    """Where the repository around a folder keeps what is watched.

    `top` is the working tree's own folder; `head`, `log` and `stash` may not exist.
    """

    top: Path
    head: Path
    log: Path
    stash: Path


def find_git(root: Path) -> GitFolder | None:
    """The repository that a folder lies in, worktrees included, or None."""
    for top in (root, *root.parents):
        marker = top / ".git"
        try:
            if marker.is_dir():
                own = marker
            elif marker.is_file():
                named = marker.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
                own = (top / named).resolve()
            else:
                continue
            common = own / "commondir"
            shared = own / common.read_text(encoding="utf-8").strip() if common.exists() else own
        except (OSError, UnicodeDecodeError):
            return None
        log = own / "logs" / "HEAD"
        return GitFolder(top, own / "HEAD", log, shared / "logs" / "refs" / "stash")
    return None


class GitWatch:
    """Follows one working tree: `has_moved` on the loop, `read` away from it."""

    def __init__(self, folder: GitFolder) -> None:
        self._folder = folder
        self._before = self._now()
        self._read_to = self._before.log.size if self._before.log else 0
        self._rebase_from: Move | None = None

    def has_moved(self) -> bool:
        """Whether `read` has something to say; two stats, or three without a reflog."""
        return self._now() != self._before

    def read(self) -> list[Move]:
        """What happened since the last call, oldest first."""
        before, self._before = self._before, self._now()
        return [*self._read_log(before, self._before), *_stash_moves(before, self._before)]

    def missed(self, at: float, new: str) -> list[Move]:
        """What happened between a move that was seen long ago and the first look.

        Nothing when that move is not found near the end of the reflog.
        """
        try:
            with self._folder.log.open("rb") as log:
                log.seek(max(0, self._read_to - MAX_NEWS_BYTES))
                data = log.read(min(self._read_to, MAX_NEWS_BYTES))
        except OSError:
            return []
        moves = parse(data.decode("utf-8", "replace"))
        seen = [number for number, move in enumerate(moves) if (move.at, move.new) == (at, new)]
        return self._joined(moves[seen[-1] + 1 :]) if seen else []

    def _read_log(self, before: _State, now: _State) -> list[Move]:
        if now.log == before.log:
            # Without a reflog all that shows is that HEAD is another file.
            return [Move(MoveKind.UNKNOWN)] if now.head != before.head else []
        if now.log is None:
            return [Move(MoveKind.UNKNOWN)]
        is_same = before.log is None or before.log.inode == now.log.inode
        if not is_same or not 0 <= now.log.size - self._read_to <= MAX_NEWS_BYTES:
            self._read_to = now.log.size
            return [Move(MoveKind.UNKNOWN)]
        return self._joined(parse(self._news()))

    def _news(self) -> str:
        """Whole lines that were not read yet."""
        try:
            with self._folder.log.open("rb") as log:
                log.seek(self._read_to)
                data = log.read(MAX_NEWS_BYTES)
        except OSError:
            return ""
        whole = data[: data.rfind(b"\n") + 1]
        self._read_to += len(whole)
        return whole.decode("utf-8", "replace")

    def _joined(self, moves: list[Move]) -> list[Move]:
        """Each rebase as one move, from where it started to where it ended."""
        if not self._is_rebasing() and not any(_ends_rebase(move) for move in moves):
            self._rebase_from = None  # Left with `git rebase --quit`, which says nothing.
        joined: list[Move] = []
        before = self._rebase_from
        for move in moves:
            start = self._rebase_from
            if move.kind is not MoveKind.REBASE:
                # What is committed while a rebase stands still belongs to the rebase.
                joined += [move] if start is None else []
            elif "(start)" in move.message:
                self._rebase_from = move
            elif _ends_rebase(move):
                self._rebase_from = None
                joined.append(_whole_rebase(start, move))
        if self._rebase_from not in (None, before):
            # It begins with a checkout, and may wait for its developer now.
            joined.append(msgspec.structs.replace(moves[-1], kind=MoveKind.SWITCH))
        return joined

    def _is_rebasing(self) -> bool:
        own = self._folder.head.parent
        return (own / "rebase-merge").exists() or (own / "rebase-apply").exists()

    def _now(self) -> _State:
        log = pulse(self._folder.log)
        head = pulse(self._folder.head) if log is None else None
        return _State(head, log, pulse(self._folder.stash))


class _State(msgspec.Struct, frozen=True):
    """What a look sees: HEAD itself only where there is no reflog."""

    head: Pulse | None
    log: Pulse | None
    stash: Pulse | None


def _ends_rebase(move: Move) -> bool:
    is_end = "(abort)" in move.message or "finish" in move.message.split(":", 1)[0]
    return move.kind is MoveKind.REBASE and is_end


def _whole_rebase(start: Move | None, end: Move) -> Move:
    if start is None:
        return Move(MoveKind.UNKNOWN)
    if "(abort)" in end.message:
        return msgspec.structs.replace(end, kind=MoveKind.RESET)
    return msgspec.structs.replace(end, old=start.old)


def _stash_moves(before: _State, now: _State) -> list[Move]:
    if before.stash == now.stash:
        return []
    grew = now.stash is not None and (before.stash is None or now.stash.size > before.stash.size)
    return [Move(MoveKind.STASH if grew else MoveKind.UNSTASH)]


def parse(text: str) -> list[Move]:
    """The lines of a reflog as moves; what is no such line is left out."""
    return [_to_move(found) for found in map(_LINE.fullmatch, text.split("\n")) if found]


def _to_move(found: re.Match[str]) -> Move:
    old, new, at, message = found.groups()
    return Move(_kind_of(message), old, new, float(at), message)


def _kind_of(message: str) -> MoveKind:
    # `git pull --rebase` says "pull --rebase (start): …".
    action = message.split(":", 1)[0]
    if action.startswith("rebase") or action.endswith(("(start)", "(finish)", "(abort)", "(pick)")):
        return MoveKind.REBASE
    return next(
        (kind for beginning, kind in _BEGINNINGS if message.startswith(beginning)),
        MoveKind.UNKNOWN,
    )
