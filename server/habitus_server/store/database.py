"""Opening the signal database, whatever state it is in.

Promises a connection to a whole database of the current version: made anew, migrated,
or rebuilt from what a damaged one still yields (which is kept beside it under
`.corrupt-N`). Knows pragmas and versions; what the tables mean is `store`'s matter.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

from habitus_server.errors import StoreError
from habitus_server.workspaces import locked

VERSION = 4
_HERE = Path(__file__).parent
MIGRATIONS: dict[int, Path] = {
    version: _HERE / "migrations" / f"{version}.sql" for version in range(1, VERSION)
}
"""SQL that takes a database from the version named to the next."""

SCHEMA = _HERE / "schema.sql"
"""The commented schema that a new database gets."""

BUSY_TIMEOUT_MS = 10_000
LOG_BYTES = 8_000_000
"""What the write-ahead log keeps on disk after a checkpoint; a burst may need more."""

NETWORK_FILE_SYSTEMS = frozenset(
    {"9p", "afs", "cifs", "fuse.sshfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"}
)
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_SIDE_FILES = ("-wal", "-shm", "-journal")


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is broken, as opposed to busy, full or out of reach."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _DAMAGE


def open_database(path: Path) -> tuple[sqlite3.Connection, list[str]]:
    """A writing connection, and sentences about what had to be done to get it."""
    try:
        with locked(path.with_name(path.name + ".lock")):
            return _open_locked(path)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            f"The signal store {path} cannot be opened ({error}); nothing is recorded until "
            "its folder can be written and its disk has room."
        ) from error


def is_in_use(path: Path) -> bool:
    """Whether another connection has the database open, in this process or another."""
    if not path.exists():
        return False
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as sql:
        try:
            # Leaving the write-ahead log needs the file for oneself alone.
            sql.execute("PRAGMA busy_timeout = 200")
            sql.execute("PRAGMA journal_mode = delete")
        except sqlite3.OperationalError:
            return True
        except sqlite3.DatabaseError:
            return False  # damaged: whoever had it open would have repaired it
    return False


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write, to a database that is open already."""
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA query_only = ON")
    return connection


