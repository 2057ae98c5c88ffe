"""Code actions for diagnostics, through a real server and a real engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fake_editor import FakeEditor

pytestmark = pytest.mark.asyncio(loop_scope="session")

WRONG = "def area_of_circle(radius):\n    return 3.14 * radios * radius\n"


def undefined_name(editor: FakeEditor, uri: str, name: str) -> dict[str, Any]:
    """What a type checker reports."""
    start = editor.texts[uri].index(name)
    return {
        "range": {
            "start": editor.position(uri, start),
            "end": editor.position(uri, start + len(name)),
        },
        "message": f'"{name}" is not defined',
        "source": "checker",
        "severity": 1,
    }


async def actions(editor: FakeEditor, uri: str, *diagnostics: Any, **context: Any) -> Any:
    """Ask for code actions where the first diagnostic is."""
    where = (
        diagnostics[0]["range"]
        if diagnostics
        else {
            "start": {"line": 0, "character": 0},
            "end": {"line": 0, "character": 0},
        }
    )
    return await editor.request(
        "textDocument/codeAction",
        {
            "textDocument": {"uri": uri},
            "range": where,
            "context": {"diagnostics": list(diagnostics), **context},
        },
    )


async def test_an_undefined_name_is_fixed_the_way_the_project_writes_it(
    editor: FakeEditor, project: Path
) -> None:
    uri = editor.open(project / "new.py", WRONG)
    problem = undefined_name(editor, uri, "radios")
    offered = await actions(editor, uri, problem)
    fixed = [apply(editor, uri, action) for action in offered]
    assert WRONG.replace("radios", "radius") in fixed
    assert {action["kind"] for action in offered} == {"quickfix"}
    assert all(action["diagnostics"] == [problem] for action in offered)


async def test_an_action_is_reported_by_its_command_once_it_is_applied(
    editor: FakeEditor, project: Path
) -> None:
    uri = editor.open(project / "new.py", WRONG)
    offered = await actions(editor, uri, undefined_name(editor, uri, "radios"))
    command = offered[0]["command"]
    assert command["command"] == "habitus.fixApplied"
    answer = await editor.execute(command["command"], command["arguments"][0])
    assert answer == {"applied": offered[0]["title"]}


def apply(editor: FakeEditor, uri: str, action: Any) -> str:
    """The text after an action's edit."""
    (edit,) = action["edit"]["changes"][uri]
    text = editor.texts[uri]
    start = editor.offset(uri, edit["range"]["start"])
    end = editor.offset(uri, edit["range"]["end"])
    return text[:start] + edit["newText"] + text[end:]


async def test_other_kinds_of_action_are_not_offered(editor: FakeEditor, project: Path) -> None:
    uri = editor.open(project / "new.py", WRONG)
    problem = undefined_name(editor, uri, "radios")
    assert await actions(editor, uri, problem, only=["refactor"]) is None


async def test_where_nothing_is_wrong_nothing_is_offered(editor: FakeEditor, project: Path) -> None:
    uri = editor.open(project / "new.py", WRONG)
    assert await actions(editor, uri) == []
