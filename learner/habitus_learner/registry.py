"""Publishes adapters and takes them back.

Promises that a reader, or a kill at any instant, finds the old adapter or the new
one, whole: files are written and synced in a hidden draft folder, which is renamed
into place before the pointer moves. A withdrawn version is remembered and never
published again. Decides nothing: whether to publish is the gate's and the guard's.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Collection
from pathlib import Path

import msgspec

from habitus_learner import judged, lineage
from habitus_server import adapters
from habitus_server.adapters import Manifest
from habitus_server.errors import ModelError, TrainingError, UserError
from habitus_server.records import AdapterRef
from habitus_server.workspaces import Workspace, private_dir, sync_dir, write_atomically

BASE = "base"
"""The name by which a user rolls back to base weights."""

_DRAFT = ".draft-"


def next_version(workspace: Workspace, weights_sha256: str) -> str:
    """A name for new weights: a running number and the start of their checksum."""
    numbers = [
        int(head)
        for folder in _folders(workspace)
        if (head := folder.name.removeprefix(lineage.RECORD).partition("-")[0]).isdigit()
    ]
    return f"{max(numbers, default=0) + 1:04d}-{weights_sha256[:8]}"


def publish(workspace: Workspace, source: Path, manifest: Manifest) -> AdapterRef:
    """Put the adapter in `source` into service under a new version.

    `manifest` comes without version and checksums, which are filled in here. Weights
    that lie there already (a kill came between the rename and the pointer) are
    pointed at, not copied again. Raises `TrainingError` for withdrawn weights.
    """
    private_dir(workspace.adapters)
    weights = adapters.hash_file(source / adapters.WEIGHTS)
    version = _version_of(workspace, weights) or next_version(workspace, weights)
    if version in withdrawn(workspace):
        raise TrainingError(f"The adapter {version} was rolled back; it is not published again.")
    folder = workspace.adapters / version
    try:
        if not folder.exists():
            _write_folder(folder, source, manifest)
        adapters.verify(folder)
        point(workspace, version)
    except OSError as error:
        raise TrainingError(
            f"The adapter could not be written to {workspace.adapters}: {error}. "
            "The earlier one stays in service; free some disk space and learn again."
        ) from error
    return AdapterRef(version, str(folder))


def point(workspace: Workspace, version: str | None) -> None:
    """Move the pointer to a version that is on disk, or to base weights (None)."""
    if version is None:
        workspace.current.unlink(missing_ok=True)
        sync_dir(workspace.folder)
    else:
        write_atomically(workspace.current, f"{version}\n".encode())


def roll_back(workspace: Workspace, *, reason: str, to: str | None = None) -> AdapterRef | None:
    """Take the adapter in service back, and return what serves now (None: base weights).

    Without `to`, its parent serves again, or the newest earlier adapter that is whole.
    A version that the user names is put into service even if it was withdrawn.
    Raises `UserError` when there is nothing to go back to or no such version.
    """
    before = serving(workspace)
    if to is None and before is None:
        raise UserError("Base weights serve already; there is no adapter to roll back.")
    target = _earlier(workspace, before) if to is None else _named(workspace, to)
    marks = withdrawn(workspace)
    if before is not None and before != target:
        marks[before] = reason
    if target is not None:
        marks.pop(target, None)
    write_atomically(_marks_file(workspace), msgspec.json.encode(marks))
    point(workspace, target)
    return None if target is None else AdapterRef(target, str(workspace.adapters / target))


def serving(workspace: Workspace) -> str | None:
    """The pointer's version, read leniently: a broken adapter is what one rolls back from."""
    try:
        return workspace.current.read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def withdrawn(workspace: Workspace) -> dict[str, str]:
    """Versions that were rolled back, and why."""
    try:
        return msgspec.json.decode(_marks_file(workspace).read_bytes(), type=dict[str, str])
    except (FileNotFoundError, msgspec.MsgspecError):
        return {}


def discard(workspace: Workspace, versions: Collection[str]) -> None:
    """Remove adapters and their records; for the holder of the publish lock.

    Where one of them serves, its nearest ancestor that stays and is whole serves
    instead, or base weights.
    """
    before = serving(workspace)
    if before is not None and before in versions:
        point(workspace, _ancestor(workspace, before, versions))
    for version in versions:
        for name in (version, f"{lineage.RECORD}{version}"):
            _remove_folder(workspace.adapters / name)