def _open_locked(path: Path) -> tuple[sqlite3.Connection, list[str]]:
    problems: list[str] = []
    rebuilt = path.with_name(path.name + ".rebuilding")
    if rebuilt.exists():
        # A rebuild was interrupted. It was whole only if the damaged file had moved away.
        if path.exists():
            rebuilt.unlink()
        else:
            rebuilt.replace(path)
    if not _is_whole(path):
        problems.append(_replace_damaged(path, rebuilt))
    connection = connect_writer(path)
    try:
        _migrate(connection, path)
        problems += _make_durable(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection, problems


def connect_writer(path: Path) -> sqlite3.Connection:
    """A connection that writes, to a file that is made where it is missing."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA foreign_keys = ON")
    # What is deleted is overwritten.
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}")
    return connection


def _make_durable(connection: sqlite3.Connection, path: Path) -> list[str]:
    """Commits reach the disk before they return; WAL where its shared memory works."""
    wanted = "delete" if _is_on_network(path) else "wal"
    (got,) = connection.execute(f"PRAGMA journal_mode = {wanted}").fetchone()
    connection.execute("PRAGMA synchronous = FULL")
    if got == "wal":
        return []
    return [
        f"{path} is kept without a write-ahead log (its file system does not support one); "
        "a local state folder, set by HABITUS_STATE_DIR, is faster."
    ]


def _is_on_network(path: Path, mounts: Path = Path("/proc/self/mounts")) -> bool:
    """Whether the longest mount point above a path is a network file system (Linux)."""
    if not sys.platform.startswith("linux"):
        return False
    where = os.fspath(path.resolve())
    best, kind = "", ""
    with contextlib.suppress(OSError):
        for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
            fields = line.split()
            point = fields[1].replace("\\040", " ") if len(fields) > 2 else ""
            inside = point == "/" or where == point or where.startswith(point + "/")
            if point and inside and len(point) >= len(best):
                best, kind = point, fields[2]
    return kind in NETWORK_FILE_SYSTEMS


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise StoreError(
            f"{path} was written by a newer Habitus (format {version}, this one knows "
            f"{VERSION}); update Habitus."
        )
    if version == 0:
        # Room can then be given back page by page; it must be said before the first table.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    while version < VERSION:
        script = (MIGRATIONS[version] if version else SCHEMA).read_text(encoding="utf-8")
        version = version + 1 if version else VERSION
        try:
            connection.executescript(
                f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {version};\nCOMMIT;"
            )
        except sqlite3.Error:
            if connection.in_transaction:
                connection.rollback()
            raise


def _is_whole(path: Path) -> bool:
    """Whether SQLite finds no damage; a file that is not there yet is whole."""
    if not path.exists() or path.stat().st_size == 0:
        return True
    with contextlib.closing(connect_writer(path)) as connection:
        try:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            return str(verdict) == "ok"
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                return False
            raise


def _replace_damaged(path: Path, rebuilt: Path) -> str:
    """Rebuild what can be read into a new file, and set the damaged one aside.

    A crash at any point leaves either the damaged file in place, or the rebuilt one.
    """
    number = next(n for n in range(1, 10_000) if not _aside(path, n).exists())
    saved = _rebuild(path, rebuilt)
    for ending in ("", *_SIDE_FILES):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + ending).replace(
                _aside(path, number).with_name(_aside(path, number).name + ending)
            )
    rebuilt.replace(path)
    return (
        f"The signal store {path} was damaged: {saved} rows were recovered into a new one, "
        f"and the damaged file is kept as {_aside(path, number).name}."
    )


def _aside(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.corrupt-{number}")


def remove_copies(path: Path) -> list[str]:
    """Remove what recoveries left beside a database; returns the files' names."""
    with locked(path.with_name(path.name + ".lock")):
        copies = [
            *path.parent.glob(f"{path.name}.corrupt-*"),
            *path.parent.glob(f"{path.name}.rebuilding*"),
        ]
        for copy in copies:
            copy.unlink()
    return sorted(copy.name for copy in copies)


def _rebuild(path: Path, rebuilt: Path) -> int:
    """Copy every row that can still be read; returns how many."""
    saved = 0
    with (
        contextlib.closing(connect_writer(rebuilt)) as new,
        contextlib.closing(sqlite3.connect(path, isolation_level=None)) as old,
    ):
        _migrate(new, rebuilt)
        new.execute("PRAGMA foreign_keys = OFF")
        # Otherwise SQLite refuses every page of a file that was cut off.
        old.execute("PRAGMA writable_schema = ON")
        new.execute("BEGIN IMMEDIATE")
        for table in _tables(new):
            columns = _shared_columns(old, new, table)
            marks = ", ".join("?" * len(columns))
            insert = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})"
            for row in _readable_rows(old, table, columns):
                saved += new.execute(insert, row).rowcount
        for table, row_id, *_ in new.execute("PRAGMA foreign_key_check").fetchall():
            new.execute(f"DELETE FROM {table} WHERE rowid = ?", (row_id,))
        new.execute("COMMIT")
    return saved


def _tables(sql: sqlite3.Connection) -> list[str]:
    """The tables with rows of their own; what triggers derive comes by itself."""
    rows = sql.execute("PRAGMA table_list").fetchall()
    return [
        name
        for schema, name, kind, _columns, without_rowid, _strict in rows
        if schema == "main" and kind == "table" and not without_rowid and name != "sqlite_schema"
    ]


def _shared_columns(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> list[str]:
    """The columns that both have: the damaged file may be of an earlier version."""
    ours = [row[1] for row in new.execute(f"PRAGMA table_info({table})")]
    try:
        theirs = {row[1] for row in old.execute(f"PRAGMA table_info({table})")}
    except sqlite3.Error:
        return ours
    return [column for column in ours if column in theirs]


def _readable_rows(
    old: sqlite3.Connection, table: str, columns: list[str]
) -> Iterator[tuple[object, ...]]:
    """Rows from the front until the damage, then from the back until the damage."""
    if not columns:
        return
    for order in ("ASC", "DESC"):
        query = f"SELECT {', '.join(columns)} FROM {table} NOT INDEXED ORDER BY rowid {order}"
        try:
            yield from old.execute(query)
        except (sqlite3.Error, OverflowError, UnicodeDecodeError):
            continue
        return
