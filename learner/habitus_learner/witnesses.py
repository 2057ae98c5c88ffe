"""What commits and test runs say of a piece of code.

Promises, for code that came to a file at a time, the signs of its quality and the rows
that they rest on. Pure: rows in, values out.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from habitus_learner.examples import row_id
from habitus_learner.quality import Signs
from habitus_server.records import FileResult, Landing, SuggestionRow

TEST_WITHIN_S = 86_400.0
"""A test run later than this after code was written says nothing about that code."""


class Said(msgspec.Struct, frozen=True):
    """Signs of quality, the rows they were read from, and when the last one was undone."""

    signs: Signs
    row_ids: tuple[str, ...]
    undone_at: float | None = None


class Witnesses:
    """A workspace's landings and test results, found by suggestion and by file."""

    def __init__(self, landings: Iterable[Landing] = (), tests: Iterable[FileResult] = ()) -> None:
        self._landings: dict[str, list[Landing]] = {}
        self._tests: dict[str, list[FileResult]] = {}
        for landing in landings:
            self._landings.setdefault(landing.suggestion_id, []).append(landing)
        for result in sorted(tests, key=lambda one: one.task.started_at):
            self._tests.setdefault(result.file.path, []).append(result)

    def of_suggestion(self, row: SuggestionRow) -> Said:
        """All that is known of accepted text."""
        made = row.suggestion
        accepted = row.accepted_text or made.text
        landed = self._landings.get(made.id, [])
        undone = [one.undone_at for one in landed if one.undone_at is not None]
        is_undone = bool(landed) and len(undone) == len(landed)
        tested = self.of_code(row.moved_to or made.path, made.offered_at)
        kept = row.retained_chars
        signs = msgspec.structs.replace(
            tested.signs,
            retained=1.0 if kept is None else kept / max(1, len(accepted)),
            parse_before=row.parse_before,
            parse_after=row.parse_after,
            diagnostics_before=row.diagnostics_before,
            diagnostics_after=row.diagnostics_after,
            has_landed=bool(landed) and not is_undone,
            is_undone=is_undone,
            rating=row.rating,
        )
        ids = [row_id("landing", f"{made.id}@{one.commit_id}") for one in landed]
        return Said(signs, (*ids, *tested.row_ids), max(undone) if is_undone else None)

    def of_code(self, path: str, at: float) -> Said:
        """What the first test run after a time, and within a day, said of a file."""
        for result in self._tests.get(path, ()):
            age = result.task.started_at - at
            if 0.0 <= age <= TEST_WITHIN_S:
                file = result.file
                signs = Signs(tests_passed=file.passed or 0, tests_failed=file.failed or 0)
                return Said(signs, (row_id("task", result.task.id),))
        return Said(Signs(), ())
