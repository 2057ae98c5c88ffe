"""Opening an index file, whatever state it is in.

Promises a connection to an index of the current version, which only its owner can read. An
index can be made again from the files, so one that is damaged or of another version is
removed, never repaired; and a crash may cost it, never a file of the user's.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from habitus_server.errors import StoreError

VERSION = 1
"""Counted up when the schema, the words or the cutting of pieces changes."""

BUSY_MS = 10_000
WRITER_CACHE_KIB = 16_384
READER_CACHE_KIB = 4_096
"""Every window has a reader, one of them a writer now and then."""

_SCHEMA = Path(__file__).with_name("schema.sql")
_SIDE_FILES = ("", "-journal", "-wal", "-shm")


class _OtherVersionError(sqlite3.DatabaseError):
    """The index is from an earlier or a later Habitus."""


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is broken, as opposed to busy, full or out of reach."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def open_writer(path: Path) -> sqlite3.Connection:
    """A connection that writes; the file is made, or made anew, where that is needed.

    Raises `StoreError` where the folder cannot be written.
    """
    try:
        try:
            return _open(path)
        except sqlite3.DatabaseError as error:
            if not is_damage(error) and not isinstance(error, _OtherVersionError):
                raise
            remove(path)
            return _open(path)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            f"The index {path} cannot be opened ({error}); completions see fewer other files "
            "until its folder can be written and its disk has room."
        ) from error


def open_reader(path: Path) -> sqlite3.Connection | None:
    """A connection that only reads, or None while there is no index of this version."""
    if not path.exists():
        return None
    try:
        sql = _connect(path, READER_CACHE_KIB)
        sql.execute("PRAGMA query_only = ON")
        if _version(sql) == VERSION:
            return sql
        sql.close()
    except sqlite3.Error:
        return None  # whoever writes will find the damage and begin anew
    return None


def remove(path: Path) -> None:
    """Take an index away."""
    for ending in _SIDE_FILES:
        path.with_name(path.name + ending).unlink(missing_ok=True)


def identity(path: Path) -> tuple[int, int]:
    """Which file an index is; another one once it was made anew."""
    try:
        stat = path.stat()
    except OSError:
        return (0, 0)
    return (stat.st_dev, stat.st_ino)


def _open(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    sql = _connect(path, WRITER_CACHE_KIB)
    try:
        version = _version(sql)
        if version not in (0, VERSION):
            raise _OtherVersionError(f"it is of version {version}")
        # A journal beside the file, gone after each write: no log keeps what was deleted.
        sql.execute("PRAGMA journal_mode = delete")
        sql.execute("PRAGMA synchronous = OFF")
        sql.execute("PRAGMA secure_delete = ON")
        # Readers wait for the moment of a commit only.
        sql.execute("PRAGMA cache_spill = OFF")
        if version == 0:
            script = _SCHEMA.read_text(encoding="utf-8")
            sql.executescript(
                f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version={VERSION};\nCOMMIT;"
            )
        return sql
    except BaseException:
        sql.close()
        raise


def _connect(path: Path, cache_kib: int) -> sqlite3.Connection:
    sql = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    sql.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    sql.execute(f"PRAGMA cache_size = -{cache_kib}")
    return sql


def _version(sql: sqlite3.Connection) -> int:
    (version,) = sql.execute("PRAGMA user_version").fetchone()
    return int(version)
