"""What flags take: bad values are refused, with what is wanted, before anything is done."""

from __future__ import annotations

import os
from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from habitus_server.commands.flags import count, minutes, output_file, write_output
from habitus_server.errors import UserError
from habitus_server.workspaces import find_workspace, state_dir


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "soon", ""])
def test_a_budget_is_a_finite_time_above_zero(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="number of minutes above zero"):
        minutes(text)
    assert minutes("0.5") == 0.5


@pytest.mark.parametrize("text", ["0", "-3", "1.5", "many"])
def test_a_count_is_a_whole_number_above_zero(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="whole number above zero"):
        count(text)
    assert count("7") == 7


def test_a_file_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ArgumentTypeError, match="is a folder"):
        output_file(str(tmp_path))
    with pytest.raises(ArgumentTypeError, match="cannot be written"):
        output_file(str(tmp_path / "file" / "report.json"))


def test_an_output_gets_the_folders_that_it_lacks(tmp_path: Path) -> None:
    path = output_file(str(tmp_path / "new" / "deep" / "report.json"))
    write_output(path, b"{}")
    assert path.read_bytes() == b"{}"


def test_an_output_whose_folder_has_become_a_file_is_an_error_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"report\.json cannot be written"):
        write_output(tmp_path / "file" / "report.json", b"{}")


def test_a_workspace_whose_name_is_no_utf8_is_refused(tmp_path: Path) -> None:
    root = tmp_path / os.fsdecode(b"caf\xe9")
    root.mkdir()
    with pytest.raises(UserError, match="no UTF-8; rename it"):
        find_workspace(root, state_dir(tmp_path / "state"))
