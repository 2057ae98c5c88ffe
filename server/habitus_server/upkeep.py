"""The store of an open window, kept within its limits.

Promises one compaction an hour however many windows are open, in a thread of its own,
and that the thread ends with the store. What goes is the store's to know.
"""

from __future__ import annotations

import logging
import threading
import time

from habitus_server.config import Privacy
from habitus_server.errors import StoreError
from habitus_server.store import Store

log = logging.getLogger(__name__)

FIRST_S = 120.0
"""Starting a window has other things to do."""
EVERY_S = 3_600.0


def keep_within_limits(store: Store, limits: Privacy) -> threading.Thread:
    """Begin; the thread is a daemon and needs no stopping."""
    thread = threading.Thread(
        target=_work, args=(store, limits), name="habitus-upkeep", daemon=True
    )
    thread.start()
    return thread


def _work(store: Store, limits: Privacy) -> None:
    pause_s = FIRST_S
    while not store.closed.wait(pause_s):
        pause_s = EVERY_S
        try:
            look_after(store, limits, time.time())
        except StoreError as error:
            log.warning("%s", error)


def look_after(store: Store, limits: Privacy, now: float) -> None:
    """Compact, unless another window did so within the hour."""
    if not store.claim_compaction(now, EVERY_S):
        return
    done = store.compact(keep_days=limits.keep_days, max_bytes=limits.max_store_bytes, now=now)
    if done.rows:
        log.info(
            "%d rows were removed from the store; it went from %d to %d bytes.",
            done.rows,
            done.bytes_before,
            done.bytes_after,
        )
