"""A suggestion of one text at one place, and what the store holds of it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from fake_editor import FakeEditor

KNOWN = "def area_of_circle(radius):\n    return "
REST = "3.14 * radius * radius"


class Rows:
    """Suggestions on disk, by id."""

    def __init__(self, state: Path) -> None:
        self._state = state

    def __getitem__(self, suggestion_id: str) -> dict[str, Any]:
        found = self.select("SELECT * FROM suggestions WHERE id = ?", suggestion_id)
        assert len(found) == 1, f"{len(found)} rows for {suggestion_id}"
        return found[0]

    def select(self, query: str, *values: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for database in self._state.glob("workspaces/*/signals.db"):
            if not database.is_file():
                continue
            connection = sqlite3.connect(database)
            connection.row_factory = sqlite3.Row
            found += [dict(row) for row in connection.execute(query, values)]
            connection.close()
        return found


def id_of(item: dict[str, Any]) -> str:
    """The id that an item's command carries."""
    return str(item["command"]["arguments"][0]["id"])


async def offer(editor: FakeEditor, project: Path, name: str = "new.py") -> tuple[str, Any]:
    """Open a file and get its one suggestion."""
    uri = editor.open(project / name, KNOWN)
    (item,) = await editor.inline(uri, len(KNOWN))
    return uri, item
