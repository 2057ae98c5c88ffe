"""What reaches the store, and what must not, through a real server."""

from __future__ import annotations

from pathlib import Path

import pytest

from fake_editor import FakeEditor, editing, rooted
from habitus_server.workspaces import find_workspace
from lsp.rows import KNOWN, REST, Rows, id_of, offer

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_accept_is_on_disk_when_its_command_is_answered(
    editor: FakeEditor, project: Path, rows: Rows
) -> None:
    uri, item = await offer(editor, project)
    await editor.accept(uri, item)
    row = rows[id_of(item)]
    assert (row["state"], row["evidence"], row["accepted_text"]) == ("accepted", "reported", REST)


async def test_a_kept_suggestion_settles_as_kept(
    editor: FakeEditor, project: Path, rows: Rows
) -> None:
    uri, item = await offer(editor, project)
    await editor.accept(uri, item)
    editor.wait(60)
    await editor.flush()
    row = rows[id_of(item)]
    assert (row["outcome"], row["retained_chars"]) == ("kept", len(REST))


async def test_a_suggestion_that_is_corrected_settles_as_edited_with_both_texts(
    editor: FakeEditor, project: Path, rows: Rows
) -> None:
    uri, item = await offer(editor, project)
    await editor.accept(uri, item)
    start = editor.texts[uri].index("3.14")
    editor.wait(5)
    editor.edit(uri, start, start + 4, "math.pi")
    editor.wait(120)
    await editor.flush()
    row = rows[id_of(item)]
    assert row["outcome"] == "edited"
    assert (row["accepted_text"], row["final_text"]) == (REST, "math.pi * radius * radius")


async def test_a_suggestion_that_is_deleted_settles_as_reverted(
    editor: FakeEditor, project: Path, rows: Rows
) -> None:
    uri, item = await offer(editor, project)
    await editor.accept(uri, item)
    editor.wait(5)
    editor.edit(uri, len(KNOWN), len(editor.texts[uri]), "")
    editor.wait(120)
    await editor.flush()
    assert rows[id_of(item)]["outcome"] == "reverted"


async def test_an_editor_that_reports_nothing_is_inferred_to_have_accepted(
    editor: FakeEditor, project: Path, rows: Rows
) -> None:
    uri, item = await offer(editor, project)
    editor.edit(uri, len(KNOWN), len(KNOWN), REST)
    editor.wait(60)
    await editor.flush()
    row = rows[id_of(item)]
    assert (row["state"], row["evidence"], row["outcome"]) == ("accepted", "inferred", "kept")


async def test_a_suggestion_typed_to_its_end_counts_as_typed_through(
    editor: FakeEditor, project: Path, rows: Rows
) -> None:
    uri, item = await offer(editor, project)
    editor.type(uri, len(KNOWN), REST)
    editor.wait(60)
    await editor.flush()
    assert rows[id_of(item)]["state"] == "typed_through"


async def test_a_dismissed_suggestion_is_recorded_and_not_offered_again(
    editor: FakeEditor, project: Path, rows: Rows
) -> None:
    uri, item = await offer(editor, project)
    assert await editor.execute("habitus.dismiss", {"id": id_of(item)}) == {
        "recorded": True,
        "reason": "",
    }
    assert rows[id_of(item)]["state"] == "dismissed"
    editor.edit(uri, 0, 0, "\n")
    again = await editor.inline(uri, len(editor.texts[uri]))
    assert all(other["insertText"] != REST for other in again)


async def test_a_shown_report_reaches_the_store(
    editor: FakeEditor, project: Path, rows: Rows
) -> None:
    _, item = await offer(editor, project)
    editor.notify("textDocument/didShowCompletion", {"item": item})
    await editor.flush()
    assert rows[id_of(item)]["state"] == "shown"


async def test_a_partial_acceptance_counts_utf16_units_from_the_start(
    editor: FakeEditor, project: Path, rows: Rows
) -> None:
    smile = "def smile():\n    return '😀😀 and more'\n"
    (project / "signs.py").write_text(smile, encoding="utf-8")
    known = "def smile():\n    return "
    editor.open(project / "signs.py")
    await editor.flush()
    uri = editor.open(project / "other.py", known)
    (item,) = await editor.inline(uri, len(known))
    assert item["insertText"].startswith("'😀😀 and")
    taken = "'😀😀"
    editor.edit(uri, len(known), len(known), taken)
    editor.notify("textDocument/didPartiallyAcceptCompletion", {"item": item, "acceptedLength": 5})
    await editor.flush()
    row = rows[id_of(item)]
    assert (row["state"], row["accepted_text"]) == ("partially_accepted", taken)


