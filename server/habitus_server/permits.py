"""Which documents may be shown, as it was known a moment ago.

Promises a verdict of the workspace's rules that is at most `KNOWN_S` old: the rules look at
files, which takes a thread, and a key is asked about sooner than anybody edits them. What is
asked for at every key is looked at again in time, so that no key waits for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

KNOWN_S = 0.5
KEPT = 256


class _Verdict(msgspec.Struct):
    """Why a document is not shown, or ""; when that was looked at, and last asked for."""

    reason: str
    looked_at: float
    asked_at: float


class Permits:
    """What the rules said lately; `known` may be called anywhere, the rest may block."""

    def __init__(
        self, why_silent: Callable[[str, str], str], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._why_silent = why_silent
        self._now = now
        self._verdicts: dict[tuple[str, str], _Verdict] = {}

    def known(self, path: str, language: str) -> str | None:
        """Why a document is not shown, or ""; None when that must be looked at."""
        now, verdict = self._now(), self._verdicts.get((path, language))
        if verdict is None or now - verdict.looked_at > KNOWN_S:
            return None
        verdict.asked_at = now
        return verdict.reason

    def look(self, path: str, language: str) -> str:
        """Why a document is not shown, or "", as it is now."""
        now = self._now()
        reason = self._why_silent(path, language)
        self._verdicts[path, language] = _Verdict(reason, now, now)
        while len(self._verdicts) > KEPT:
            self._verdicts.pop(next(iter(self._verdicts)), None)
        return reason

    def renew(self) -> None:
        """Look again at what is asked for before it is too old; the rest is forgotten."""
        for about, verdict in tuple(self._verdicts.items()):
            now = self._now()
            if now - verdict.asked_at > KNOWN_S:
                self._verdicts.pop(about, None)
            elif now - verdict.looked_at > KNOWN_S / 2:
                reason = self._why_silent(*about)
                self._verdicts[about] = _Verdict(reason, now, verdict.asked_at)
