"""A run deletes what an earlier run made, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from habitus_learner.replay.scratch import fresh_folder
from habitus_server.errors import UserError


def test_what_an_earlier_run_left_is_deleted(tmp_path: Path) -> None:
    work = fresh_folder(tmp_path / "out" / "work")
    (work / "old.txt").touch()
    assert not (fresh_folder(work) / "old.txt").exists()


def test_somebody_else_s_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "thesis.txt").touch()
    with pytest.raises(UserError, match="was not made by an earlier run"):
        fresh_folder(tmp_path / "work")
    assert (tmp_path / "work" / "thesis.txt").exists()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "work").symlink_to(fresh_folder(tmp_path / "other"))
    with pytest.raises(UserError, match="was not made by an earlier run"):
        fresh_folder(tmp_path / "work")
