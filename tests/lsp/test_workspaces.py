"""Roots as they change around a window: on disk, in permission, by pausing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fake_editor import FakeEditor, rooted

pytestmark = pytest.mark.asyncio(loop_scope="session")

KNOWN = "def area_of_circle(radius):\n    return "


async def test_paused_means_no_suggestions_until_resumed(editor: FakeEditor, project: Path) -> None:
    uri = editor.open(project / "new.py", KNOWN)
    await editor.execute("habitus.pause")
    assert await editor.inline(uri, len(KNOWN)) == []
    assert (await editor.execute("habitus.status"))["kind"] == "Inactive"
    await editor.execute("habitus.resume")
    assert await editor.inline(uri, len(KNOWN))


async def test_a_file_changed_by_another_program_is_remembered_anew(
    editor: FakeEditor, project: Path
) -> None:
    uri = editor.open(project / "new.py", "def volume_of_cube(edge):\n    return ")
    solids = "def volume_of_cube(edge):\n    return edge ** 3\n"
    (project / "solids.py").write_text(solids, encoding="utf-8")
    async with asyncio.timeout(20):
        while True:
            await asyncio.sleep(0.3)
            await editor.flush()
            items = await editor.inline(uri, len(editor.texts[uri]))
            if [item["insertText"] for item in items] == ["edge ** 3"]:
                break


async def test_a_workspace_that_cannot_be_written_gets_suggestions(
    window: FakeEditor, project: Path
) -> None:
    project.chmod(0o555)
    try:
        async with rooted(window, project) as editor:
            uri = editor.open(project / "new.py", KNOWN)
            assert await editor.inline(uri, len(KNOWN))
    finally:
        project.chmod(0o755)


async def test_a_folder_that_is_no_repository_is_a_workspace_too(
    window: FakeEditor, project: Path
) -> None:
    (project / ".git" / "HEAD").unlink()
    (project / ".git").rmdir()
    async with rooted(window, project) as editor:
        uri = editor.open(project / "new.py", KNOWN)
        assert await editor.inline(uri, len(KNOWN))
        assert (await editor.execute("habitus.status"))["recording"] is True
