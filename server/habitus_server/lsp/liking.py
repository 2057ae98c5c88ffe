"""How one workspace's developer receives suggestions: what the estimate of `showing` is fed.

Starts from the shipped weights and moves them, every few minutes and whenever another adapter
serves, towards what was kept and passed by here. The fit takes tens of milliseconds in a
thread, and no numbers library.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from habitus_server import showing
from habitus_server.choosing import Habits
from habitus_server.errors import StoreError
from habitus_server.showing import Reaction

if TYPE_CHECKING:
    from habitus_server.store import Store

log = logging.getLogger(__name__)

REFIT_S = 300.0
FEWEST = 30
"""Reactions below which the shipped weights are better than any of one's own."""
NEWEST = 1_000


class Liking:
    """One workspace's weights; all calls on the event loop."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._weights: tuple[float, ...] = showing.DEFAULTS
        self._dismissed_at = -math.inf
        self._fitted_at = -math.inf

    @property
    def habits(self) -> Habits:
        """What is known now."""
        return Habits(self._weights, max(0.0, self._clock() - self._dismissed_at))

    def dismissed(self) -> None:
        """A suggestion was turned down by hand."""
        self._dismissed_at = self._clock()

    def adapter_changed(self) -> None:
        """Another adapter serves, as at the end of a cycle: fit anew at the next refresh."""
        self._fitted_at = -math.inf

    async def refresh(self, store: Store) -> None:
        """Fit anew, when it is time."""
        now = self._clock()
        if now - self._fitted_at < REFIT_S:
            return
        self._fitted_at = now
        try:
            rows = await asyncio.to_thread(store.reactions, NEWEST)
        except StoreError as error:
            log.info("The estimate stays as it was: %s", error)
            return
        if len(rows) >= FEWEST:
            reactions = [Reaction(features, is_kept) for features, is_kept in rows]
            self._weights = await asyncio.to_thread(showing.fit, reactions)
