"""What a server must bear: broken messages, huge and binary files, positions from nowhere."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from fake_editor import FakeEditor, RequestError, rooted
from habitus_server.workspaces import find_workspace

pytestmark = pytest.mark.asyncio(loop_scope="session")

KNOWN = "def area_of_circle(radius):\n    return "
INVALID_PARAMS = -32602
METHOD_NOT_FOUND = -32601


async def test_a_body_that_is_not_json_is_passed_over(editor: FakeEditor, project: Path) -> None:
    editor.write_raw(b"{this is not json")
    editor.write_raw(b'"a string"')
    editor.write_raw(b"[1, 2]")
    editor.write_raw(b'{"jsonrpc": "1.0"}')
    uri = editor.open(project / "new.py", KNOWN)
    assert await editor.inline(uri, len(KNOWN))


async def test_a_request_with_undecodable_parameters_is_refused_not_left_hanging(
    editor: FakeEditor, project: Path
) -> None:
    uri = editor.open(project / "new.py", KNOWN)
    params = editor.inline_params(uri, 0)
    params["context"]["triggerKind"] = 0
    with pytest.raises(RequestError) as refused:
        await editor.request("textDocument/inlineCompletion", params, timeout=10)
    assert refused.value.code == INVALID_PARAMS
    assert await editor.inline(uri, len(KNOWN))


async def test_a_notification_with_undecodable_parameters_is_passed_over(
    editor: FakeEditor, project: Path
) -> None:
    uri = editor.open(project / "new.py", KNOWN)
    editor.notify("textDocument/didChange", {"textDocument": 7, "contentChanges": "no"})
    editor.notify("textDocument/didShowCompletion", {"item": {"command": {"arguments": [3]}}})
    editor.notify("habitus/clock", {"now": "never"})
    assert await editor.inline(uri, len(KNOWN))


async def test_an_unknown_method_is_refused_by_name(editor: FakeEditor) -> None:
    with pytest.raises(RequestError) as refused:
        await editor.request("textDocument/brew", {})
    assert refused.value.code == METHOD_NOT_FOUND


async def test_requests_about_unknown_documents_are_answered_with_nothing(
    editor: FakeEditor, project: Path
) -> None:
    place = {
        "textDocument": {"uri": (project / "never.py").as_uri()},
        "position": {"line": 0, "character": 0},
    }
    ghost = {**place, "context": {"triggerKind": 2}}
    assert await editor.request("textDocument/inlineCompletion", ghost) is None
    assert await editor.request("textDocument/completion", place) is None
    assert await editor.request("habitus/score", {**place, "text": "x"}) is None


async def test_changes_to_documents_that_are_not_open_are_passed_over(
    editor: FakeEditor, project: Path
) -> None:
    uri = (project / "never.py").as_uri()
    editor.versions[uri] = 1
    editor.change(uri, [{"text": "whole"}])
    editor.save(uri)
    editor.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    assert (await editor.execute("habitus.status"))["engine"]["state"] == "ready"


async def test_positions_out_of_range_are_clamped(editor: FakeEditor, project: Path) -> None:
    uri = editor.open(project / "new.py", KNOWN)
    params = editor.inline_params(uri, 0)
    params["position"] = {"line": 9_999, "character": 9_999}
    (item,) = (await editor.request("textDocument/inlineCompletion", params))["items"]
    assert item["range"]["start"] == editor.position(uri, len(KNOWN))


async def test_an_offset_inside_a_surrogate_pair_is_the_start_of_its_character(
    editor: FakeEditor, project: Path
) -> None:
    uri = editor.open(project / "new.py", "😀 = 1\n")
    inside = {"line": 0, "character": 1}
    editor.texts[uri] = "x😀 = 1\n"
    editor.change(uri, [{"range": {"start": inside, "end": inside}, "text": "x"}])
    editor.edit(uri, len(editor.texts[uri]), len(editor.texts[uri]), KNOWN)
    assert await editor.inline(uri, len(editor.texts[uri]))


@pytest.mark.parametrize(
    "arguments", [[], [None], [{}], ["text"], [{"id": 5}], [{"id": "a"}, {"id": "b"}]]
)
async def test_commands_bear_any_arguments(editor: FakeEditor, arguments: list[object]) -> None:
    params = {"command": "habitus.accept", "arguments": arguments}
    try:
        reply = await editor.request("workspace/executeCommand", params)
    except RequestError as refused:
        assert refused.code == INVALID_PARAMS
    else:
        assert reply["recorded"] is False


async def test_a_huge_file_opens_without_freezing_the_window(
    editor: FakeEditor, project: Path
) -> None:
    text = "value = 'a line of a very long file'\n" * 1_400_000
    assert len(text) > 50_000_000
    body = json.dumps(
        {
            "jsonrpc": "2.0",
            "method": "textDocument/didOpen",
            "params": {
                "textDocument": {
                    "uri": (project / "huge.py").as_uri(),
                    "languageId": "python",
                    "version": 1,
                    "text": text,
                }
            },
        }
    ).encode()
    uri = (project / "huge.py").as_uri()
    editor.versions[uri] = 1
    editor.write_raw(body)
    await editor.execute("habitus.status")
    start = {"line": 700_000, "character": 3}
    began = time.monotonic()
    for _ in range(20):
        editor.change(uri, [{"range": {"start": start, "end": start}, "text": "x"}])
    ghost = {
        "textDocument": {"uri": uri},
        "position": start,
        "context": {"triggerKind": 2},
    }
    assert await editor.request("textDocument/inlineCompletion", ghost) is None
    assert time.monotonic() - began < 3.0
    status = await editor.execute("habitus.status")
    assert any("huge.py has" in problem for problem in status["problems"])


async def test_a_binary_file_gets_no_suggestions_and_a_reason(
    editor: FakeEditor, project: Path
) -> None:
    uri = editor.open(project / "photo.raw", "\0\1\2 def \0" * 100, language="plaintext")
    assert await editor.inline(uri, 10) == []
    status = await editor.execute("habitus.status")
    assert any("photo.raw is binary" in problem for problem in status["problems"])


async def test_a_document_that_is_not_a_file_gets_suggestions(
    editor: FakeEditor, project: Path
) -> None:
    uri = "untitled:Untitled-1"
    editor.texts[uri], editor.versions[uri] = KNOWN + "1 + 1\n" + KNOWN, 1
    editor.notify(
        "textDocument/didOpen",
        {
            "textDocument": {
                "uri": uri,
                "languageId": "python",
                "version": 1,
                "text": editor.texts[uri],
            }
        },
    )
    await editor.inline(uri, len(editor.texts[uri]), invoked=True)
    assert (await editor.execute("habitus.status", {"uri": uri}))["recording"] is False


async def test_a_broken_settings_file_costs_a_problem_in_the_status(
    window: FakeEditor, project: Path
) -> None:
    (project / ".habitus.toml").write_text("model = 'evil'\n[completion\n", encoding="utf-8")
    async with rooted(window, project) as editor:
        status = await editor.execute("habitus.status")
        assert any(".habitus.toml was ignored" in problem for problem in status["problems"])


async def test_an_adapter_pointer_to_nowhere_costs_the_adapter_and_nothing_else(
    window: FakeEditor, shared_state: Path, project: Path
) -> None:
    find_workspace(project, shared_state).current.write_text("v9", encoding="utf-8")
    async with rooted(window, project) as editor:
        uri = editor.open(project / "new.py", KNOWN)
        assert await editor.inline(uri, len(KNOWN))
        status = await editor.execute("habitus.status")
        assert status["adapter"] is None
        assert any("rollback" in problem for problem in status["problems"])


async def test_nothing_pops_up_at_the_user_whatever_is_sent(
    editor: FakeEditor, project: Path
) -> None:
    editor.write_raw(b"{this is not json")
    editor.notify("textDocument/didChange", {"textDocument": 7})
    editor.notify("textDocument/didShowCompletion", {"item": None})
    await editor.execute("habitus.status")
    assert editor.notifications["window/showMessage"] == []
