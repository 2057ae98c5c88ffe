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

from habitus_learner import second_look, warmup
from habitus_learner.course import Settings, find_interrupted
from habitus_learner.courtesy import Courtesy
from habitus_learner.cycle import Situation, is_due, new_examples, run_cycle
from habitus_learner.watching import Watching
from habitus_learner.workfolder import TRAINING_LOCK
from habitus_server.errors import StoreError, UserError
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
        self._wanted_past: str | None = None
        self._is_first_use: bool | None = None
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
        self._wanted_past = self._store.take_warm_up_request() or self._wanted_past
        if find_interrupted(self._workspace, self._store) is not None:
            return self._run(self._run_cycle)
        if self._wanted_past is not None:
            log.info("A warm-up was asked for.")
            return self._run(self._run_warm_up)
        due = is_due(self._situation(), self._settings.config.learning)
        if due is not None:
            log.info("A learning cycle is due: %s.", due.reason)
            return self._run(self._run_cycle)
        if self._is_warm_up_due():
            log.info("This workspace is used for the first time; its past is learned.")
            return self._run(self._run_warm_up)
        return None

    def _is_warm_up_due(self) -> bool:
        """Asked of the repository once: a history does not become long while we watch."""
        if self._is_first_use is None:
            config = self._settings.config
            self._is_first_use = warmup.is_due(self._workspace, self._store, config)
        return self._is_first_use and self._situation().is_idle

    def _run(self, learn: Callable[[], Cycle]) -> Cycle | None:
        lock = try_lock(self._settings.state / TRAINING_LOCK)
        if lock is None:
            # Another workspace trains; the request is kept, and the next step asks again.
            return None
        try:
            cycle = learn()
        except UserError as error:
            log.warning("%s", error)
            return None
        finally:
            os.close(lock)
        log.info("Cycle %d: %s. %s", cycle.id, cycle.state.value, cycle.verdict)
        self._look()
        return cycle

    def _run_cycle(self) -> Cycle:
        cycle = run_cycle(self._workspace, self._store, self._settings, now=self._now)
        self._is_requested = False
        return cycle

    def _run_warm_up(self) -> Cycle:
        until, self._wanted_past = self._wanted_past or "HEAD", None
        self._is_first_use = False
        return warmup.run_warm_up(
            self._workspace, self._store, self._settings, until=until, now=self._now
        )

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
