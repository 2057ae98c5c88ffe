"""Python documents, checked in the background.

Promises the findings of the `ruff` that is installed with Habitus, about a text as it stands
in the editor: no settings, cache or binary of the workspace takes part. One check runs at a
time, on the newest text, once its document has been left alone for a moment; one that takes
too long is killed. Files that the workspace's rules refuse are not checked.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import msgspec

from habitus_server.diagnostics import ERROR, WARNING, Diagnostic
from habitus_server.positions import Position, PositionEncoding
from habitus_server.session import Document
from habitus_server.text import Buffer

log = logging.getLogger(__name__)

SOURCE = "Ruff"
LANGUAGES = frozenset({"python"})
DEBOUNCE_S = 1.0
TIMEOUT_S = 5.0
MAX_CHARS = 1_000_000
RULES = "E9,F"
"""What cannot run, and names that are unknown or unused; no question of style."""
NOISE = "F403,F405"
"""Star imports: said once for every name of a file, and seldom repaired."""
_SERIOUS = ("E9", "F5", "F6", "F7", "F82", "invalid-syntax")

OnFound = Callable[[Document, list[Diagnostic]], None]
WhyNot = Callable[[str, str], str]
"""Why a path in a language is refused, or ""; called off the event loop."""


class _Place(msgspec.Struct):
    row: int
    column: int


class _Finding(msgspec.Struct):
    message: str
    location: _Place
    end_location: _Place
    code: str | None = None


class Linter:
    """The checks of one window's documents; all calls on the event loop."""

    def __init__(
        self, folder: Path, why_not: WhyNot, on_found: OnFound, *, debounce_s: float = DEBOUNCE_S
    ) -> None:
        """`folder` is where the checker runs, away from every workspace."""
        self._folder = folder
        self._why_not = why_not
        self._on_found = on_found
        self._debounce_s = debounce_s
        self._waiting: dict[str, Document] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._checking = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._binary: str | None = None

    def changed(self, document: Document) -> None:
        """A document has a new text."""
        uri = document.uri
        self.forget(uri)
        if document.language not in LANGUAGES or len(document.buffer) > MAX_CHARS:
            return
        self._waiting[uri] = document
        loop = asyncio.get_running_loop()
        self._timers[uri] = loop.call_later(self._debounce_s, lambda: self._begin(uri))

    def forget(self, uri: str) -> None:
        """A document is not to be checked any more."""
        if timer := self._timers.pop(uri, None):
            timer.cancel()
        self._waiting.pop(uri, None)

    def close(self) -> None:
        """Stop checking; a check at work is killed."""
        for uri in tuple(self._waiting):
            self.forget(uri)
        for task in self._tasks:
            task.cancel()

    def _begin(self, uri: str) -> None:
        task = asyncio.get_running_loop().create_task(self._check(uri))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _check(self, uri: str) -> None:
        async with self._checking:
            self._timers.pop(uri, None)
            document = self._waiting.pop(uri, None)
            if document is None:
                return
            if await asyncio.to_thread(self._why_not, document.path, document.language):
                return
            findings = await self._run(document.buffer)
            if findings is not None:
                self._on_found(document, findings)

    async def _run(self, buffer: Buffer) -> list[Diagnostic] | None:
        """What the checker says; None where it could not be asked."""
        if self._binary is None:
            self._binary = await asyncio.to_thread(find_checker)
        if not self._binary:
            return None
        try:
            process = await asyncio.create_subprocess_exec(
                self._binary,
                *("check", "--isolated", "--no-cache", "--quiet", "--output-format", "json"),
                *("--select", RULES, "--ignore", NOISE, "--target-version", "py314"),
                *("--stdin-filename", "document.py", "-"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                cwd=self._folder,
                env={"RAYON_NUM_THREADS": "1"},
            )
        except OSError as error:
            log.warning("Python files are not checked: %s", error)
            return None
        try:
            text = buffer.text.encode("utf-8", "replace")
            answer, _ = await asyncio.wait_for(process.communicate(text), TIMEOUT_S)
            return read_findings(answer, buffer)
        except (TimeoutError, msgspec.MsgspecError) as error:
            log.info("A check gave no answer: %s", type(error).__name__)
            return None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


def find_checker() -> str:
    """The checker that is installed with Habitus, or ""."""
    try:
        from ruff import find_ruff_bin

        return str(find_ruff_bin())
    except (ImportError, FileNotFoundError) as error:
        log.warning("Python files are not checked: %s", error)
        return ""


def read_findings(answer: bytes, buffer: Buffer) -> list[Diagnostic]:
    """The checker's JSON as diagnostics; its rows and columns count from one, in code points."""
    return [
        Diagnostic(
            message=one.message,
            start=_offset(one.location, buffer),
            end=_offset(one.end_location, buffer),
            source=SOURCE,
            code=one.code or "",
            severity=ERROR if (one.code or "E9").startswith(_SERIOUS) else WARNING,
        )
        for one in msgspec.json.decode(answer, type=list[_Finding])
    ]


def _offset(place: _Place, buffer: Buffer) -> int:
    position = Position(place.row - 1, place.column - 1)
    return buffer.offset_at(position, PositionEncoding.UTF32)
