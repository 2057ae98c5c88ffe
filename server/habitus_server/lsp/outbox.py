"""What the server says to the editor of its own accord.

Promises that an editor which lacks a capability is not bothered with it, and that
telling the editor something never fails the teller.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from habitus_server.lsp.protocol import HabitusServer

if TYPE_CHECKING:
    from habitus_server.status import Status

log = logging.getLogger(__name__)

CREATE_TIMEOUT_S = 5.0


class Outbox:
    """Notifications and progress towards one editor."""

    def __init__(self, server: HabitusServer) -> None:
        self._server = server
        self._shown: dict[str, Any] | None = None

    def status(self, status: Status) -> None:
        """Tell the editor what to show, when that has changed."""
        shown = {
            "busy": status.busy,
            "message": status.message,
            "kind": status.kind,
            "command": {"title": "Habitus status", "command": "habitus.status", "arguments": [{}]},
        }
        if shown != self._shown:
            self._shown = shown
            self._server.protocol.notify("didChangeStatus", shown)

    @property
    def shows_progress(self) -> bool:
        """Whether the editor said that it can."""
        window = self._server.client_capabilities.window
        return bool(window and window.work_done_progress)

    def progress(self, title: str) -> Progress:
        """A progress bar that appears with its first report."""
        return Progress(self._server, title, is_shown=self.shows_progress)


class Progress:
    """One work-done progress: `report` as often as you like, then `end`."""

    def __init__(self, server: HabitusServer, title: str, *, is_shown: bool) -> None:
        self._server = server
        self._title = title
        self._token = f"habitus-{secrets.token_hex(4)}"
        self._latest: tuple[str, int] | None = None
        self._end: str | None = None
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(self._tell()) if is_shown else None

    def report(self, message: str, fraction: float) -> None:
        """Say how far the work is; only the newest report of a burst is sent."""
        self._latest = (message, round(100 * min(1.0, max(0.0, fraction))))
        self._wake.set()

    def end(self, message: str = "") -> None:
        """Take the bar away."""
        self._end = message
        self._wake.set()

    async def _tell(self) -> None:
        bar = self._server.work_done_progress
        try:
            await asyncio.wait_for(bar.create_async(self._token), CREATE_TIMEOUT_S)
        except (TimeoutError, JsonRpcException) as error:
            log.info("The editor shows no progress: %s", error)
            return
        try:
            bar.begin(self._token, types.WorkDoneProgressBegin(title=self._title, percentage=0))
            while self._end is None:
                await self._wake.wait()
                self._wake.clear()
                if self._latest is not None:
                    message, percent = self._latest
                    bar.report(
                        self._token,
                        types.WorkDoneProgressReport(message=message, percentage=percent),
                    )
            bar.end(self._token, types.WorkDoneProgressEnd(message=self._end or None))
        finally:
            # pygls keeps tokens for ever and refuses one that it has seen.
            bar.tokens.pop(self._token, None)
