"""Where Habitus keeps things on disk, and which workspace a folder is.

Promises one private state folder per workspace (directories 0700, files 0600) and
an identity that survives moving the folder. Knows nothing of what is stored there.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import platformdirs

from habitus_server.errors import UserError
from habitus_server.utf8 import is_utf8

SOCKET_PATH_LIMIT = 100
"""Unix socket paths are limited to 108 bytes (sun_path); some platforms have 104."""


class Workspace(msgspec.Struct, frozen=True):
    """A root folder and its private state folder; `id` is stable for its life."""

    id: str
    root: Path
    folder: Path

    @property
    def database(self) -> Path:
        """The signal store."""
        return self.folder / "signals.db"

    @property
    def index(self) -> Path:
        """The index of its files' pieces, made again where it is missing."""
        return self.folder / "index.db"

    @property
    def index_lock(self) -> Path:
        """Held by the one window that writes the index."""
        return self.folder / "index.lock"

    @property
    def adapters(self) -> Path:
        """The folder of published adapters, one sub-folder per version."""
        return self.folder / "adapters"

    @property
    def current(self) -> Path:
        """The pointer file that names the adapter in service."""
        return self.folder / "current"

    @property
    def learn_lock(self) -> Path:
        """Held by the one sidecar of this workspace."""
        return self.folder / "learn.lock"

    @property
    def publish_lock(self) -> Path:
        """Held while adapters are published or removed."""
        return self.folder / "publish.lock"

    @property
    def witness_lock(self) -> Path:
        """Held by the one window that notes what happens outside all of them."""
        return self.folder / "witness.lock"

    @property
    def report(self) -> Path:
        """The page that `habitus report` wrote last."""
        return self.folder / "report.html"

    @property
    def last_why(self) -> Path:
        """Why the last place showed a suggestion or none, as JSON (`whys.Place`)."""
        return self.folder / "why.json"


class _Entry(msgspec.Struct):
    id: str
    path: str
    device: int
    inode: int


def state_dir(override: Path | None = None) -> Path:
    """The state folder, made private; `HABITUS_STATE_DIR` or `override` moves it."""
    chosen = (
        override
        or os.environ.get("HABITUS_STATE_DIR")
        or platformdirs.user_state_dir("habitus", appauthor=False)
    )
    return private_dir(Path(chosen))


def runtime_dir(state: Path) -> Path:
    """Where sockets live: beside the state when its path is short enough, else in /tmp.

    Sockets of different state folders never meet, so a test or a second
    installation has engines of its own.
    """
    beside = state / "run"
    if len(os.fsencode(beside)) + len("/engine-0123456789ab.sock") <= SOCKET_PATH_LIMIT:
        return private_dir(beside)
    digest = hashlib.sha256(os.fsencode(state)).hexdigest()[:12]
    return private_dir(Path("/tmp") / f"habitus-{os.getuid()}-{digest}")


def find_workspace(root: Path, state: Path) -> Workspace:
    """The workspace of `root`, registered on first sight.

    A folder is the same workspace when its device and inode are known (it was
    moved or renamed), or else when its path is and the recorded folder is gone
    (it was copied back, cloned anew or restored).
    """
    root = root.resolve()
    if not is_utf8(str(root)):
        raise UserError(
            f"The workspace folder {os.fsencode(root)!r} has a name that is no UTF-8; rename it."
        )
    try:
        stat = root.stat()
    except OSError as error:
        raise UserError(f"The workspace folder {root} cannot be read: {error}.") from error
    registry = state / "workspaces.json"
    with locked(state / "workspaces.lock"):
        entries = _read_registry(registry)
        entry = next(
            (e for e in entries if (e.device, e.inode) == (stat.st_dev, stat.st_ino)), None
        ) or next((e for e in entries if e.path == str(root)), None)
        if entry is None:
            entry = _Entry(secrets.token_hex(8), str(root), stat.st_dev, stat.st_ino)
            entries.append(entry)
        now = _Entry(entry.id, str(root), stat.st_dev, stat.st_ino)
        kept = [e for e in entries if e.id != entry.id and e.path != str(root)]
        if now != entry or entry not in _read_registry(registry):
            write_atomically(registry, msgspec.json.encode([*kept, now]))
    return Workspace(entry.id, root, private_dir(state / "workspaces" / entry.id))


def known_workspaces(state: Path) -> list[Workspace]:
    """Every workspace that was ever registered."""
    with locked(state / "workspaces.lock"):
        entries = _read_registry(state / "workspaces.json")
    return [Workspace(e.id, Path(e.path), state / "workspaces" / e.id) for e in entries]


def unregister(workspace: Workspace, state: Path) -> None:
    """Forget a workspace's identity: its folder is a new workspace from now on."""
    registry = state / "workspaces.json"
    with locked(state / "workspaces.lock"):
        kept = [e for e in _read_registry(registry) if e.id != workspace.id]
        write_atomically(registry, msgspec.json.encode(kept))


def _read_registry(path: Path) -> list[_Entry]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[_Entry])
    except FileNotFoundError:
        return []
    except msgspec.MsgspecError:
        # Without the registry, workspaces would get new, empty state: keep the broken
        # file for repair instead of overwriting it.
        path.replace(path.with_suffix(".broken"))
        return []


def private_dir(path: Path) -> Path:
    """Make a folder that only its owner can enter; raise `UserError` when that fails."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"Habitus cannot create {path}: {error.strerror}. "
            "Set HABITUS_STATE_DIR to a folder that you can write."
        ) from error
    return path


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file so that a reader, or a crash, sees the old or the new, never half."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    sync_dir(path.parent)


def sync_dir(folder: Path) -> None:
    """Make renames inside a folder durable."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an advisory lock on a file, waiting for it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def try_lock(path: Path) -> int | None:
    """Take an advisory lock without waiting: a descriptor to keep open, or None."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
