"""What happens around the documents of one workspace folder, joined.

Brings together whoever watches from outside the editor and the executor that notes it.
Until it is attached, and where nothing is recorded, it sees nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from habitus_server.checkups import Checkups
from habitus_server.config import Witness
from habitus_server.executor import Executor
from habitus_server.lsp.testing import RunWitness
from habitus_server.lsp.witness import GitWitness, Lead
from habitus_server.recorder import Recorder
from habitus_server.records import TaskFile, TaskKind
from habitus_server.session import Saved, Step
from habitus_server.testruns import readers
from habitus_server.watcher import Burst

if TYPE_CHECKING:
    from habitus_server.library import Library
    from habitus_server.store import Store
    from habitus_server.workspaces import Workspace


class Outside:
    """One root's outside; all calls on the event loop."""

    def __init__(
        self,
        folder: Path,
        window_id: str,
        clock: Callable[[], float],
        is_paused: Callable[[], bool],
    ) -> None:
        self.executor = Executor(window_id, clock, is_paused)
        self._folder = folder
        self._clock = clock
        self._is_paused = is_paused
        self._lead: Lead | None = None
        self._git: GitWitness | None = None
        self._tests: RunWitness | None = None
        self._recorder: Recorder | None = None
        self._telling: set[asyncio.Task[None]] = set()

    async def attach(
        self,
        workspace: Workspace,
        store: Store,
        library: Library,
        recorder: Recorder,
        checkups: Checkups | None,
        settings: Witness,
    ) -> None:
        """Begin to see and to note."""
        self._recorder = recorder
        self.executor.attach(store, library)
        self._lead = Lead(workspace.witness_lock)
        self._git = GitWitness(
            self._folder, recorder, self.executor, self._clock, self._lead, checkups
        )
        await self._git.attach(store)
        self._tests = RunWitness(
            self._folder, library, recorder, self.executor, self._lead, readers(settings.junit)
        )
        await self._tests.start()

    def took(self, step: Step) -> None:
        """Something happened to a document: a save is a step of the work."""
        if isinstance(step.event, Saved):
            files = [TaskFile(step.document.path)]
            self.executor.happened(TaskKind.SAVE, "save", succeeded=True, files=files)

    def changed_on_disk(self, burst: Burst) -> None:
        """Files changed outside the editor, results of test runs among them."""
        if self._tests is None or self._recorder is None or self._is_paused():
            return
        self._tests.changed(burst)
        if burst.moved:
            telling = asyncio.create_task(tell_renames(self._recorder, self._folder, burst.moved))
            self._telling.add(telling)
            telling.add_done_callback(self._telling.discard)

    def look(self) -> None:
        """Once a second: see what moved."""
        if self._git is not None and not self._is_paused():
            self._git.look()

    async def settle(self) -> None:
        """Look, and return when what was seen is told and noted."""
        if self._git is not None and not self._is_paused():
            await self._git.settle()
        if self._tests is not None:
            await self._tests.settle()
        await self.executor.flush()

    async def close(self) -> None:
        """See nothing more; what was noted is on disk."""
        if self._git is not None:
            self._git.close()
        if self._lead is not None:
            self._lead.release()
        await self.executor.flush()


async def tell_renames(
    recorder: Recorder, folder: Path, moved: Sequence[tuple[Path, Path]]
) -> None:
    """Files were renamed outside the editor: what stood in the old one stands in the new.

    Editors that save by way of another file rename too, but leave a file under the old name,
    or never had one that anybody knows.
    """

    def real() -> list[tuple[Path, Path]]:
        return [(old, new) for old, new in moved if new.is_file() and not old.exists()]

    for old, new in await asyncio.to_thread(real):
        if new.is_relative_to(folder):
            path = new.relative_to(folder).as_posix()
            recorder.renamed(old.as_uri(), new.as_uri(), path)
