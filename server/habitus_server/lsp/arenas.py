"""How much memory the C allocator holds back for threads.

glibc gives threads arenas of their own, up to eight a core, and seldom returns what is
freed in them. The threads of `serve` take turns, so two arenas are enough, and the
process stays small. Elsewhere than on glibc nothing is changed.
"""

from __future__ import annotations

import ctypes
import sys

ARENAS = 2
_M_ARENA_MAX = -8
"""The parameter's number in <malloc.h>, mallopt(3)."""


def limit() -> None:
    """Let at most `ARENAS` be made from now on."""
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, ARENAS)
