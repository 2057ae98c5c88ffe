"""Why a place showed a suggestion, or did not: told by the command and by `habitus why`."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from fake_editor import SOURCES, FakeEditor
from habitus_server.workspaces import find_workspace

pytestmark = pytest.mark.asyncio(loop_scope="session")

KNOWN = "def area_of_circle(radius):\n    return "


async def test_a_shown_suggestion_is_explained_with_its_source_and_estimate(
    editor: FakeEditor, project: Path
) -> None:
    uri = editor.open(project / "new.py", KNOWN)
    await editor.inline(uri, len(KNOWN))
    told = await editor.execute("habitus.why", {"uri": uri})
    assert (told["path"], told["line"], told["why"]["stage"]) == ("new.py", 2, "shown")
    assert told["sentence"].startswith("A suggestion was shown (source engine, estimate ")


async def test_a_file_that_gets_no_suggestions_says_so_without_its_name(
    editor: FakeEditor, project: Path
) -> None:
    uri = editor.open(project / ".env", "PASSWORD=")
    assert await editor.inline(uri, len("PASSWORD=")) == []
    told = await editor.execute("habitus.why", {"uri": uri})
    assert (told["path"], told["why"]["stage"]) == ("", "ignored")


async def test_a_paused_window_says_so(editor: FakeEditor, project: Path) -> None:
    uri = editor.open(project / "new.py", KNOWN)
    await editor.execute("habitus.pause")
    try:
        await editor.inline(uri, len(KNOWN))
        told = await editor.execute("habitus.why", {"uri": uri})
    finally:
        await editor.execute("habitus.resume")
    assert told["why"]["stage"] == "paused"


async def test_the_command_line_tells_the_same_as_the_window(
    editor: FakeEditor, project: Path, shared_state: Path
) -> None:
    uri = editor.open(project / "new.py", KNOWN)
    await editor.inline(uri, len(KNOWN))
    await editor.flush()
    told = await editor.execute("habitus.why", {"uri": uri})
    said = subprocess.run(
        [sys.executable, "-P", "-m", "habitus_server.cli", "why", str(project),
         "--state-dir", str(shared_state)],
        env={**os.environ, "PYTHONPATH": str(SOURCES / "server")},
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "new.py, line 2" in said
    assert told["sentence"] in said
    assert stat.S_IMODE(find_workspace(project, shared_state).last_why.stat().st_mode) == 0o600
