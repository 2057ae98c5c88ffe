"""Keeps watch over the adapter in service, and takes it back when it does harm.

Promises that a roll-back is remembered with its reason, and that an adapter is not taken back
for a hard week: what live outcomes make suspicious is asked again beside the adapter before
it, at the same places (`second_look`), where that can be done.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable

from habitus_learner import guard, registry
from habitus_learner.eligible import Request, eligible
from habitus_learner.gate import Compared
from habitus_learner.guard import Suspicion
from habitus_server import adapters
from habitus_server.adapters import Manifest
from habitus_server.errors import ModelError
from habitus_server.records import Cycle, CycleState
from habitus_server.store import Store
from habitus_server.workspaces import Workspace

log = logging.getLogger(__name__)

CHECK_EVERY_S = 60.0
EARLIER_S = 14 * 86_400.0
"""How far back before an adapter's publication lies what it is compared with."""

AGAIN_AFTER = 1.1
"""While the suspicion lasts both are asked again after so many times the requests."""

SecondLook = Callable[[Manifest], list[Compared] | None]


class Watching:
    """One workspace's watch; `check` it as often as you like."""

    def __init__(
        self,
        workspace: Workspace,
        store: Store,
        look: SecondLook,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._workspace = workspace
        self._store = store
        self._look = look
        self._now = now
        self._checked_at = -math.inf
        self._looked_at = ("", 0)

    def check(self) -> Cycle | None:
        """Take the adapter in service back when its outcomes speak against it."""
        if self._now() - self._checked_at < CHECK_EVERY_S:
            return None
        self._checked_at = self._now()
        manifest = self._serving()
        if manifest is None:
            return None
        suspicion = self._suspicion(manifest)
        if suspicion is None or not self._is_time(manifest, suspicion):
            return None
        reason = self._convict(manifest, suspicion)
        if not reason:
            return None
        registry.roll_back(self._workspace, reason=reason, to=manifest.parent or registry.BASE)
        log.warning("Adapter %s: %s", manifest.version, reason)
        return remember_rollback(self._store, manifest.version, reason, self._now())

    def _serving(self) -> Manifest | None:
        try:
            ref = adapters.current(self._workspace)
        except ModelError as error:
            log.warning("%s", error)
            return None
        if ref is None:
            return None
        known = adapters.list_adapters(self._workspace)
        return next((one for one in known if one.version == ref.version), None)

    def _suspicion(self, manifest: Manifest) -> Suspicion | None:
        requests = eligible(self._store.fates(manifest.created_at - EARLIER_S), self._now())
        now = [one for one in requests if one.adapter == manifest.version]
        if not now:
            return None
        withdrawn = registry.withdrawn(self._workspace)
        before = [
            one
            for one in requests
            if one.at < now[0].at and one.adapter not in (manifest.version, *withdrawn)
        ]
        return guard.suspicion(_chars(before[-guard.REFERENCE :]), _chars(now))

    def _is_time(self, manifest: Manifest, suspicion: Suspicion) -> bool:
        version, requests = self._looked_at
        return version != manifest.version or suspicion.requests >= AGAIN_AFTER * requests

    def _convict(self, manifest: Manifest, suspicion: Suspicion) -> str:
        """Why the adapter goes, or "" while it stays."""
        places = self._look(manifest)
        if places is None:
            is_enough = suspicion.evidence >= guard.CONVICTS_ALONE
            return f"Rolled back: {suspicion.sentence}." if is_enough else ""
        self._looked_at = (manifest.version, suspicion.requests)
        found = guard.harm(places)
        if found is None:
            log.info("Adapter %s stays: %s, but no worse beside the one before, at %d places.",
                     manifest.version, suspicion.sentence, len(places))  # fmt: skip
            return ""
        return f"Rolled back: {suspicion.sentence}; {found.sentence}."


def remember_rollback(store: Store, version: str, reason: str, at: float) -> Cycle:
    """Store a roll-back among the cycles, where the status shows it."""
    cycle_id = store.begin_cycle(at)
    store.finish_cycle(cycle_id, CycleState.ROLLED_BACK, at, version, reason, {})
    return next(cycle for cycle in store.cycles() if cycle.id == cycle_id)


def _chars(requests: list[Request]) -> list[float]:
    return [float(one.chars) for one in requests]