async def test_a_save_and_a_horizon_are_measured(
    editor: FakeEditor, project: Path, rows: Rows
) -> None:
    uri, item = await offer(editor, project)
    await editor.accept(uri, item)
    editor.save(uri, project / "new.py")
    editor.wait(30)
    await editor.flush()
    events = rows.select("SELECT * FROM events WHERE suggestion_id = ?", id_of(item))
    assert {"saved", "30s"} <= {
        moment for event in events for moment in ("saved", "30s") if moment in event["detail"]
    }


async def test_nothing_is_offered_or_stored_in_an_ignored_file(
    editor: FakeEditor, project: Path, rows: Rows
) -> None:
    (project / ".gitignore").write_text("hidden_here.py\n", encoding="utf-8")
    uri = editor.open(project / "hidden_here.py", KNOWN)
    assert await editor.inline(uri, len(KNOWN)) == []
    status = await editor.execute("habitus.status")
    assert any("hidden_here.py is ignored" in problem for problem in status["problems"])
    assert rows.select("SELECT * FROM suggestions WHERE path = 'hidden_here.py'") == []


async def test_a_secret_in_an_allowed_file_is_stored_without_itself(
    editor: FakeEditor, project: Path, rows: Rows
) -> None:
    secret = "ghp_" + "a1B2c3D4" * 4 + "e5F6"
    uri = editor.open(project / "new.py", f'github_token = "{secret}"\n\n{KNOWN}')
    (item,) = await editor.inline(uri, len(editor.texts[uri]))
    await editor.accept(uri, item)
    assert secret.encode() not in b"".join(
        path.read_bytes() for path in rows._state.glob("workspaces/*/signals.db*")
    )


@pytest.mark.parametrize("flag", ["--frozen", "--no-record"])
async def test_a_server_that_must_not_record_leaves_no_store(
    flag: str, shared_state: Path, project: Path, model: Path
) -> None:
    flags = (flag, "--model", str(model), "--no-learn", "--replay-clock")
    async with editing(project, flags=flags, state=shared_state) as editor:
        await editor.ready()
        await editor.flush()
        uri = editor.open(project / "new.py", KNOWN)
        for item in await editor.inline(uri, len(KNOWN), invoked=True):
            reply = await editor.execute("habitus.accept", {"id": id_of(item)})
            assert reply["recorded"] is False
        assert (await editor.execute("habitus.status"))["recording"] is False
    assert not find_workspace(project, shared_state).database.exists()


async def test_a_frozen_server_completes_without_memory(
    shared_state: Path, project: Path, model: Path
) -> None:
    flags = ("--frozen", "--model", str(model), "--replay-clock")
    async with editing(project, flags=flags, state=shared_state) as editor:
        await editor.ready()
        await editor.flush()
        uri = editor.open(project / "new.py", KNOWN)
        items = await editor.inline(uri, len(KNOWN), invoked=True)
        assert REST not in [item["insertText"] for item in items]
        assert (await editor.execute("habitus.status"))["memoryFiles"] == 0


async def test_a_store_that_cannot_open_costs_the_recording_and_nothing_else(
    window: FakeEditor, shared_state: Path, project: Path
) -> None:
    find_workspace(project, shared_state).database.mkdir()
    async with rooted(window, project) as editor:
        uri, item = await offer(editor, project)
        await editor.accept(uri, item)
        status = await editor.execute("habitus.status")
        assert status["recording"] is False
        assert any("Nothing is recorded" in problem for problem in status["problems"])


