"""What was forgotten stays forgotten, also what was on its way.

A window may hold rows that were written before somebody forgot their file: typed code
that has not come to rest, offers that share a later commit. Promises to recognise them
by path and time, from digests: the store does not keep the name of what it forgot.
"""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import PurePosixPath

_PREFIX = "forgotten:"
_EVERYTHING = ""


def dig(sql: sqlite3.Connection, path: str | None, since: float, until: float) -> None:
    """Refuse rows of a file or folder (None: of any) that were made in a span of time."""
    sql.execute(
        "INSERT OR REPLACE INTO meta VALUES (?, ?)", (_key(path or _EVERYTHING), f"{since} {until}")
    )


def is_buried(sql: sqlite3.Connection, path: str, at: float) -> bool:
    """Whether a row about a file, made at a time, comes after its own forgetting."""
    if sql.execute("SELECT 1 FROM meta WHERE key >= ? AND key < ?", _RANGE).fetchone() is None:
        return False
    for name in (path, *map(str, PurePosixPath(path).parents), _EVERYTHING):
        found = sql.execute("SELECT value FROM meta WHERE key = ?", (_key(name),)).fetchone()
        if found is not None:
            since, until = map(float, found[0].split())
            if since <= at <= until:
                return True
    return False


def _key(name: str) -> str:
    return _PREFIX + hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()


_RANGE = (_PREFIX, _PREFIX[:-1] + ";")
"""The keys that begin with the prefix: ";" follows ":"."""
