"""What test runs say about one workspace folder, noted as tasks.

A run is seen by the files that it leaves. It is a moment at which accepted text is
measured, and one task whose files are the test files of which the run says something
certain, with what they import (see `coverage`).
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from habitus_server.coverage import covered
from habitus_server.executor import Executor
from habitus_server.lsp.witness import Lead
from habitus_server.pulse import Pulse, pulse
from habitus_server.recorder import Recorder
from habitus_server.records import TaskFile, TaskKind
from habitus_server.testruns import Reader, Run
from habitus_server.watcher import Burst

if TYPE_CHECKING:
    from habitus_server.library import Library

log = logging.getLogger(__name__)

MAX_SOURCES = 50
"""Folders right below the root that are looked into for packages."""


class RunWitness:
    """One root's test runs; all calls on the event loop."""

    def __init__(
        self,
        folder: Path,
        library: Library,
        recorder: Recorder,
        executor: Executor,
        lead: Lead,
        readers: Sequence[Reader],
    ) -> None:
        self._folder = folder
        self._library = library
        self._recorder = recorder
        self._executor = executor
        self._lead = lead
        self._readers = readers
        self._seen: dict[str, Pulse | None] = {}
        self._reading: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Learn what is known before the first run."""
        for reader in self._readers:
            await asyncio.to_thread(reader.start, self._folder)

    def changed(self, burst: Burst) -> None:
        """Files changed outside: read those that are results."""
        inside = (path for path in burst.paths if path.is_relative_to(self._folder))
        names = {path.relative_to(self._folder).as_posix() for path in inside}
        # In a storm some names are missing: results that were seen before are looked at.
        names |= self._seen.keys() if burst.is_many else set()
        found = [(one, path) for one in self._readers for path in sorted(names) if one.claims(path)]
        if not found:
            return
        reading = asyncio.create_task(self._read(found))
        self._reading.add(reading)
        reading.add_done_callback(self._reading.discard)

    async def settle(self) -> None:
        """Return when what was seen has been noted."""
        if self._reading:
            await asyncio.wait(tuple(self._reading))

    async def _read(self, found: Sequence[tuple[Reader, str]]) -> None:
        runs = await asyncio.to_thread(self._runs, found)
        if not runs:
            return
        self._recorder.moment("tests")
        if not self._lead.is_held():
            return
        for run in runs:
            files = await asyncio.to_thread(self._with_covered, run.files)
            self._executor.happened(
                TaskKind.TEST,
                run.reader,
                told=run.source,
                result=_summary(run),
                succeeded=run.succeeded,
                duration_s=run.duration_s,
                files=files,
            )

    # In a thread.

    def _runs(self, found: Sequence[tuple[Reader, str]]) -> list[Run]:
        runs: list[Run] = []
        for reader, path in found:
            now = pulse(self._folder / path)
            if now is None or now == self._seen.get(path):
                continue
            self._seen[path] = now
            run = reader.read(self._folder, path)
            if run is not None:
                runs.append(run)
        return runs

    def _with_covered(self, files: Iterable[TaskFile]) -> list[TaskFile]:
        """The test files, and what they import with the counts of all that import it."""
        passed: Counter[str] = Counter()
        failed: Counter[str] = Counter()
        sources = self._sources()
        for file in files:
            text = self._library.read(file.path) or ""
            for path in (file.path, *covered(file.path, text, self._exists, sources)):
                passed[path] += file.passed or 0
                failed[path] += file.failed or 0
        return [TaskFile(path, passed[path], failed[path]) for path in sorted(passed)]

    def _exists(self, path: str) -> bool:
        return (self._folder / path).is_file()

    def _sources(self) -> list[str]:
        try:
            below = sorted(one for one in self._folder.iterdir() if one.is_dir())
        except OSError:
            return []
        return [one.name for one in below if not one.name.startswith(".")][:MAX_SOURCES]


def _summary(run: Run) -> str:
    passed = sum(file.passed or 0 for file in run.files)
    failed = sum(file.failed or 0 for file in run.files)
    return f"{passed} passed, {failed} failed"
