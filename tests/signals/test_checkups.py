"""Checkups of open documents: with a real checker, a real store, and an editor's reports."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from habitus_server.checkups import Checkups
from habitus_server.config import Config
from habitus_server.diagnostics import Diagnostic
from habitus_server.library import Library
from habitus_server.linter import SOURCE, Linter
from habitus_server.positions import Position
from habitus_server.scribe import Scribe
from habitus_server.session import Changed, Closed, Document, Opened, Session
from habitus_server.store import Store
from habitus_server.text import ContentChange

WRONG = "def area(radius):\n    return 3.14 * radios\n"
RIGHT = WRONG.replace("radios", "radius")


class Desk:
    """One workspace with a file open in it; `now` is its clock."""

    def __init__(self, root: Path, state: Path) -> None:
        self.root, self.state, self.now = root, state, 1_000.0
        self.store = Store.open(state / "signals.db")
        self.library = Library(root, Config(), is_inside=True)
        self.scribe = Scribe()
        self.scribe.attach(self.store, self.library)
        self.session = Session()
        self.session.add_folder(root)
        self.checkups = Checkups(
            "w1", lambda: self.now, self.scribe, spans_of=lambda _: {}, is_paused=lambda: False
        )

    def open(self, name: str, text: str, language: str = "python") -> str:
        uri = (self.root / name).as_uri()
        step = self.session.apply(Opened(uri, language, 1, text))
        assert step is not None
        self.checkups.took(step)
        return uri

    def document(self, uri: str) -> Document:
        document = self.session.document(uri)
        assert document is not None
        return document

    def replace(self, uri: str, old: str, new: str) -> None:
        """One edit of the one place where `old` stands."""
        document = self.document(uri)
        buffer, encoding = document.buffer, self.session.encoding
        at = buffer.text.index(old)
        low, high = (buffer.position_at(place, encoding) for place in (at, at + len(old)))
        change = ContentChange(new, Position(low.line, low.character), high)
        step = self.session.apply(Changed(uri, document.version + 1, (change,)))
        assert step is not None
        self.checkups.took(step)

    def count(self, uri: str) -> int | None:
        return self.checkups._open[uri].book.count(0, len(self.document(uri).buffer))

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not holds():
                await asyncio.sleep(0.02)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    root, state = tmp_path / "project", tmp_path / "state"
    root.mkdir()
    state.mkdir()
    desk = Desk(root, state)
    await desk.checkups.attach(desk.store, state, desk.library.why_silent)
    assert desk.checkups._linter is not None
    desk.checkups._linter._debounce_s = 0.0
    yield desk
    desk.checkups.close()
    await desk.scribe.flush()
    desk.store.close()


def radios(buffer_text: str, source: str = "types") -> Diagnostic:
    at = buffer_text.index("radios")
    return Diagnostic("undefined name `radios`", at, at + 6, source)


async def test_a_repair_that_the_background_checker_saw_is_stored(desk: Desk) -> None:
    uri = desk.open("a.py", WRONG)
    await desk.until(lambda: desk.count(uri) == 1)
    desk.now += 10
    desk.replace(uri, "radios", "radius")
    await desk.until(lambda: desk.count(uri) == 0)
    desk.now += 31
    desk.checkups.tick()
    await desk.scribe.flush()
    (fix,) = desk.store.fixes()
    assert (fix.source, fix.code, fix.path) == (SOURCE, "F821", "a.py")
    assert (fix.before, fix.after) == (
        "    return 3.14 * radios",
        "    return 3.14 * radius",
    )


async def test_the_checker_leaves_nothing_in_the_workspace(desk: Desk) -> None:
    (desk.root / "ruff.toml").write_text('lint.ignore = ["F"]\n', encoding="utf-8")
    uri = desk.open("a.py", WRONG)
    await desk.until(lambda: desk.count(uri) == 1)
    assert [path.name for path in desk.root.iterdir()] == ["ruff.toml"]
    assert [path.name for path in desk.state.glob(".ruff_cache")] == []


async def test_an_editor_that_reports_is_the_only_one_heard(desk: Desk) -> None:
    uri = desk.open("a.py", WRONG)
    desk.checkups.reported(uri, [])
    desk.replace(uri, "area", "surface")
    await asyncio.sleep(0.3)
    assert desk.count(uri) == 0


async def test_a_refused_file_is_not_checked(desk: Desk) -> None:
    (desk.root / ".gitignore").write_text("hidden.py\n", encoding="utf-8")
    hidden = desk.open("hidden.py", WRONG)
    shown = desk.open("shown.py", WRONG)
    await desk.until(lambda: desk.count(shown) == 1)
    assert desk.count(hidden) is None


async def test_a_repair_of_yesterday_is_lowered_when_its_symptom_is_back(desk: Desk) -> None:
    uri = desk.open("a.py", WRONG)
    desk.checkups.reported(uri, [radios(WRONG)])
    desk.now += 10
    desk.replace(uri, "radios", "radius")
    desk.checkups.reported(uri, [])
    desk.now += 31
    desk.checkups.tick()
    await desk.scribe.flush()
    other = Checkups(
        "w2", lambda: desk.now, desk.scribe, spans_of=lambda _: {}, is_paused=lambda: False
    )
    await other.attach(desk.store, None, desk.library.why_silent)
    step = desk.session.apply(Opened(uri, "python", 1, WRONG))
    assert step is not None
    other.took(step)
    desk.now += 3_600
    other.reported(uri, [radios(WRONG)])
    desk.now += 5
    other.tick()
    await desk.scribe.flush()
    assert [(fix.recurrences, fix.effectiveness) for fix in desk.store.fixes()] == [(1, 0.25)]


async def test_a_repair_that_was_forgotten_does_not_return_with_its_symptom(desk: Desk) -> None:
    uri = desk.open("a.py", WRONG)
    desk.checkups.reported(uri, [radios(WRONG)])
    desk.now += 10
    desk.replace(uri, "radios", "radius")
    desk.checkups.reported(uri, [])
    desk.now += 31
    desk.checkups.tick()
    await desk.scribe.flush()
    with sqlite3.connect(desk.state / "signals.db") as sql:
        assert sql.execute("DELETE FROM fixes").rowcount == 1
    desk.replace(uri, "* radius", "* radios")
    desk.checkups.reported(uri, [radios(WRONG)])
    desk.now += 60
    desk.checkups.tick()
    await desk.scribe.flush()
    assert desk.store.fixes() == []


async def test_a_closed_document_settles_nothing(desk: Desk) -> None:
    uri = desk.open("a.py", WRONG)
    desk.checkups.reported(uri, [radios(WRONG)])
    desk.now += 10
    desk.replace(uri, "radios", "radius")
    desk.checkups.reported(uri, [])
    step = desk.session.apply(Closed(uri))
    assert step is not None
    desk.checkups.took(step)
    desk.now += 60
    desk.checkups.tick()
    await desk.scribe.flush()
    assert desk.store.fixes() == []


async def test_offsets_of_the_checker_are_code_points(tmp_path: Path) -> None:
    found: list[Diagnostic] = []
    linter = Linter(
        tmp_path, lambda *_: "", lambda _, diagnostics: found.extend(diagnostics), debounce_s=0
    )
    session = Session()
    text = 's = "😀é"\r\nt = "😀"; u = foo\r\n'
    step = session.apply(Opened((tmp_path / "a.py").as_uri(), "python", 1, text))
    assert step is not None
    linter.changed(step.document)
    async with asyncio.timeout(30):
        while not found:
            await asyncio.sleep(0.02)
    assert [text[one.start : one.end] for one in found] == ["foo"]
