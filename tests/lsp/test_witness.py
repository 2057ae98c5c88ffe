"""What happens outside the editor, through a real server: commits, storms of files."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from fake_editor import FakeEditor, rooted
from lsp.rows import KNOWN, REST, Rows, id_of, offer
from witness.repositories import WorkingTree

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def tree(project: Path) -> WorkingTree:
    """The project under git, with one commit."""
    shutil.rmtree(project / ".git")
    tree = WorkingTree(project)
    tree.commit()
    return tree


@pytest_asyncio.fixture(loop_scope="session")
async def git_editor(
    window: FakeEditor, tree: WorkingTree, project: Path
) -> AsyncIterator[FakeEditor]:
    """The shared window with the project under git."""
    async with rooted(window, project):
        yield window


async def land(editor: FakeEditor, tree: WorkingTree, project: Path) -> tuple[str, Any, str]:
    """Accept a suggestion, save it and commit it: URI, item, commit."""
    uri, item = await offer(editor, project)
    await editor.accept(uri, item)
    editor.save(uri, project / "new.py")
    landed = tree.commit()
    await editor.flush()
    return uri, item, landed


async def test_an_accepted_suggestion_that_is_committed_lands(
    git_editor: FakeEditor, tree: WorkingTree, project: Path, rows: Rows
) -> None:
    _, item, landed = await land(git_editor, tree, project)
    (landing,) = rows.select("SELECT * FROM landings WHERE suggestion_id = ?", id_of(item))
    assert (landing["commit_id"], landing["path"], landing["text"], landing["undone_by"]) == (
        landed,
        "new.py",
        f"    return {REST}",
        None,
    )


async def test_a_commit_that_removes_what_landed_undoes_it(
    git_editor: FakeEditor, tree: WorkingTree, project: Path, rows: Rows
) -> None:
    _, item, _ = await land(git_editor, tree, project)
    (project / "new.py").write_text("def area_of_circle(radius):\n    pass\n", encoding="utf-8")
    undone = tree.commit()
    await git_editor.flush()
    (landing,) = rows.select("SELECT * FROM landings WHERE suggestion_id = ?", id_of(item))
    assert landing["undone_by"] == undone


async def test_a_commit_is_a_moment_at_which_accepted_text_is_measured(
    git_editor: FakeEditor, tree: WorkingTree, project: Path, rows: Rows
) -> None:
    _, item, _ = await land(git_editor, tree, project)
    events = rows.select(
        "SELECT detail FROM events WHERE suggestion_id = ? AND detail LIKE '%commit%'", id_of(item)
    )
    assert len(events) == 1


async def test_a_new_branch_at_the_same_commit_censors_nothing(
    git_editor: FakeEditor, tree: WorkingTree, project: Path, rows: Rows
) -> None:
    uri, item = await offer(git_editor, project)
    await git_editor.accept(uri, item)
    tree.switch("side")
    await git_editor.flush()
    git_editor.wait(60)
    await git_editor.flush()
    assert rows[id_of(item)]["outcome"] == "kept"


async def test_a_tracked_suggestion_outlives_a_storm_of_files(
    editor: FakeEditor, project: Path, rows: Rows
) -> None:
    uri, item = await offer(editor, project)
    await editor.accept(uri, item)

    def storm() -> None:
        for number in range(3_000):
            (project / f"storm_{number}.txt").write_text("x", encoding="utf-8")

    await asyncio.to_thread(storm)
    editor.edit(uri, 0, 0, "import math\n")
    editor.wait(60)
    await editor.flush()
    row = rows[id_of(item)]
    assert (row["outcome"], row["retained_chars"]) == ("kept", len(REST))
    assert editor.texts[uri].startswith("import math\n" + KNOWN)


async def test_a_command_and_a_save_leave_tasks(
    editor: FakeEditor, project: Path, rows: Rows
) -> None:
    uri, item = await offer(editor, project, "saved_here.py")
    await editor.accept(uri, item)
    editor.save(uri)
    await editor.flush()
    saves = rows.select("SELECT path FROM task_files WHERE path = 'saved_here.py'")
    accepts = rows.select(
        "SELECT succeeded FROM tasks WHERE name = 'habitus.accept' AND input LIKE ?",
        f"%{id_of(item)}%",
    )
    assert (len(saves), [row["succeeded"] for row in accepts]) == (1, [1])


async def test_a_code_action_that_was_applied_leaves_a_task(
    editor: FakeEditor, project: Path, rows: Rows
) -> None:
    uri = editor.open(project / "new.py", KNOWN)
    title = f"Write the area of {project.parent.name}"
    await editor.execute("habitus.fixApplied", {"uri": uri, "title": title})
    await editor.flush()
    applied = rows.select("SELECT kind FROM tasks WHERE input LIKE ?", f"%{title}%")
    assert [row["kind"] for row in applied] == ["code_action"]
