"""Inline and ordinary completion, through a real server and a real engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from fake_editor import FakeEditor, RequestError, editing, units

pytestmark = pytest.mark.asyncio(loop_scope="session")

KNOWN = "def area_of_circle(radius):\n    return "
REST = "3.14 * radius * radius"
REQUEST_CANCELLED = -32800


async def test_what_the_project_says_elsewhere_is_offered_as_ghost_text(
    editor: FakeEditor, project: Path
) -> None:
    uri = editor.open(project / "new.py", KNOWN)
    items = await editor.inline(uri, len(KNOWN))
    assert [item["insertText"] for item in items] == [REST]
    here = editor.position(uri, len(KNOWN))
    assert items[0]["range"] == {"start": here, "end": here}


async def test_ghost_text_asked_for_by_hand_brings_different_alternatives(
    editor: FakeEditor, project: Path
) -> None:
    uri = editor.open(project / "new.py", KNOWN)
    texts = [item["insertText"] for item in await editor.inline(uri, len(KNOWN), invoked=True)]
    assert 1 <= len(texts) <= 3
    assert len(set(texts)) == len(texts)


async def test_the_popup_offers_the_same_text_after_the_word_being_typed(
    editor: FakeEditor, project: Path
) -> None:
    uri = editor.open(project / "new.py", KNOWN + "3.14 * rad")
    reply = await editor.completion(uri, len(editor.texts[uri]))
    assert reply["isIncomplete"] is True
    (item,) = reply["items"]
    assert item["preselect"] is False
    assert item["textEdit"]["newText"] == "radius * radius"
    start = item["textEdit"]["range"]["start"]
    assert editor.offset(uri, start) == len(KNOWN + "3.14 * ")
    assert item["command"]["command"] == "habitus.accept"


async def test_what_is_typed_of_a_suggestion_is_not_asked_for_again(
    editor: FakeEditor, project: Path
) -> None:
    uri = editor.open(project / "new.py", KNOWN)
    (offered,) = await editor.inline(uri, len(KNOWN))
    before = (await editor.execute("habitus.status"))["answered"]
    cursor = editor.type(uri, len(KNOWN), REST[:3])
    (rest,) = await editor.inline(uri, cursor)
    after = (await editor.execute("habitus.status"))["answered"]
    assert rest["insertText"] == REST[3:]
    assert rest["command"]["arguments"][0] == {
        "id": offered["command"]["arguments"][0]["id"],
        "typed": 3,
        "lead": 0,
        "source": "typedThrough",
    }
    assert after == {**before, "typedThrough": before["typedThrough"] + 1}


async def test_the_remainder_is_asked_for_anew_when_something_else_is_typed(
    editor: FakeEditor, project: Path
) -> None:
    uri = editor.open(project / "new.py", KNOWN)
    await editor.inline(uri, len(KNOWN))
    before = (await editor.execute("habitus.status"))["answered"]
    await editor.inline(uri, editor.type(uri, len(KNOWN), "zz"))
    after = (await editor.execute("habitus.status"))["answered"]
    assert after["engine"] == before["engine"] + 1


async def test_an_item_selected_in_the_popup_begins_the_ghost_text(
    editor: FakeEditor, project: Path
) -> None:
    uri = editor.open(project / "new.py", KNOWN + "3.14 * ra")
    start = editor.position(uri, len(KNOWN + "3.14 * "))
    params = editor.inline_params(uri, len(editor.texts[uri]))
    span = {"start": start, "end": params["position"]}
    params["context"]["selectedCompletionInfo"] = {"range": span, "text": "radius"}
    (item,) = (await editor.request("textDocument/inlineCompletion", params))["items"]
    assert item["range"] == span
    assert item["insertText"] == "radius * radius"


async def test_a_cancelled_request_is_answered_as_cancelled_and_the_next_one_works(
    editor: FakeEditor, project: Path
) -> None:
    uri = editor.open(project / "new.py", KNOWN)
    request, reply = editor.send(
        "textDocument/inlineCompletion", editor.inline_params(uri, len(KNOWN), invoked=True)
    )
    editor.cancel(request)
    with pytest.raises(RequestError) as refused:
        await reply
    assert refused.value.code == REQUEST_CANCELLED
    assert await editor.inline(uri, len(KNOWN))


async def test_a_newer_request_takes_the_place_of_an_older_one(
    editor: FakeEditor, project: Path
) -> None:
    uri = editor.open(project / "new.py", KNOWN)
    older = [
        editor.send("textDocument/inlineCompletion", editor.inline_params(uri, offset))[1]
        for offset in (5, 10, 15)
    ]
    (newest,) = await editor.inline(uri, len(KNOWN))
    assert newest["insertText"] == REST
    assert [await reply for reply in older] == [None, None, None]


async def test_ghost_text_and_popup_for_the_same_key_share_one_answer(
    editor: FakeEditor, project: Path
) -> None:
    uri = editor.open(project / "new.py", KNOWN)
    before = (await editor.execute("habitus.status"))["answered"]["engine"]
    place = {"textDocument": {"uri": uri}, "position": editor.position(uri, len(KNOWN))}
    _, popup = editor.send("textDocument/completion", place)
    (ghost,) = await editor.inline(uri, len(KNOWN))
    (entry,) = (await popup)["items"]
    assert ghost["command"]["arguments"][0]["id"] == entry["command"]["arguments"][0]["id"]
    assert (await editor.execute("habitus.status"))["answered"]["engine"] == before + 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
async def test_positions_count_as_was_negotiated(
    encoding: str, shared_state: Path, project: Path, model: Path
) -> None:
    flags = ("--model", str(model), "--no-learn", "--replay-clock")
    async with editing(project, flags=flags, state=shared_state, encodings=[encoding]) as editor:
        assert editor.encoding == encoding
        await editor.ready()
        await editor.flush()
        sign = "é𝛑 = '😀'; "
        uri = editor.open(project / "new.py", "# 😀é\f\n" + KNOWN)
        editor.edit(uri, 2, 3, "😀😀")
        line_start = editor.texts[uri].rindex("\n") + 1
        editor.edit(uri, line_start + 4, line_start + 4, sign)
        end = len(editor.texts[uri])
        (item,) = await editor.inline(uri, end)
        assert item["range"]["start"] == editor.position(uri, end)
        assert item["range"]["start"]["character"] == units("    " + sign + "return ", encoding)
        # The server's text is ours: what we type of the suggestion is recognised as such.
        cursor = editor.type(uri, end, item["insertText"][:2])
        (rest,) = await editor.inline(uri, cursor)
        assert rest["command"]["arguments"][0]["source"] == "typedThrough"


async def test_every_text_file_gets_suggestions(editor: FakeEditor, project: Path) -> None:
    words = "the quick brown fox jumps over the lazy dog\n"
    editor.open(project / "notes.md", words * 3, language="markdown")
    await editor.flush()
    begun = "the quick brown"
    uri = editor.open(project / "more.md", begun, language="markdown")
    (item,) = await editor.inline(uri, len(begun))
    assert item["insertText"].startswith(" fox jumps")
