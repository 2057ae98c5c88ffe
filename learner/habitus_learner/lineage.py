"""What adapters were trained on, and which descend from which.

Promises to name every adapter that a row went into, directly or through an ancestor. An
adapter whose weights were pruned leaves a record: its manifest, and a trace of each
example. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from habitus_learner import judged, workfolder
from habitus_learner.examples import Example
from habitus_server import adapters
from habitus_server.workspaces import Workspace, write_atomically

RECORD = ".record-"
"""How the folder of an adapter begins whose weights were pruned."""


TRACES = "traces.jsonl"


class Trace(msgspec.Struct, frozen=True):
    """Where an example came from, without its text; `known_at` as the example had it."""

    path: str
    row_ids: tuple[str, ...]
    known_at: float = 0.0


class _Origin(msgspec.Struct, frozen=True):
    """The part of a manifest that says where an adapter comes from."""

    parent: str | None


def descended(workspace: Workspace, taught: Callable[[Example | Trace], bool]) -> set[str]:
    """Versions that an example went into for which `taught` holds, and all made from them.

    An adapter whose record cannot be read counts as taught: nobody can say that it was not.
    """
    parents: dict[str, str | None] = {}
    found: set[str] = set()
    for version, folder in _folders(workspace):
        try:
            parents[version] = _parent(folder)
            if any(taught(lesson) for lesson in _lessons(folder)):
                found.add(version)
        except (OSError, msgspec.MsgspecError):
            parents[version] = None
            found.add(version)
    while heirs := {v for v, parent in parents.items() if parent in found} - found:
        found |= heirs
    return found


def trained_on(workspace: Workspace) -> dict[str, list[str]]:
    """The versions that each row of the store went into directly, oldest first."""
    versions: dict[str, list[str]] = {}
    for version, folder in _folders(workspace):
        try:
            lessons = _lessons(folder)
        except (OSError, msgspec.MsgspecError):
            continue
        for row_id in {row for lesson in lessons for row in lesson.row_ids}:
            versions.setdefault(row_id, []).append(version)
    return versions


def ancestors(workspace: Workspace, version: str) -> Iterator[str]:
    """The versions that one was made from, nearest first, as far as is recorded."""
    seen = {version}
    folders = dict(_folders(workspace))
    while version in folders:
        try:
            parent = _parent(folders[version])
        except (OSError, msgspec.MsgspecError):
            return
        if parent is None or parent in seen:
            return
        seen.add(parent)
        yield parent
        version = parent


def leave_record(folder: Path) -> None:
    """Turn an adapter's folder into its record; a record already made is finished."""
    record = folder.with_name(f"{RECORD}{folder.name.removeprefix(RECORD)}")
    if folder != record:
        folder.rename(record)
    examples = record / adapters.EXAMPLES
    if examples.exists():
        traces = [Trace(e.path, e.row_ids, e.known_at) for e in workfolder.read_examples(examples)]
        write_atomically(record / TRACES, msgspec.json.Encoder().encode_lines(traces))
    for name in (adapters.WEIGHTS, adapters.CONFIG, adapters.EXAMPLES, judged.FILE):
        (record / name).unlink(missing_ok=True)


def _lessons(folder: Path) -> Sequence[Example | Trace]:
    if (folder / TRACES).exists():
        return msgspec.json.Decoder(Trace).decode_lines((folder / TRACES).read_bytes())
    return workfolder.read_examples(folder / adapters.EXAMPLES)


def _parent(folder: Path) -> str | None:
    return msgspec.json.decode((folder / adapters.MANIFEST).read_bytes(), type=_Origin).parent


def _folders(workspace: Workspace) -> Iterator[tuple[str, Path]]:
    try:
        folders = sorted(workspace.adapters.iterdir())
    except FileNotFoundError:
        return
    for folder in folders:
        version = folder.name.removeprefix(RECORD)
        if adapters.is_version(version):
            yield version, folder
