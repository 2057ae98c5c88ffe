"""The gates of workspaces, kept over restarts.

Promises that what a workspace's gates have learned is there again after the engine has
ended, that it goes with the workspace's folder, and that weights fitted from another
prior or for another model are not taken for these. Holds numbers only, no text.
"""

from __future__ import annotations

import hashlib
import logging
import re
from pathlib import Path

import msgspec

from habitus_server.engine.gate_prior import PRIOR
from habitus_server.engine.gates import Gates
from habitus_server.workspaces import write_atomically

_log = logging.getLogger(__name__)
_REGISTERED = re.compile(r"[0-9a-f]{16}\Z")
_PRIOR_KEY = hashlib.sha256(repr(PRIOR).encode()).hexdigest()[:16]


class _Kept(msgspec.Struct, frozen=True):
    """`weights` by whether the model knows the language; `prior` is what they began as."""

    prior: str
    weights: dict[str, list[float]]


class Shelf:
    """One model's gates of all workspaces; every call may come from any thread."""

    def __init__(self, workspaces: Path, model_key: str) -> None:
        self._workspaces = workspaces
        self._name = f"gates-{model_key}.json"

    def load(self, workspace: str) -> dict[bool, Gates]:
        """What was kept, or nothing."""
        path = self._path(workspace)
        if path is None:
            return {}
        try:
            kept = msgspec.json.decode(path.read_bytes(), type=_Kept)
        except (OSError, msgspec.MsgspecError):
            return {}
        if kept.prior != _PRIOR_KEY:
            return {}
        gates = {name == "known": Gates() for name in kept.weights}
        for name, weights in kept.weights.items():
            if len(weights) == len(PRIOR):
                gates[name == "known"].weights[:] = weights
        return gates

    def save(self, workspace: str, gates: dict[bool, Gates]) -> None:
        """Keep what was learned; a workspace without a folder keeps nothing."""
        path = self._path(workspace)
        if path is None:
            return
        weights = {
            "known" if is_known else "other": [round(w, 6) for w in one.weights.tolist()]
            for is_known, one in gates.items()
        }
        try:
            write_atomically(path, msgspec.json.encode(_Kept(_PRIOR_KEY, weights)))
        except OSError as error:
            _log.warning("What memory learned could not be kept: %s", error)

    def drop(self, workspace: str) -> None:
        """Keep nothing of a workspace."""
        path = self._path(workspace)
        if path is not None:
            path.unlink(missing_ok=True)

    def _path(self, workspace: str) -> Path | None:
        folder = self._workspaces / workspace
        # The name comes from a peer: nothing but a registered workspace's folder will do.
        is_there = _REGISTERED.match(workspace) is not None and folder.is_dir()
        return folder / self._name if is_there else None
