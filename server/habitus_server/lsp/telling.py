"""What a window's user is told: the status, and how far the model is loaded.

Promises that the latest reason for silence is in the status until an answer comes.
"""

from __future__ import annotations

import logging

from habitus_server.lsp.outbox import Progress
from habitus_server.lsp.root import Root
from habitus_server.lsp.window import Window
from habitus_server.status import EngineFacts, Facts, Status, describe
from habitus_server.suggest import Suggester

log = logging.getLogger(__name__)


class Telling:
    """One window's words to its user; all calls on the event loop."""

    def __init__(self, window: Window, suggester: Suggester) -> None:
        self._window = window
        self._suggester = suggester
        self._trouble = ""
        self._loading: Progress | None = None

    def tell(self, root: Root | None, engine: EngineFacts, *, is_paused: bool) -> None:
        """Send the status of a workspace, when it changed."""
        self._window.outbox.status(self.describe(root, engine, is_paused=is_paused))

    def describe(self, root: Root | None, engine: EngineFacts, *, is_paused: bool) -> Status:
        """The status of a workspace as it is now."""
        answered = self._suggester.answered
        facts = Facts(
            root=str(root.folder) if root else "",
            model=self._window.config.model,
            engine=engine,
            adapter=root.adapter_version if root else None,
            examples_waiting=root.examples_waiting if root else 0,
            cycle=root.cycle if root else None,
            paused=is_paused,
            not_recording=root.notes.not_recording if root else "No folder is open.",
            memory_files=root.knowledge.memory_files if root else 0,
            answered={source.value: count for source, count in answered.items()},
            problems=[
                *([self._trouble] if self._trouble else []),
                *(root.problems if root else []),
                *self._window.problems,
            ],
        )
        return describe(facts)

    def has_new_trouble(self, trouble: str) -> bool:
        """Take in why there was no answer ("" where there was one); whether that is news."""
        if trouble == self._trouble:
            return False
        if trouble:
            log.warning("No suggestion: %s", trouble)
        self._trouble = trouble
        return True

    def engine_changed(self, facts: EngineFacts) -> None:
        """Show how far the model is loaded, while it is."""
        if facts.state == "loading" and self._loading is None:
            self._loading = self._window.outbox.progress(
                f"Habitus: loading {self._window.config.model}"
            )
        if self._loading is not None:
            self._loading.report(facts.detail, facts.progress)
            if facts.state not in ("starting", "loading"):
                self._loading.end()
                self._loading = None
