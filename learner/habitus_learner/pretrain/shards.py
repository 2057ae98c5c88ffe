"""Training rows on disk, in shards that appear one by one.

Promises: a shard is whole once it has its name, so that training can start on the first while
the rest is written; rows come back in the order written.
Does not know: what the tokens mean. Needs numpy alone, so that rows can train on a machine
that has little more than torch.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Row = tuple[list[int], list[int]]
"""Token ids and the loss weight of each, as a target."""

ROWS_IN_SHARD = 512
MIDDLE_WEIGHT = 2
"""The loss weight of what is to be filled in; other text weighs 1, padding 0."""
_FINISHED = "FINISHED"


def write_shards(folder: Path, rows: Iterable[Row]) -> int:
    """Write rows as `NNNNN.npz`; returns the tokens that carry loss."""
    folder.mkdir(parents=True, exist_ok=True)
    waiting: list[Row] = []
    tokens = count = 0
    for row in rows:
        waiting.append(row)
        if len(waiting) == ROWS_IN_SHARD:
            tokens += _write(folder / f"{count:05d}.npz", waiting)
            count += 1
            waiting = []
    if waiting:
        tokens += _write(folder / f"{count:05d}.npz", waiting)
    (folder / _FINISHED).write_text(str(tokens))
    return tokens


def is_finished(folder: Path) -> bool:
    """True when no further shard will appear."""
    return (folder / _FINISHED).exists()


def shard_path(folder: Path, index: int) -> Path:
    """Where shard `index` lies or will lie."""
    return folder / f"{index:05d}.npz"


def read_shard(path: Path) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """(ids [rows, time + 1], target weights [rows, time])."""
    with np.load(path) as arrays:
        return arrays["ids"], arrays["weights"]


def _write(path: Path, rows: list[Row]) -> int:
    ids = np.array([row[0] for row in rows], dtype=np.uint16)
    weights = np.array([row[1][1:] for row in rows], dtype=np.uint8)
    partial = path.with_suffix(".part")
    with partial.open("wb") as stream:
        np.savez_compressed(stream, ids=ids, weights=weights)
    partial.replace(path)
    return int((weights > 0).sum())
