"""Diagnostics, ratings and decisions through a real server."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from fake_editor import FakeEditor, RequestError
from lsp.rows import KNOWN, REST, Rows, id_of, offer

pytestmark = pytest.mark.asyncio(loop_scope="session")

WRONG = "def area_of_circle(radius):\n    return 3.14 * radios * radius\n"


def report(editor: FakeEditor, uri: str, *words: str, version: int | None = None) -> None:
    """Forward a checker's whole list: it does not know these words."""
    found = []
    for word in words:
        start = editor.texts[uri].index(word)
        found.append(
            {
                "range": {
                    "start": editor.position(uri, start),
                    "end": editor.position(uri, start + len(word)),
                },
                "message": f"`{word}` is not defined",
                "source": "checker",
                "code": 7,
                "severity": 1,
            }
        )
    told = editor.versions[uri] if version is None else version
    editor.notify("habitus/diagnostics", {"uri": uri, "version": told, "diagnostics": found})


def replace(editor: FakeEditor, uri: str, old: str, new: str) -> None:
    at = editor.texts[uri].index(old)
    editor.edit(uri, at, at + len(old), new)


async def settled(editor: FakeEditor) -> None:
    editor.wait(60)
    await editor.flush()


async def test_a_forwarded_diagnostic_that_was_repaired_is_a_stored_fix(
    editor: FakeEditor, project: Path, rows: Rows
) -> None:
    uri = editor.open(project / "😀 repaired.py", "s = '😀'\n" + WRONG)
    report(editor, uri, "radios")
    editor.wait(10)
    replace(editor, uri, "radios", "radius")
    report(editor, uri)
    await settled(editor)
    (row,) = rows.select("SELECT * FROM fixes WHERE path = '😀 repaired.py'")
    assert (row["source"], row["code"], row["approach"]) == ("checker", "7", "by hand")
    assert row["after"] == "    return 3.14 * radius * radius"


async def test_a_report_about_an_older_text_is_left_out(
    editor: FakeEditor, project: Path, rows: Rows
) -> None:
    uri = editor.open(project / "older.py", WRONG)
    report(editor, uri, "radios")
    editor.wait(10)
    replace(editor, uri, "radios", "radius")
    report(editor, uri, version=editor.versions[uri] - 1)
    await settled(editor)
    assert rows.select("SELECT * FROM fixes WHERE path = 'older.py'") == []


async def test_a_repair_in_an_ignored_file_is_not_stored(
    editor: FakeEditor, project: Path, rows: Rows
) -> None:
    (project / ".gitignore").write_text("hidden_here.py\n", encoding="utf-8")
    uri = editor.open(project / "hidden_here.py", WRONG)
    report(editor, uri, "radios")
    editor.wait(10)
    replace(editor, uri, "radios", "radius")
    report(editor, uri)
    await settled(editor)
    assert rows.select("SELECT * FROM fixes WHERE path = 'hidden_here.py'") == []


@pytest.mark.parametrize(
    "params",
    [None, {}, {"uri": 3, "diagnostics": []}, {"uri": "file:///x", "diagnostics": [{"range": 1}]}],
)
async def test_a_report_that_cannot_be_read_costs_nothing_else(
    editor: FakeEditor, project: Path, params: Any
) -> None:
    editor.notify("habitus/diagnostics", params)
    assert (await editor.execute("habitus.status"))["recording"] is True


@pytest.mark.parametrize(("wrong", "count"), [((), 0), (("radius * radius",), 1)])
async def test_a_settled_suggestion_knows_the_diagnostics_on_its_lines(
    editor: FakeEditor, project: Path, rows: Rows, wrong: tuple[str, ...], count: int
) -> None:
    uri = editor.open(project / "new.py", KNOWN)
    report(editor, uri)
    (item,) = await editor.inline(uri, len(KNOWN))
    await editor.accept(uri, item)
    report(editor, uri, *wrong)
    await settled(editor)
    row = rows[id_of(item)]
    assert (row["diagnostics_before"], row["diagnostics_after"]) == (0, count)


async def test_where_no_checker_has_spoken_the_diagnostics_are_unknown(
    editor: FakeEditor, project: Path, rows: Rows
) -> None:
    uri, item = await offer(editor, project)
    await editor.accept(uri, item)
    await settled(editor)
    row = rows[id_of(item)]
    assert (row["diagnostics_before"], row["diagnostics_after"]) == (None, None)


