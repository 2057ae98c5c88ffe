"""The scheduler of one workspace's learning: a light loop that starts cycles when due.

Promises one sidecar per workspace and one training per machine at a time, that a cycle
which was killed is taken up first, and that an adapter which does harm is taken back.
It imports no torch, sleeps nearly always, and ends when its reason to run has gone.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable

from habitus_learner import second_look
from habitus_learner.courtesy import Courtesy
from habitus_learner.cycle import (
    Settings,
    Situation,
    is_due,
    is_interrupted,
    new_examples,
    run_cycle,
)
from habitus_learner.watching import Watching
from habitus_learner.workfolder import TRAINING_LOCK
from habitus_server.errors import StoreError
from habitus_server.records import Cycle
from habitus_server.store import Store
from habitus_server.workspaces import Workspace, runtime_dir, try_lock

log = logging.getLogger(__name__)

POLL_S = 1.0
LOOK_EVERY_S = 10.0
"""How often lessons are counted and the adapter's outcomes are looked at."""


class Sidecar:
    """The loop's state; `step` it once a second. The caller holds the learn lock."""

    def __init__(
        self,
        workspace: Workspace,
        store: Store,
        settings: Settings,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._workspace = workspace
        self._store = store
        self._settings = settings
        self._now = now
        self._is_requested = False
        self._looked_at = 0.0
        self._seen_version = -1
        self._seen_step = ""
        self._waiting = 0
        self._waiting_since: float | None = None
        self._watching = Watching(
            workspace,
            store,
            lambda manifest: second_look.look(workspace, store, settings, manifest),
            now=now,
        )
        self._typing = Courtesy(
            runtime_dir(settings.state),
            settings.config.learning.idle_seconds,
            now=now,
            sleep=time.sleep,
        )

    def step(self) -> Cycle | None:
        """Do what is due now; the cycle that ended, when one was run."""
        self._is_requested = self._store.take_cycle_request() or self._is_requested
        step = self._store.last_step()
        if self._now() - self._looked_at >= LOOK_EVERY_S:
            self._look()
        elif step != self._seen_step:
            # A save, a test run or a commit: what is due starts now, not at the next look.
            self._count()
        self._seen_step = step
        if not is_interrupted(self._workspace, self._store):
            due = is_due(self._situation(), self._settings.config.learning)
            if due is None:
                return None
            log.info("A learning cycle is due: %s.", due.reason)
        return self._run()

    def _run(self) -> Cycle | None:
        lock = try_lock(self._settings.state / TRAINING_LOCK)
        if lock is None:
            # Another workspace trains; the request is kept, and the next step asks again.
            return None
        try:
            cycle = run_cycle(self._workspace, self._store, self._settings, now=self._now)
        finally:
            os.close(lock)
        log.info("Cycle %d: %s. %s", cycle.id, cycle.state.value, cycle.verdict)
        self._is_requested = False
        self._look()
        return cycle

    def _look(self) -> None:
        self._looked_at = self._now()
        version = self._store.data_version()
        if version == self._seen_version:
            return
        self._seen_version = version
        self._count()
        self._watching.check()

    def _count(self) -> None:
        self._waiting = len(new_examples(self._store))
        if not self._waiting:
            self._waiting_since = None
        elif self._waiting_since is None:
            self._waiting_since = self._now()

    def _situation(self) -> Situation:
        since = self._waiting_since
        return Situation(
            waiting=self._waiting,
            waited_s=0.0 if since is None else self._now() - since,
            is_requested=self._is_requested,
            is_idle=not (self._settings.yields and self._typing.is_busy()),
        )


def watch(
    sidecar: Sidecar, *, is_wanted: Callable[[], bool], sleep: Callable[[float], None] = time.sleep
) -> None:
    """Step until nobody wants the sidecar any more; a store that fails is tried again."""
    while is_wanted():
        try:
            sidecar.step()
        except StoreError as error:
            log.warning("%s", error)
        sleep(POLL_S)
