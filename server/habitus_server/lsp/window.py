"""One editor window, before and after its rooms are built.

Holds what is known when `initialize` is answered; the rooms, and all that they import,
come with the first message that needs them.
"""

from __future__ import annotations

import asyncio
import secrets
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from habitus_server import config as settings
from habitus_server.errors import UserError
from habitus_server.lsp.outbox import Outbox
from habitus_server.options import Options
from habitus_server.workspaces import state_dir

if TYPE_CHECKING:
    from habitus_server.lsp.rooms import Rooms


class Window:
    """What the editor and the flags said, and the way to the rooms."""

    def __init__(self, options: Options, outbox: Outbox) -> None:
        self.id = secrets.token_hex(8)
        self.options = options
        self.outbox = outbox
        self.config, self.problems = settings.load(options.settings())
        self.state = self._find_state(options.state_dir)
        self.encoding = "utf-16"
        self.folder_uris: list[str] = []
        self.checks_versions = False

    @cached_property
    def rooms(self) -> Rooms:
        """Everything behind the handlers."""
        from habitus_server.lsp.rooms import Rooms

        return Rooms(self)

    async def start(self) -> None:
        """Build the rooms without stopping the loop, and start what runs by itself."""
        # Before the first thread: an arena once made is there to stay.
        from habitus_server.lsp import arenas, turns

        arenas.limit()
        turns.shorten()
        await asyncio.to_thread(import_module, "habitus_server.lsp.rooms")
        await self.rooms.start()

    async def close(self) -> None:
        """Settle and write everything."""
        if "rooms" in self.__dict__:
            await self.rooms.close()

    def leave(self) -> None:
        """Last words when the loop is gone: write what is known, however we got here."""
        if "rooms" in self.__dict__:
            self.rooms.leave()

    def _find_state(self, chosen: Path | None) -> Path:
        try:
            return state_dir(chosen)
        except UserError as error:
            import tempfile

            self.problems.append(f"{error} Until then nothing is kept.")
            return Path(tempfile.mkdtemp(prefix="habitus-"))
