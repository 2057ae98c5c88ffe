"""The engine as windows see it: one for all, restarted when it dies, absent without harm."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path

import psutil

from fake_editor import FakeEditor, RequestError, editing

KNOWN = "def area_of_circle(radius):\n    return "
REST = "3.14 * radius * radius"


def engines(state: Path) -> list[psutil.Process]:
    """Every engine process of a state folder."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "habitus_server.engine" in words and str(state) in words:
            found.append(process)
    return found


async def test_two_windows_share_one_engine_and_each_stays_small(
    state: Path, project: Path, tmp_path: Path, model: Path
) -> None:
    second = tmp_path / "second"
    second.mkdir()
    flags = ("--model", str(model), "--no-learn", "--replay-clock")
    async with (
        editing(project, flags=flags, state=state) as one,
        editing(second, flags=flags, state=state) as two,
    ):
        await asyncio.gather(one.ready(), two.ready())
        await asyncio.gather(one.flush(), two.flush())
        uri = one.open(project / "new.py", KNOWN)
        assert [item["insertText"] for item in await one.inline(uri, len(KNOWN))] == [REST]
        # The other window has a workspace, and so a memory, of its own.
        other = two.open(second / "new.py", KNOWN)
        offered = await two.inline(other, len(KNOWN), invoked=True)
        assert REST not in [item["insertText"] for item in offered]
        assert len(engines(state)) == 1
        for window in (one, two):
            assert psutil.Process(window.process.pid).memory_info().rss < 100 * 2**20
            assert "libtorch" not in _mapped(window)


def _mapped(window: FakeEditor) -> str:
    """Every library that a window's server has loaded."""
    return Path(f"/proc/{window.process.pid}/maps").read_text(encoding="utf-8")


async def test_an_engine_killed_at_work_costs_one_suggestion(
    state: Path, project: Path, model: Path
) -> None:
    flags = ("--model", str(model), "--no-learn", "--replay-clock")
    async with editing(project, flags=flags, state=state) as editor:
        await editor.ready()
        await editor.flush()
        uri = editor.open(project / "new.py", KNOWN)
        (engine,) = engines(state)
        # Stopped first, so that the request is at work when it dies.
        engine.send_signal(signal.SIGSTOP)
        _, reply = editor.send(
            "textDocument/inlineCompletion", editor.inline_params(uri, len(KNOWN))
        )
        await asyncio.sleep(0.2)
        engine.send_signal(signal.SIGKILL)
        assert await asyncio.wait_for(reply, 10) is None
        await editor.ready()
        await editor.flush()
        (item,) = await editor.inline(uri, len(KNOWN))
        assert item["insertText"] == REST, "the new engine's memory was filled again"
        (restarted,) = engines(state)
        assert restarted.pid != engine.pid


async def test_a_model_that_is_not_there_costs_the_suggestions_and_says_why(
    state: Path, project: Path, tmp_path: Path
) -> None:
    flags = ("--model", str(tmp_path / "nowhere"), "--no-learn", "--device", "cpu")
    async with editing(project, flags=flags, state=state) as editor:
        shown = await editor.wait_for("didChangeStatus", lambda status: status["kind"] == "Error")
        assert "nowhere" in shown["message"]
        uri = editor.open(project / "new.py", KNOWN)
        assert await editor.inline(uri, len(KNOWN)) == []
        assert editor.notifications["window/showMessage"] == []


async def test_loading_is_shown_as_progress_to_an_editor_that_can_show_it(
    state: Path, project: Path, model: Path
) -> None:
    flags = ("--model", str(model), "--no-learn")
    async with editing(project, flags=flags, state=state) as editor:
        await editor.ready()
        done = await editor.wait_for("$/progress", lambda told: told["value"]["kind"] == "end")
        kinds = [
            told["value"]["kind"]
            for told in editor.notifications["$/progress"]
            if told["token"] == done["token"]
        ]
        assert kinds[0] == "begin"
        assert kinds.count("end") == 1


async def test_an_editor_without_progress_is_told_by_status_alone(
    shared_state: Path, project: Path, model: Path
) -> None:
    editor = await FakeEditor.start("--model", str(model), "--no-learn", state=shared_state)
    try:
        await editor.initialize(project, progress=False)
        await editor.ready()
        assert editor.notifications["window/workDoneProgress/create"] == []
        assert await editor.shutdown() == 0
    finally:
        await editor.kill()


async def test_a_window_that_loses_its_editor_ends(
    shared_state: Path, project: Path, model: Path
) -> None:
    editor = await FakeEditor.start("--model", str(model), "--no-learn", state=shared_state)
    await editor.initialize(project)
    assert editor.process.stdin is not None
    editor.process.stdin.close()
    assert await asyncio.wait_for(editor.process.wait(), 15) == 0


async def test_without_a_replay_clock_nobody_may_set_the_time_or_ask_for_scores(
    shared_state: Path, project: Path, model: Path
) -> None:
    async with editing(
        project, flags=("--model", str(model), "--no-learn"), state=shared_state
    ) as editor:
        uri = editor.open(project / "new.py", KNOWN)
        place = {"textDocument": {"uri": uri}, "position": {"line": 0, "character": 0}}
        for method in ("habitus/score", "habitus/flush"):
            refused = None
            try:
                await editor.request(method, {**place, "text": "x"})
            except RequestError as error:
                refused = error.code
            assert refused == -32601


async def test_the_log_holds_no_source_code(shared_state: Path, project: Path, model: Path) -> None:
    flags = ("--model", str(model), "--no-learn", "--replay-clock", "--log-level", "debug")
    async with editing(project, flags=flags, state=shared_state) as editor:
        await editor.ready()
        await editor.flush()
        uri = editor.open(project / "new.py", KNOWN)
        await editor.inline(uri, len(KNOWN), invoked=True)
        editor.write_raw(b'{"jsonrpc": "2.0", "method": "area_of_circle')
        with contextlib.suppress(RequestError):
            await editor.request("textDocument/inlineCompletion", {"radius": "area_of_circle"})
    logs = "".join(editor.errors) + "".join(
        path.read_text(encoding="utf-8") for path in (shared_state / "logs").glob("serve.log*")
    )
    assert "area_of_circle" not in logs
    assert (shared_state / "logs" / "serve.log").stat().st_mode & 0o077 == 0