def prune(workspace: Workspace, *, keep: int, max_bytes: int) -> list[str]:
    """Give back the room of the oldest adapters; returns the versions that went.

    At most `keep` stay, of at most `max_bytes` together; the one that serves and its
    nearest ancestor stay in any case. What goes leaves its record.
    """
    known = [m.version for m in adapters.list_adapters(workspace)]
    sizes = {version: _size(workspace.adapters / version) for version in known}
    before = serving(workspace)
    spared = {before, *([] if before is None else [_ancestor(workspace, before, ())])}
    pruned = []
    for version in known:
        if len(sizes) <= keep and sum(sizes.values()) <= max_bytes:
            break
        if version not in spared:
            lineage.leave_record(workspace.adapters / version)
            sizes.pop(version)
            pruned.append(version)
    return pruned


def sweep(workspace: Workspace) -> None:
    """Finish what a killed process left half done; for the holder of the publish lock."""
    for folder in _folders(workspace):
        if folder.name.startswith(_DRAFT):
            shutil.rmtree(folder, ignore_errors=True)
        elif folder.name.startswith(lineage.RECORD):
            lineage.leave_record(folder)


def _write_folder(folder: Path, source: Path, manifest: Manifest) -> None:
    draft = folder.with_name(f"{_DRAFT}{folder.name}-{secrets.token_hex(4)}")
    draft.mkdir(mode=0o700)
    try:
        sums: dict[str, str] = {}
        for name in adapters.REQUIRED:
            _write_synced(draft / name, (source / name).read_bytes())
            sums[name] = adapters.hash_file(draft / name)
        if (source / judged.FILE).exists():
            # Not among the sums: forgetting takes places out of it.
            _write_synced(draft / judged.FILE, (source / judged.FILE).read_bytes())
        whole = msgspec.structs.replace(manifest, version=folder.name, files=sums)
        text = msgspec.json.format(msgspec.json.encode(whole), indent=2)
        _write_synced(draft / adapters.MANIFEST, text)
        sync_dir(draft)
        draft.rename(folder)
    except OSError:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    sync_dir(folder.parent)


def _write_synced(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _version_of(workspace: Workspace, weights_sha256: str) -> str | None:
    known = adapters.list_adapters(workspace)
    return next((m.version for m in known if m.files.get(adapters.WEIGHTS) == weights_sha256), None)


def _earlier(workspace: Workspace, version: str | None) -> str | None:
    known = adapters.list_adapters(workspace)
    parent = next((m.parent for m in known if m.version == version), None)
    names = [m.version for m in known if m.version != version]
    before = [n for n in names if version is None or n < version]
    marks = withdrawn(workspace)
    for name in ([parent] if parent in names else []) + before[::-1]:
        if name in marks:
            continue
        try:
            adapters.verify(workspace.adapters / name)
        except ModelError:
            continue
        return name
    return None


def _ancestor(workspace: Workspace, version: str, without: Collection[str]) -> str | None:
    """The nearest ancestor that may serve: whole, not withdrawn and not among `without`."""
    marks = withdrawn(workspace)
    for name in lineage.ancestors(workspace, version):
        if name in without or name in marks:
            continue
        try:
            adapters.verify(workspace.adapters / name)
        except ModelError:
            continue
        return name
    return None


def _remove_folder(folder: Path) -> None:
    """Remove an adapter at once for every reader, and then its files."""
    draft = folder.with_name(f"{_DRAFT}{folder.name}-{secrets.token_hex(4)}")
    try:
        folder.rename(draft)
    except FileNotFoundError:
        return
    shutil.rmtree(draft)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _named(workspace: Workspace, to: str) -> str | None:
    if to == BASE:
        return None
    known = [m.version for m in adapters.list_adapters(workspace)]
    if to not in known:
        listed = ", ".join([*known, BASE])
        raise UserError(f"There is no adapter {to} in this workspace; choose one of {listed}.")
    adapters.verify(workspace.adapters / to)
    return to


def _marks_file(workspace: Workspace) -> Path:
    return workspace.folder / "withdrawn.json"


def _folders(workspace: Workspace) -> list[Path]:
    try:
        return sorted(workspace.adapters.iterdir())
    except FileNotFoundError:
        return []
