"""Through which everything that runs for the user runs.

Promises that each command and code action leaves one `Task` with its input, its result or
error, and how long it took, and that the record never delays or breaks what it records:
rows are redacted and written behind it. Where nothing is recorded, things run all the
same. What happens outside the editor (saves, test runs, commits) is noted here too. It
does not know what it runs.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

import msgspec

from habitus_server.errors import StoreError
from habitus_server.records import Task, TaskFile, TaskKind
from habitus_server.redaction import redact

log = logging.getLogger(__name__)

MAX_CHARS = 2_000
"""Kept of an input or a result; cut once it is redacted, so that no half secret is left."""

MOST_CHARS = 32_768

STEPS = frozenset({TaskKind.SAVE, TaskKind.TEST, TaskKind.COMMIT})
"""The steps of the developer's own work: after each the learner asks whether a cycle is due."""


class Book(Protocol):
    """Where tasks are kept."""

    def add_task(self, task: Task, files: Sequence[TaskFile] = ()) -> Future[int]:
        """Remember what ran."""

    def note_step(self, at: float) -> Future[None]:
        """Tell the learner that a step of the work was done."""


class Rules(Protocol):
    """What may be stored; called off the event loop."""

    def why_not_stored(self, path: str, language: str = "") -> str:
        """Why nothing of a file is stored, or ""."""


class Executor:
    """What runs in one workspace of one window; calls on the event loop."""

    def __init__(
        self,
        window_id: str,
        clock: Callable[[], float],
        is_paused: Callable[[], bool] = lambda: False,
    ) -> None:
        self._window_id = window_id
        self._clock = clock
        self._is_paused = is_paused
        self._book: Book | None = None
        self._rules: Rules | None = None
        self._writing: set[asyncio.Task[None]] = set()

    def attach(self, book: Book, rules: Rules) -> None:
        """Record from now on."""
        self._book, self._rules = book, rules

    async def run(
        self,
        kind: TaskKind,
        name: str,
        given: Any,
        work: Callable[[], Awaitable[Any]],
        *,
        files: Sequence[str] = (),
        unless_empty: bool = False,
    ) -> Any:
        """Run something and return what it returns, or raise what it raises.

        With `unless_empty` an empty result leaves no task: editors ask for code actions
        wherever the cursor goes.
        """
        started_at, begun = self._clock(), time.perf_counter()
        result: Any = None
        failed: str | None = None
        try:
            result = await work()
        except asyncio.CancelledError:
            failed = "Cancelled."
            raise
        except Exception as error:
            failed = str(error) or type(error).__name__
            raise
        finally:
            if result or failed is not None or not unless_empty:
                self.note(
                    Task(
                        kind=kind,
                        name=name,
                        input=_told(given),
                        result=_told(result),
                        error=failed,
                        succeeded=failed is None and not _is_refusal(result),
                        started_at=started_at,
                        duration_s=time.perf_counter() - begun,
                        window=self._window_id,
                    ),
                    [TaskFile(path) for path in files],
                )
        return result

    def happened(
        self,
        kind: TaskKind,
        name: str,
        *,
        told: str = "",
        result: str = "",
        succeeded: bool | None = None,
        duration_s: float = 0.0,
        files: Sequence[TaskFile] = (),
    ) -> None:
        """Note what ran elsewhere and has just ended: a save, a test run, a commit."""
        at = self._clock() - duration_s
        self.note(
            Task(kind, name, told, result, None, succeeded, at, duration_s, self._window_id), files
        )

    def note(self, task: Task, files: Sequence[TaskFile] = ()) -> None:
        """Record a task behind the caller's back."""
        if self._book is None or self._rules is None or self._is_paused():
            return
        writing = asyncio.get_running_loop().create_task(
            self._write(self._book, self._rules, task, files)
        )
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)

    async def flush(self) -> None:
        """Return when everything up to now is on disk, or known not to be."""
        if self._writing:
            await asyncio.wait(tuple(self._writing))

    async def _write(self, book: Book, rules: Rules, task: Task, files: Sequence[TaskFile]) -> None:
        def prepare() -> tuple[Task, list[TaskFile]]:
            cleaned = msgspec.structs.replace(
                task,
                input=redact(task.input)[:MAX_CHARS],
                result=redact(task.result)[:MAX_CHARS],
                error=None if task.error is None else redact(task.error)[:MAX_CHARS],
            )
            return cleaned, [one for one in files if not rules.why_not_stored(one.path)]

        cleaned, allowed = await asyncio.to_thread(prepare)
        if files and not allowed:
            return  # It was about nothing that may be known.
        try:
            await asyncio.wrap_future(book.add_task(cleaned, allowed))
            if task.kind in STEPS:
                await asyncio.wrap_future(book.note_step(task.started_at))
        except StoreError as error:
            log.warning("%s", error)


def _told(value: Any) -> str:
    """A value as JSON, cut; "" for nothing."""
    if value is None:
        return ""
    try:
        return msgspec.json.encode(value).decode()[:MOST_CHARS]
    except (TypeError, msgspec.MsgspecError):
        return type(value).__name__


def _is_refusal(result: Any) -> bool:
    """Whether a command's answer says that it did nothing, and why."""
    return isinstance(result, dict) and bool(result.get("reason"))
