"""How many rows there are, without counting them.

Promises answers whose cost does not grow with the store: triggers keep the numbers of
`counts`, and `count_lessons` looks only at what is newer than asked.
"""

from __future__ import annotations

from habitus_server.records import Outcome, State
from habitus_server.store.access import Access

TABLES = (
    "suggestions",
    "patterns",
    "cycles",
    "landings",
    "fixes",
    "decisions",
    "tasks",
    "rejections",
)
"""The tables that are counted by name."""


class Tallies(Access):
    """The table `tallies`."""

    def counts(self) -> dict[str, int]:
        """How many rows: each table by name, each state, each outcome, and `rated`."""
        names = (*(one.value for one in (*State, *Outcome)), *TABLES, "rated")
        return dict.fromkeys(names, 0) | dict(self._read("SELECT name, count FROM tallies"))

    def count_lessons(self, since: float) -> int:
        """How many lessons there are since then.

        Suggestions that settled or were rated, code that came to rest, fixes, and
        decisions made or changed.
        """
        rows = self._read(
            "SELECT (SELECT count(*) FROM suggestions WHERE settled_at > ?1)"
            " + (SELECT count(*) FROM suggestions WHERE rated_at > ?1"
            "    AND coalesce(settled_at, ?1) <= ?1)"
            " + (SELECT count(*) FROM patterns WHERE settled_at > ?1)"
            " + (SELECT count(*) FROM fixes WHERE settled_at > ?1)"
            " + (SELECT count(*) FROM decisions WHERE changed_at > ?1)",
            (since,),
        )
        return int(rows[0][0])
