"""Folders that a run makes anew and fills.

Promises that nothing is deleted but what an earlier run made.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from habitus_server.errors import UserError

MARK = ".made-by-habitus"


def fresh_folder(folder: Path) -> Path:
    """An empty folder, in the place of an earlier run's; `UserError` where it is anybody else's."""
    if folder.is_symlink() or folder.exists():
        if folder.is_symlink() or not (folder / MARK).is_file():
            raise UserError(
                f"{folder} was not made by an earlier run, and would be deleted; "
                "move it away, or name another folder with --out."
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / MARK).touch()
    return folder