async def test_a_quick_fix_that_was_applied_is_a_code_action(
    editor: FakeEditor, project: Path, rows: Rows
) -> None:
    uri = editor.open(project / "quick.py", WRONG)
    report(editor, uri, "radios")
    editor.wait(10)
    start = editor.position(uri, WRONG.index("radios"))
    end = editor.position(uri, WRONG.index("radios") + 6)
    span = {"start": start, "end": end}
    problem = {"range": span, "message": "`radios` is not defined", "source": "checker"}
    offered = await editor.request(
        "textDocument/codeAction",
        {"textDocument": {"uri": uri}, "range": span, "context": {"diagnostics": [problem]}},
    )
    (edit,) = offered[0]["edit"]["changes"][uri]
    low, high = (editor.offset(uri, edit["range"][side]) for side in ("start", "end"))
    editor.edit(uri, low, high, edit["newText"])
    report(editor, uri)
    await settled(editor)
    (row,) = rows.select("SELECT * FROM fixes WHERE path = 'quick.py'")
    assert row["approach"] == "code action"


async def test_a_rating_is_on_disk_when_its_command_is_answered(
    editor: FakeEditor, project: Path, rows: Rows
) -> None:
    uri, item = await offer(editor, project)
    await editor.accept(uri, item)
    rated = {"id": id_of(item), "rating": "good", "word": "just right"}
    assert (await editor.execute("habitus.rate", rated))["recorded"] is True
    row = rows[id_of(item)]
    assert (row["rating"], row["rating_word"]) == (1, "just right")


async def test_without_an_id_the_suggestion_seen_last_is_rated(
    editor: FakeEditor, project: Path, rows: Rows
) -> None:
    uri, item = await offer(editor, project)
    await editor.accept(uri, item)
    reply = await editor.execute("habitus.rate", {"rating": "bad"})
    assert reply["id"] == id_of(item)
    assert rows[id_of(item)]["rating"] == -1


async def test_a_suggestion_that_was_called_bad_is_not_offered_there_again(
    editor: FakeEditor, project: Path
) -> None:
    uri, item = await offer(editor, project)
    assert item["insertText"] == REST
    await editor.execute("habitus.rate", {"id": id_of(item), "rating": "bad"})
    editor.edit(uri, 0, 0, "\n")
    items = await editor.inline(uri, len(editor.texts[uri]))
    assert REST not in [one["insertText"] for one in items]


async def test_a_rating_of_what_nobody_offered_says_so(editor: FakeEditor, project: Path) -> None:
    reply = await editor.execute("habitus.rate", {"id": "nobody", "rating": "good"})
    assert reply["recorded"] is False
    assert "nobody" in reply["reason"]


async def test_a_rating_is_one_of_two_words(editor: FakeEditor, project: Path) -> None:
    with pytest.raises(RequestError):
        await editor.execute("habitus.rate", {"rating": "splendid"})


async def test_a_decision_and_its_outcome_are_stored_without_secrets(
    editor: FakeEditor, project: Path, rows: Rows
) -> None:
    secret = "ghp_" + "a1B2c3D4" * 4 + "e5F6"
    uri = editor.open(project / "new.py", KNOWN)
    told = {
        "title": "Where tokens are kept",
        "problem": f"token = '{secret}' stood in the code",
        "constraints": ["offline"],
        "options": ["keyring", "a file"],
        "choice": "keyring",
        "reason": "the platform guards it",
        "uri": uri,
    }
    made = await editor.execute("habitus.decide", told)
    assert made["recorded"] is True
    done = {"id": made["id"], "outcome": "no leak since"}
    assert (await editor.execute("habitus.decisionOutcome", done))["recorded"] is True
    (row,) = rows.select("SELECT * FROM decisions WHERE id = ?", made["id"])
    assert (row["origin"], row["path"], row["outcome"]) == ("command", "new.py", "no leak since")
    assert json.loads(row["options"]) == ["keyring", "a file"]
    assert secret not in row["problem"]


async def test_the_outcome_of_an_unknown_decision_says_so(
    editor: FakeEditor, project: Path
) -> None:
    reply = await editor.execute("habitus.decisionOutcome", {"id": "none", "outcome": "fine"})
    assert reply["recorded"] is False


async def test_a_decision_record_is_carried_over_when_its_file_appears(
    editor: FakeEditor, project: Path, rows: Rows
) -> None:
    folder = project / "docs" / "adr"
    folder.mkdir(parents=True)
    await asyncio.sleep(0.5)
    text = "# 1. A record of this test\n\n## Status\n\nAccepted\n\n## Decision\n\nYes.\n"
    (folder / "0001.md").write_text(text, encoding="utf-8")
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(30):
        while not found:
            await asyncio.sleep(0.1)
            found = rows.select("SELECT * FROM decisions WHERE title = 'A record of this test'")
    assert [(row["origin"], row["path"], row["choice"]) for row in found] == [
        ("adr", "docs/adr/0001.md", "Yes.")
    ]