async def test_a_file_outside_every_root_gets_suggestions_and_is_not_recorded(
    editor: FakeEditor, tmp_path: Path, rows: Rows
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    editor.open(elsewhere / "one.py", KNOWN + REST + "\n")
    await editor.flush()
    uri = editor.open(elsewhere / "two.py", KNOWN)
    (item,) = await editor.inline(uri, len(KNOWN))
    assert item["insertText"] == REST
    reply = await editor.execute("habitus.accept", {"id": id_of(item)})
    assert reply["recorded"] is False
    assert rows.select("SELECT * FROM suggestions WHERE id = ?", id_of(item)) == []


async def test_a_file_belongs_to_its_innermost_root(
    window: FakeEditor, project: Path, rows: Rows
) -> None:
    inner = project / "inner"
    inner.mkdir()
    (inner / "shapes.py").write_text(KNOWN + REST + "\n", encoding="utf-8")
    async with rooted(window, project, inner) as editor:
        uri, item = await offer(editor, inner)
        await editor.accept(uri, item)
        assert rows[id_of(item)]["path"] == "new.py"
        assert (await editor.execute("habitus.status", {"uri": uri}))["root"] == str(inner)


async def test_code_written_by_hand_is_stored_once_it_rests(
    editor: FakeEditor, project: Path, rows: Rows
) -> None:
    uri = editor.open(project / "new.py", "")
    editor.type(uri, 0, "total_by_hand = compute(1, 2)\n")
    editor.wait(60)
    await editor.flush()
    (row,) = rows.select("SELECT * FROM patterns WHERE text LIKE 'total_by_hand%'")
    assert (row["path"], row["text"]) == ("new.py", "total_by_hand = compute(1, 2)")


async def test_code_written_by_hand_in_an_ignored_file_is_not_stored(
    editor: FakeEditor, project: Path, rows: Rows
) -> None:
    (project / ".gitignore").write_text("hidden_here.py\n", encoding="utf-8")
    uri = editor.open(project / "hidden_here.py", "")
    editor.type(uri, 0, "ignored_by_hand = compute(1, 2)\n")
    editor.wait(60)
    await editor.flush()
    assert rows.select("SELECT * FROM patterns WHERE text LIKE 'ignored_by_hand%'") == []


async def test_a_checkout_of_another_branch_judges_nothing(
    editor: FakeEditor, project: Path, rows: Rows
) -> None:
    uri, item = await offer(editor, project)
    await editor.accept(uri, item)
    editor.wait(5)
    editor.edit(uri, len(KNOWN), len(editor.texts[uri]), "")
    (project / ".git" / "HEAD").write_text("ref: refs/heads/other\n", encoding="utf-8")
    await editor.flush()
    editor.wait(120)
    await editor.flush()
    assert rows[id_of(item)]["outcome"] == "censored"


async def test_a_window_that_loses_its_editor_writes_what_it_knew(
    shared_state: Path, project: Path, model: Path, rows: Rows
) -> None:
    editor = await FakeEditor.start(
        *("--model", str(model), "--no-learn", "--replay-clock"), state=shared_state
    )
    await editor.initialize(project)
    await editor.ready()
    await editor.flush()
    uri, item = await offer(editor, project)
    await editor.accept(uri, item)
    assert editor.process.stdin is not None
    editor.process.stdin.close()
    assert await editor.process.wait() == 0
    row = rows[id_of(item)]
    assert (row["state"], row["outcome"]) == ("accepted", "censored")


async def test_an_accept_survives_the_kill_of_its_server(
    shared_state: Path, project: Path, model: Path, rows: Rows
) -> None:
    editor = await FakeEditor.start(
        *("--model", str(model), "--no-learn", "--replay-clock"), state=shared_state
    )
    await editor.initialize(project)
    await editor.ready()
    await editor.flush()
    uri, item = await offer(editor, project)
    await editor.accept(uri, item)
    await editor.kill()
    assert rows[id_of(item)]["state"] == "accepted"


async def test_a_file_that_is_renamed_takes_its_suggestions_along(
    editor: FakeEditor, project: Path, rows: Rows
) -> None:
    uri, item = await offer(editor, project)
    await editor.accept(uri, item)
    text, renamed = editor.texts[uri], project / "renamed.py"
    files = [{"oldUri": uri, "newUri": renamed.as_uri()}]
    editor.notify("workspace/didRenameFiles", {"files": files})
    editor.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    editor.open(renamed, text)
    editor.wait(60)
    await editor.flush()
    row = rows[id_of(item)]
    assert (row["outcome"], row["moved_to"]) == ("kept", "renamed.py")
