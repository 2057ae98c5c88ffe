"""The adapter in service and the one before it, asked again at what was written since.

Promises both at the same places, by the very job that judges candidates, in a child process;
neither has learned from those places. None where there are too few or they cannot be asked
now. Rules on nothing (see `guard`).
"""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

import msgspec

from habitus_learner import workfolder
from habitus_learner.child import run_job
from habitus_learner.course import Settings, find_interrupted, plan_of
from habitus_learner.cycle import all_examples
from habitus_learner.examples import Example, Kind
from habitus_learner.gate import Compared
from habitus_learner.split import Split
from habitus_learner.workfolder import TRAINING_LOCK, Trained
from habitus_server import adapters
from habitus_server.adapters import Manifest
from habitus_server.errors import HabitusError
from habitus_server.records import AdapterRef
from habitus_server.store import Store
from habitus_server.workspaces import Workspace, try_lock

log = logging.getLogger(__name__)

FEWEST = 15
"""Places below which it is not worth loading a model."""

_SETTLED = frozenset({Kind.PATTERN, Kind.CORRECTION, Kind.SUCCESS})
"""What came to stand, whoever wrote it: hand-written places alone would favour the adapter
that was not shown there, accepted ones alone the one that was."""

_DONE = Trained(0, 0, 0, 0.0, 0.0, 0.0, 0, 0.0)


def look(
    workspace: Workspace, store: Store, settings: Settings, manifest: Manifest
) -> list[Compared] | None:
    """Both adapters at the places written since `manifest`'s was published, in time order."""
    found = [one for one in all_examples(store) if _is_judge(one, manifest.created_at)]
    if len(found) < FEWEST or find_interrupted(workspace, store) is not None:
        return None
    lock = try_lock(settings.state / TRAINING_LOCK)
    if lock is None:
        return None
    folder = workfolder.work_folder(workspace)
    try:
        _lay_out(workspace, settings, manifest, found)
        run_job(folder, lambda _line: None)
        compared = workfolder.read(folder / workfolder.COMPARED, list[Compared])
    except (HabitusError, OSError) as error:
        log.warning("The adapter before could not be asked: %s", error)
        return None
    finally:
        workfolder.clear(folder)
        os.close(lock)
    times = {one.id: one.at for one in found}
    return sorted(compared or (), key=lambda one: (times[one.id.rpartition("#")[0]], one.id))


def _is_judge(example: Example, since: float) -> bool:
    return example.kind in _SETTLED and example.at >= since


def _lay_out(
    workspace: Workspace, settings: Settings, manifest: Manifest, found: list[Example]
) -> None:
    """A work folder whose training is done: its candidate is the adapter in service."""
    parent = manifest.parent
    plan = msgspec.structs.replace(
        plan_of(workspace, settings, 0),  # no cycle's: nobody takes it up
        cutoff=manifest.created_at,
        incumbent=None if parent is None else _ref(workspace, parent),
    )
    folder = workfolder.lay_out(plan, Split((), tuple(found), plan.cutoff))
    candidate = folder / workfolder.CANDIDATE
    shutil.copytree(_ref(workspace, manifest.version).path, candidate)
    renamed = msgspec.structs.replace(manifest, version=workfolder.CANDIDATE)
    workfolder.write(candidate / adapters.MANIFEST, renamed)
    workfolder.write(folder / workfolder.TRAINED, _DONE)


def _ref(workspace: Workspace, version: str) -> AdapterRef:
    return AdapterRef(version, str(Path(workspace.adapters) / version))
