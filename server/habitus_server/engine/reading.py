"""Prompts that are read: into a cache, a chunk at a time, as far as they were not read before.

Promises that a request can be stopped between two chunks, and that what was read by then is
kept. Knows a network only as `forward`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from habitus_server.engine.kvcache import PrefixCaches
from habitus_server.engine.model import Forward


class Reading:
    """A prompt that has been read: its cache, and the logits after its last token.

    A draft may have been read with it: `ahead` are its tokens and the logits after each.
    """

    def __init__(
        self,
        network: Forward,
        cache: Any,
        ids: Sequence[int],
        logits: Tensor,
        ahead: tuple[Sequence[int], Tensor] | None = None,
    ) -> None:
        self.network = network
        self.cache = cache
        self.ids = ids
        self.logits = logits
        self.ahead = ahead


def read_prompt(
    network: Forward,
    cache: Any,
    ids: Sequence[int],
    *,
    chunk: int,
    check: Callable[[], None],
    draft: Sequence[int] = (),
) -> Reading:
    """Read what `cache` lacks of `ids`, and `draft` behind it.

    `check` may raise between two chunks.
    """
    last = cache.length + (len(ids) - cache.length - 1) // chunk * chunk
    for start in range(cache.length, last, chunk):
        check()
        network.forward(ids[start : start + chunk], cache)
    check()
    rows = network.forward([*ids[last:], *draft], cache, rows=1 + len(draft))
    return Reading(network, cache, ids, rows[0], (draft, rows[1:]) if draft else None)


def read_and_keep(
    caches: PrefixCaches,
    key: object,
    network: Forward,
    ids: Sequence[int],
    *,
    chunk: int,
    check: Callable[[], None],
    draft: Sequence[int] = (),
) -> tuple[Reading, int]:
    """Read a prompt with what the caches hold of it; also how many tokens were reused."""
    cache, reused = caches.take(key, ids)
    try:
        reading = read_prompt(network, cache, ids, chunk=chunk, check=check, draft=draft)
    finally:
        caches.note(cache, ids)
    return reading, reused
