"""A workspace whose own settings change while its window is open, without an engine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from habitus_server.config import WORKSPACE_FILE
from habitus_server.lsp.outbox import Outbox
from habitus_server.lsp.rooms import Rooms
from habitus_server.lsp.root import Root
from habitus_server.lsp.window import Window
from habitus_server.options import Options
from habitus_server.positions import Position
from habitus_server.session import Changed, Opened
from habitus_server.status import Status
from habitus_server.store import Store
from habitus_server.text import ContentChange
from habitus_server.workspaces import find_workspace, state_dir


class Silent(Outbox):
    """An editor that is told nothing."""

    def __init__(self) -> None:
        pass

    def status(self, status: Status) -> None:
        """Nothing to show."""


class Reopened:
    """A window with one document, whose workspace has got other settings."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder, self.state = tmp_path / "project", tmp_path / "state"
        self.folder.mkdir()
        window = Window(Options(learn=False, memory=False, state_dir=self.state), Silent())
        window.folder_uris = [self.folder.as_uri()]
        self.rooms = Rooms(window)
        self.uri = (self.folder / "a.py").as_uri()

    @property
    def root(self) -> Root:
        return self.rooms.roots.of(self.rooms.session.locate(self.uri))

    async def change(self, privacy: str) -> None:
        """Open the document, change the settings, and wait until they hold."""
        self.rooms.apply(Opened(self.uri, "python", 1, "x = 1\n"))
        before = self.root
        await before.ready.wait()
        (self.folder / WORKSPACE_FILE).write_text(f"[privacy]\n{privacy}\n", encoding="utf-8")
        await before.refresh()
        async with asyncio.timeout(20):
            while self.root is before:
                await asyncio.sleep(0.01)
        await self.root.ready.wait()

    def write_by_hand(self) -> None:
        end = Position(1, 0)
        change = ContentChange("total_of_everything = 12345\n", end, end)
        self.rooms.apply(Changed(self.uri, 2, (change,)))

    async def close(self) -> list[str]:
        """Close the window; returns the code that was stored as written by hand."""
        await self.rooms.close()
        store = Store.open(find_workspace(self.folder, state_dir(self.state)).database)
        written = [pattern.text for pattern in store.patterns()]
        store.close()
        return written


@pytest.fixture
def window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reopened:
    monkeypatch.setenv("HABITUS_CONFIG", str(tmp_path / "config.toml"))
    return Reopened(tmp_path)


async def test_settings_that_change_hold_for_what_is_open(window: Reopened) -> None:
    await window.change("record = false")
    assert "privacy.record is off" in window.root.notes.not_recording
    window.write_by_hand()
    assert await window.close() == []


async def test_documents_stay_followed_when_settings_change(window: Reopened) -> None:
    await window.change('exclude = ["b.py"]')
    assert window.root.notes.not_recording == ""
    window.write_by_hand()
    assert await window.close() == ["total_of_everything = 12345"]
