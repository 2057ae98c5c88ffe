"""Keys and values of prompts already read, kept for the next keystroke.

Promises that a reused cache gives what a fresh one would, that no cache crosses
from one adapter version to another, and that all of them stay under a bound.
Knows token ids and tensors; not what they mean.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Protocol, TypeVar

import torch
from torch import Tensor


class Cache(Protocol):
    """What a network keeps of the tokens it has read."""

    length: int

    def crop(self, length: int) -> None:
        """Forget all but the first `length` tokens."""

    def copy_head(self, length: int) -> Cache:
        """A new cache that holds the first `length` tokens of this one."""

    def size_bytes(self) -> int:
        """Memory that it holds."""


CacheT = TypeVar("CacheT", bound=Cache)


class KvCache:
    """Preallocated keys and values, `[layers, 2, kv_heads, capacity, head_dim]`."""

    def __init__(
        self, layers: int, kv_heads: int, head_dim: int, capacity: int, like: Tensor
    ) -> None:
        self.length = 0
        self.capacity = capacity
        self.store = torch.empty(
            (layers, 2, 1, kv_heads, capacity, head_dim), dtype=like.dtype, device=like.device
        )

    def crop(self, length: int) -> None:
        """Forget all but the first `length` tokens; costs nothing."""
        if not 0 <= length <= self.length:
            raise ValueError(f"cannot crop {self.length} tokens to {length}")
        self.length = length

    def copy_head(self, length: int) -> KvCache:
        """A new cache that holds the first `length` tokens of this one."""
        layers, _, _, kv_heads, _, head_dim = self.store.shape
        twin = KvCache(layers, kv_heads, head_dim, self.capacity, self.store)
        twin.store[..., :length, :] = self.store[..., :length, :]
        twin.length = length
        return twin

    def reserve(self, capacity: int) -> None:
        """Make room for `capacity` tokens in all, keeping what is held."""
        if capacity <= self.capacity:
            return
        layers, _, _, kv_heads, _, head_dim = self.store.shape
        grown = torch.empty(
            (layers, 2, 1, kv_heads, capacity, head_dim),
            dtype=self.store.dtype,
            device=self.store.device,
        )
        grown[..., : self.length, :] = self.store[..., : self.length, :]
        self.store, self.capacity = grown, capacity

    def size_bytes(self) -> int:
        """Memory that it holds."""
        return self.store.numel() * self.store.element_size()


class _Entry:
    def __init__(self, key: Hashable, cache: Cache) -> None:
        self.key = key
        self.cache = cache
        self.ids: list[int] = []


class PrefixCaches:
    """A few cached prompts, the least recently used dropped first.

    `key` names what must not be mixed: the adapter version. One cache is handed out
    at a time; until `note` says what it holds, only its reused head is counted on.
    """

    def __init__(self, new_cache: Callable[[], Cache], limit_bytes: int) -> None:
        self._new_cache = new_cache
        self._limit_bytes = limit_bytes
        self._entries: list[_Entry] = []

    def take(self, key: Hashable, ids: Sequence[int]) -> tuple[Cache, int]:
        """A cache that holds a head of `ids` and nothing else, and how long that is.

        At least the last token is left to read, because its logits are wanted. Of
        several that share as much, the one used last is taken.
        """
        best, shared = None, 0
        for entry in reversed(self._entries):
            # One that differs where the best one ends cannot share more than it.
            if entry.key != key or entry.ids[shared : shared + 1] != [ids[shared]]:
                continue
            length = min(common_length(entry.ids, ids), len(ids) - 1)
            if length > shared:
                best, shared = entry, length
        if best is not None and 2 * shared >= len(best.ids):
            self._entries.remove(best)
            best.cache.crop(shared)
            entry = best
        else:
            # Most of the nearest entry is another prompt, perhaps of another window:
            # it keeps its own, and only the common head is copied.
            entry = _Entry(key, best.cache.copy_head(shared) if best else self._new_cache())
        entry.ids = list(ids[:shared])
        self._entries.append(entry)
        self._shrink()
        return entry.cache, shared

    def note(self, cache: Cache, ids: Sequence[int]) -> None:
        """Record which tokens a handed-out cache really holds now."""
        for entry in self._entries:
            if entry.cache is cache:
                entry.ids = list(ids[: cache.length])

    def held(self, key: Hashable, ids: Sequence[int]) -> int:
        """How many leading tokens of `ids` need not be read."""
        return max((common_length(e.ids, ids) for e in self._entries if e.key == key), default=0)

    def has_room(self) -> bool:
        """Whether one more prompt fits without another being dropped."""
        largest = max((entry.cache.size_bytes() for entry in self._entries), default=0)
        return self.size_bytes() + largest <= self._limit_bytes

    def drop(self, key: Hashable) -> None:
        """Forget everything of one adapter version."""
        self._entries = [entry for entry in self._entries if entry.key != key]

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def size_bytes(self) -> int:
        """Memory that all of them hold."""
        return sum(entry.cache.size_bytes() for entry in self._entries)

    def _shrink(self) -> None:
        while len(self._entries) > 1 and self.size_bytes() > self._limit_bytes:
            self._entries.pop(0)


def common_length(left: Sequence[int], right: Sequence[int]) -> int:
    """How many leading items two sequences share."""
    low, high = 0, min(len(left), len(right))
    # Slices compare in C: a few comparisons instead of one per token.
    while low < high:
        middle = (low + high + 1) // 2
        if list(left[low:middle]) == list(right[low:middle]):
            low = middle
        else:
            high = middle - 1
    return low
