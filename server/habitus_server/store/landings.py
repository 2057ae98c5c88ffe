"""Accepted text that reached a commit, and what a later commit did to it."""

from __future__ import annotations

import sqlite3
from concurrent.futures import Future

from habitus_server.errors import StoreError
from habitus_server.records import Landing, Outcome, State
from habitus_server.store.access import Access
from habitus_server.store.fields import storable

_COLUMNS = "suggestion_id, commit_id, path, text, first_line, committed_at, undone_by, undone_at"


class Landings(Access):
    """The table `landings`."""

    def add_landing(self, landing: Landing) -> Future[None]:
        """Remember that a suggestion reached a commit; a known landing is left alone."""
        row = (
            landing.suggestion_id,
            landing.commit_id,
            landing.path,
            storable(landing.text),
            landing.first_line,
            landing.committed_at,
            landing.undone_by,
            landing.undone_at,
        )

        def write(sql: sqlite3.Connection) -> None:
            sql.execute(
                f"INSERT INTO landings ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?)"
                " ON CONFLICT (suggestion_id, commit_id) DO NOTHING",
                row,
            )
            _touch(sql, landing.suggestion_id, landing.committed_at)

        return self._writer.submit(write)

    def undo_landing(self, suggestion_id: str, commit_id: str, by: str, at: float) -> Future[None]:
        """Remember which commit reverted or removed what had landed."""

        def write(sql: sqlite3.Connection) -> None:
            done = sql.execute(
                "UPDATE landings SET undone_by = ?, undone_at = ?"
                " WHERE suggestion_id = ? AND commit_id = ?",
                (by, at, suggestion_id, commit_id),
            )
            if done.rowcount != 1:
                raise StoreError(
                    f"The store knows no landing of {suggestion_id} in {commit_id}; "
                    "nothing was changed."
                )
            _touch(sql, suggestion_id, at)

        return self._writer.submit(write)

    def landings(self, *, since: float = 0.0) -> list[Landing]:
        """What landed, or was undone, at or after `since`, in order of landing."""
        return self._landings("committed_at >= ?1 OR undone_at >= ?1", (since,))

    def open_landings(self) -> list[Landing]:
        """What landed and was not undone, as far as is known, in order of landing."""
        return self._landings("undone_by IS NULL", ())

    def unlanded(self, *, since: float) -> list[tuple[str, str, str]]:
        """Accepted suggestions that settled since then and never landed.

        By path as it is now, and id, with what stood there. What was typed by hand,
        reverted or censored is left out: nobody knows that it is the suggestion's.
        """
        rows = self._read(
            "SELECT coalesce(moved_to, path), id, final_text FROM suggestions s"
            " WHERE settled_at >= ? AND outcome IN (?, ?) AND state <> ? AND final_text <> ''"
            " AND NOT EXISTS (SELECT 1 FROM landings WHERE suggestion_id = s.id)"
            " ORDER BY settled_at",
            (since, Outcome.KEPT.value, Outcome.EDITED.value, State.TYPED_THROUGH.value),
        )
        return [(str(path), str(suggestion_id), str(text)) for path, suggestion_id, text in rows]

    def _landings(self, where: str, values: tuple[float, ...]) -> list[Landing]:
        rows = self._read(
            f"SELECT {_COLUMNS} FROM landings WHERE {where} ORDER BY committed_at, rowid", values
        )
        return [Landing(*row) for row in rows]


def _touch(sql: sqlite3.Connection, suggestion_id: str, at: float) -> None:
    """Its lesson has changed, so that whoever asks what is new must see it again."""
    sql.execute(
        "UPDATE suggestions SET changed_at = max(changed_at, ?) WHERE id = ?", (at, suggestion_id)
    )
