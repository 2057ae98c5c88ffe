"""Types of flags: what is wrong with a value is said before anything is done.

Each is a `type` of argparse and raises `ArgumentTypeError` with what it wants instead.
"""

from __future__ import annotations

import math
import os
from argparse import ArgumentTypeError
from pathlib import Path

from habitus_server.errors import UserError
from habitus_server.workspaces import write_atomically


def minutes(text: str) -> float:
    """A time that something may take."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise ArgumentTypeError(f"`{text}` is no number of minutes above zero")
    return value


def count(text: str) -> int:
    """How many, at least one."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise ArgumentTypeError(f"`{text}` is no whole number above zero")
    return value


def output_file(text: str) -> Path:
    """A file that `write_output` can write, as far as can be known before."""
    path = Path(text)
    if path.is_dir():
        raise ArgumentTypeError(f"{path} is a folder; name a file")
    folder = next(one for one in path.absolute().parents if one.exists())
    if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        raise ArgumentTypeError(f"{path} cannot be written, since {folder} cannot")
    return path


def write_output(path: Path, data: bytes) -> None:
    """Write a file that a flag named, with the folders that it lacks; a `UserError` where
    that fails after all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}.") from error
