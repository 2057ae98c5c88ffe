"""What git says about one workspace folder, told to those whom it concerns.

Looks once a second for two stats; reads the reflog and the commits in a thread. A commit
is a moment at which accepted text is measured, and where it lands; later steps of the
history judge what landed; whatever else moves the files censors what is followed in them.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from habitus_server.checkups import Checkups
from habitus_server.commits import Commits, Step
from habitus_server.errors import HabitusError, StoreError
from habitus_server.executor import Executor
from habitus_server.recorder import Recorder
from habitus_server.records import TaskFile, TaskKind
from habitus_server.reflog import NO_COMMIT, WRITES, GitWatch, Move, find_git
from habitus_server.workspaces import try_lock

if TYPE_CHECKING:
    from habitus_server.standing import Standing
    from habitus_server.store import Store

log = logging.getLogger(__name__)

CENSORED_LOOKS = 3
"""Editors take a moment to reload what a checkout changed."""

SEEN = "git_seen"
"""Name of the store's fact that says up to which move the history was followed."""


class Lead:
    """Which window of a workspace notes what all of them see; the others leave it to that one."""

    def __init__(self, lock: Path) -> None:
        self._lock = lock
        self._descriptor: int | None = None

    def is_held(self) -> bool:
        """Whether it is this window; the lead passes on when the window that has it ends."""
        if self._descriptor is None:
            self._descriptor = try_lock(self._lock)
        return self._descriptor is not None

    def release(self) -> None:
        """Leave it to another window."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class GitWitness:
    """One root's repository; all calls on the event loop."""

    def __init__(
        self,
        folder: Path,
        recorder: Recorder,
        executor: Executor,
        clock: Callable[[], float],
        lead: Lead,
        checkups: Checkups | None = None,
    ) -> None:
        self._folder = folder
        self._recorder = recorder
        self._executor = executor
        self._checkups = checkups
        self._clock = clock
        self._lead = lead
        self._store: Store | None = None
        self._watch: GitWatch | None = None
        self._commits: Commits | None = None
        self._following: asyncio.Task[None] | None = None
        self._censored_looks = 0

    async def attach(self, store: Store) -> None:
        """Begin to follow; commits made while no window was open are caught up with."""
        self._store = store
        missed = await self._find()
        self._following = asyncio.create_task(self._consider(missed))

    def look(self) -> None:
        """See whether something moved; what follows runs in the background."""
        if self._censored_looks:
            self._censored_looks -= 1
            self._disturbed()
        if self._following is not None and not self._following.done():
            return
        if self._watch is None:
            is_new = self._store is not None and (self._folder / ".git").exists()
            work = self._find_late() if is_new else None
        else:
            work = self._follow(self._watch) if self._watch.has_moved() else None
        if work is not None:
            self._following = asyncio.create_task(work)

    async def settle(self) -> None:
        """Look, and return when what was seen has been told."""
        await self._told()
        self.look()
        await self._told()

    async def _told(self) -> None:
        if self._following is not None:
            await asyncio.wait([self._following])

    def close(self) -> None:
        """Follow nothing more."""
        self._store = None
        if self._following is not None:
            self._following.cancel()

    # --- what follows -----------------------------------------------------------------

    async def _find(self) -> list[Move]:
        """Open the repository, if there is one; what happened while no window was open."""
        store = self._store
        git = await asyncio.to_thread(find_git, self._folder)
        if git is None or store is None:
            return []
        self._commits = Commits(git, self._folder, store)
        self._watch = await asyncio.to_thread(GitWatch, git)
        return await asyncio.to_thread(_missed, self._watch, store)

    async def _find_late(self) -> None:
        await self._consider(await self._find())

    async def _follow(self, watch: GitWatch) -> None:
        moves = await asyncio.to_thread(watch.read)
        if any(move.disturbs for move in moves):
            self._censored_looks = CENSORED_LOOKS - 1
            self._disturbed()
        if any(move.kind in WRITES for move in moves):
            self._recorder.moment("commit")
        await self._consider(moves)

    def _disturbed(self) -> None:
        """Nobody wrote, judged or repaired what git has changed."""
        self._recorder.checked_out()
        if self._checkups is not None:
            self._checkups.discard()

    async def _consider(self, moves: Sequence[Move]) -> None:
        """Write down what landed and what was undone."""
        commits, store = self._commits, self._store
        if not moves or commits is None or store is None:
            return
        try:
            for step in await asyncio.to_thread(commits.steps, moves):
                standing = {path: self._recorder.standing(path) for path in step.paths}
                # A landing names its suggestion, whose row may still be on its way.
                await self._recorder.flush()
                at = min(step.move.at, self._clock())
                await asyncio.to_thread(_write, commits, step, standing, at)
                if self._lead.is_held():
                    self._note(step)
            named = [move for move in moves if move.new != NO_COMMIT]
            if named:
                seen = f"{named[-1].at:.0f} {named[-1].new}"
                await asyncio.to_thread(store.set_meta, SEEN, seen)
        except HabitusError as error:
            log.warning("Commits of %s: %s", self._folder, error)

    def _note(self, step: Step) -> None:
        self._executor.happened(
            TaskKind.COMMIT,
            step.move.kind.value,
            told=step.move.message,
            result=step.move.new,
            succeeded=True,
            files=[TaskFile(path) for path in step.paths],
        )


def _write(
    commits: Commits, step: Step, standing: Mapping[str, Sequence[Standing]], at: float
) -> None:
    commits.land(step, standing, at)
    commits.judge(step, at)


def _missed(watch: GitWatch, store: Store) -> list[Move]:
    """What happened while no window was open."""
    try:
        at, _, new = (store.get_meta(SEEN) or "").partition(" ")
    except StoreError as error:
        log.warning("%s", error)
        return []
    return watch.missed(float(at), new) if new else []
