"""Files that are renamed outside the editor."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from habitus_server.lsp.outside import tell_renames
from habitus_server.recorder import Recorder


class FakeRecorder:
    """Keeps the renames."""

    def __init__(self) -> None:
        self.renames: list[tuple[str, str, str]] = []

    def renamed(self, old_uri: str, new_uri: str, path: str) -> None:
        self.renames.append((old_uri, new_uri, path))


@pytest.fixture
def recorder() -> FakeRecorder:
    return FakeRecorder()


async def told(recorder: FakeRecorder, folder: Path, old: Path, new: Path) -> None:
    await tell_renames(cast(Recorder, recorder), folder, [(old, new)])


async def test_a_renamed_file_is_told_by_both_names(tmp_path: Path, recorder: FakeRecorder) -> None:
    old, new = tmp_path / "old.py", tmp_path / "pkg" / "new.py"
    new.parent.mkdir()
    new.write_text("x", encoding="utf-8")
    await told(recorder, tmp_path, old, new)
    assert recorder.renames == [(old.as_uri(), new.as_uri(), "pkg/new.py")]


async def test_a_file_that_is_there_again_was_saved_not_renamed(
    tmp_path: Path, recorder: FakeRecorder
) -> None:
    for name in ("a.py", "a.py~"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    await told(recorder, tmp_path, tmp_path / "a.py", tmp_path / "a.py~")
    assert recorder.renames == []


async def test_a_file_that_left_the_workspace_is_not_told(
    tmp_path: Path, recorder: FakeRecorder
) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "new.py").write_text("x", encoding="utf-8")
    await told(recorder, tmp_path / "project", tmp_path / "project" / "a.py", tmp_path / "new.py")
    assert recorder.renames == []
