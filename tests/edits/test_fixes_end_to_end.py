"""A quick fix through a real server and a real engine, whose tiny model makes no sense.

What is offered must hold all the same: the model's nonsense is refused, and a slip of the
finger is answered with the name that was meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from fake_editor import FakeEditor, editing
from tiny_model import make_tiny_model

BROKEN = "def area(width, height):\n    return widht * height\n"


@pytest.fixture
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("state")
    yield folder
    for process in psutil.process_iter(["cmdline"]):
        if str(folder) in (process.info["cmdline"] or []):
            process.kill()


async def quick_fixes(
    editor: FakeEditor, uri: str, start: int, end: int, *messages: str
) -> list[dict[str, Any]]:
    """The code actions for a stretch, with a diagnostic on it for each message."""
    span = {"start": editor.position(uri, start), "end": editor.position(uri, end)}
    diagnostics = [{"range": span, "message": message, "source": "lint"} for message in messages]
    params = {
        "textDocument": {"uri": uri},
        "range": span,
        "context": {"diagnostics": diagnostics, "only": ["quickfix"]},
    }
    return list(await editor.request("textDocument/codeAction", params) or [])


async def test_a_misspelt_name_is_fixed_and_whole_code_is_left_alone(
    state: Path, tmp_path: Path
) -> None:
    model = make_tiny_model(tmp_path / "model")
    work = tmp_path / "work"
    work.mkdir()
    flags = ("--model", str(model), "--device", "cpu", "--no-learn", "--no-memory")
    async with editing(work, flags=flags, state=state) as editor:
        uri = editor.open(work / "main.py", BROKEN)
        await editor.ready()
        start = BROKEN.index("widht")
        (first, *_) = await quick_fixes(editor, uri, start, start + 5, "undefined name 'widht'")
        assert first["title"] == "Change to `width`"
        assert first["kind"] == "quickfix"
        assert first["diagnostics"][0]["message"] == "undefined name 'widht'"
        ((edit,),) = first["edit"]["changes"].values()
        low, high = (editor.offset(uri, edit["range"][end]) for end in ("start", "end"))
        editor.edit(uri, low, high, edit["newText"])
        assert editor.texts[uri] == BROKEN.replace("widht", "width")
        assert await quick_fixes(editor, uri, 0, 5) == []
