"""One scripted session: what a user does in an editor, and what became of each suggestion.

Promises that a step begins only once the editor has said what the last one did, so that
the fates which a script notes down are true. Editors differ in their `Hands` alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec

from editors.prompter import Prompter
from editors.trace import Fate, Message, Trace, cut, item_text, items_of
from habitus_server.positions import PositionEncoding
from habitus_server.records import Outcome, State
from habitus_server.text import Buffer, ContentChange, replay

CURSOR = "‸"
KEY_S = 0.13
READING_S = 1.2
PATIENCE_S = 40.0
LOOK_S = 0.2
ASKING_S = 4.0
ATTEMPTS = 4


class Hands(Protocol):
    """What a user's hands can do in one editor; texts are typed where the cursor stands."""

    editor: str
    skills: frozenset[str]
    """What this editor can do beyond the rest, by method name."""

    async def screen(self) -> str: ...
    async def shows(self, text: str) -> bool: ...
    async def open(self, path: Path) -> None: ...
    async def go(self, line: int, column: int, offset: int, at_end: bool) -> None: ...
    async def key(self, char: str) -> None: ...
    async def enter(self) -> None: ...
    async def delete(self) -> None: ...
    async def backspace(self) -> None: ...
    async def ask(self) -> None: ...
    async def accept(self, typed: str) -> None: ...
    async def accept_word(self) -> None: ...
    async def browse(self) -> None: ...
    async def browse_back(self) -> None: ...
    async def leave_menu(self) -> None: ...
    async def choose(self) -> None: ...
    async def dismiss(self) -> None: ...
    async def undo(self) -> None: ...
    async def redo(self) -> None: ...
    async def save(self) -> None: ...
    async def close(self) -> None: ...
    async def reformat(self) -> None: ...
    async def paste(self, text: str) -> None: ...
    async def pair_brackets(self) -> None: ...
    async def delete_line(self) -> None: ...
    async def copy_line(self) -> None: ...
    async def put_line(self) -> None: ...


class Log:
    """What has passed the pipe so far."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self.messages: list[Message] = []

    def look(self) -> list[Message]:
        """Everything up to now."""
        if self._path.exists():
            with self._path.open("rb") as log:
                log.seek(self._read)
                whole, newline, _ = log.read().rpartition(b"\n")
            self._read += len(whole) + len(newline)
            lines = whole.splitlines() if newline else []
            self.messages += [msgspec.json.decode(line, type=Message) for line in lines]
        return self.messages

    @property
    def hello(self) -> dict[str, Any]:
        """The editor's `initialize`."""
        return next(m.body for m in self.messages if m.body.get("method") == "initialize")

    @property
    def encoding(self) -> PositionEncoding:
        """What was negotiated."""
        answer = next(
            m.body
            for m in self.messages
            if m.sender == "server" and m.body.get("id") == self.hello["id"] and "result" in m.body
        )
        return PositionEncoding(answer["result"]["capabilities"].get("positionEncoding", "utf-16"))


class Story:
    """A user, an editor, one file, and what the model will say in it."""

    def __init__(self, name: str, hands: Hands, prompter: Prompter, log: Log, root: Path) -> None:
        self.name = name
        self.hands = hands
        self.fates: list[Fate] = []
        self._prompter = prompter
        self._log = log
        self._path = root / f"{name}.py"
        self._typed = ""
        self._offered = ""
        self._first = 0
        self._mirrored = 0
        self._buffer: Buffer | None = None

    # --- before -----------------------------------------------------------------------

    def says(self, after: str, *texts: str) -> None:
        """The model continues `after` with the texts; the first is its suggestion."""
        self._prompter.lines.setdefault(self._path.name, {})[after] = texts
        self._offered = texts[0]

    async def opens(self, marked: str, newline: str = "\n") -> None:
        """Open a file with the cursor in it."""
        assert marked.count(CURSOR) == 1
        # A function of its own: what one scenario turns down must not be missing in another.
        marked = marked.replace("def area(", f"def {self.name}(")
        before, _, after = marked.partition(CURSOR)
        self._path.write_bytes((before + after).replace("\n", newline).encode())
        self._first = self._mirrored = len(self._log.look())
        await self.hands.open(self._path)
        await self._until(lambda: self._text() is not None, "the file is open")
        column = len(before.rpartition("\n")[2])
        at_end = after[:1] in ("", "\n")
        await self.hands.go(before.count("\n"), column, len(before), at_end)
        self._typed = before.rpartition("\n")[2]
        await asyncio.sleep(0.5)

    # --- typing -----------------------------------------------------------------------

    async def types(self, text: str, pace_s: float = KEY_S) -> None:
        """Type at a steady pace."""
        for char in text:
            await (self.hands.enter() if char == "\n" else self.hands.key(char))
            self._typed = "" if char == "\n" else self._typed + char
            await asyncio.sleep(pace_s)

    async def backspaces(self, count: int) -> None:
        """Press backspace."""
        for _ in range(count):
            await self.hands.backspace()
            await asyncio.sleep(KEY_S)

    async def goes(self, to: str, *, behind: bool = False) -> None:
        """Put the cursor where a text stands, or behind it."""
        text = self._text() or ""
        assert text.count(to) == 1, (to, text)
        offset = text.index(to) + (len(to) if behind else 0)
        before = text[:offset].replace("\r\n", "\n")
        at_end = text[offset : offset + 1] in ("", "\r", "\n")
        column = len(before.rpartition("\n")[2])
        await self.hands.go(before.count("\n"), column, len(before), at_end)
        await asyncio.sleep(0.4)

    async def replaces(self, old: str, new: str) -> None:
        """Put the cursor before a text, delete it by keys and type another."""
        await self.goes(old)
        for _ in old:
            await self.hands.delete()
            await asyncio.sleep(KEY_S)
        await self.types(new)
        await self.has(new)

    # --- suggestions ------------------------------------------------------------------

    async def reads(self) -> None:
        """Wait until the editor shows the suggestion, asking where it does not; read it."""
        for _ in range(ATTEMPTS):
            with contextlib.suppress(TimeoutError):
                await self._until(self._is_offered, f"{self._offered!r} is offered", ASKING_S)
                await self._until_shown()
                await asyncio.sleep(READING_S)
                return
            await self.hands.ask()
        raise TimeoutError(f"{self.name}: {self._offered!r} never was on the screen")

    async def accepts(self, *, stands: str | None = None) -> None:
        """Take the suggestion."""
        await self.hands.accept(self._typed)
        await self.has(stands or self._offered)

    def stands(self, text: str) -> bool:
        """Whether a text stands in the document by now."""
        return text in (self._text() or "")

    async def has(self, text: str, *, times: int = 1) -> None:
        """Wait until a text stands in the document as often as that."""
        wanted = text.replace("\r\n", "\n")

        def stands() -> bool:
            return (self._text() or "").replace("\r\n", "\n").count(wanted) == times

        await self._until(stands, f"{text!r} stands {times} times")

    async def has_not(self, text: str) -> None:
        """Wait until a text is gone."""
        await self.has(text, times=0)

    async def pauses(self, seconds: float) -> None:
        """Do nothing."""
        await asyncio.sleep(seconds)

    # --- after ------------------------------------------------------------------------

    def fate(
        self,
        state: State,
        outcome: Outcome | None = None,
        seen: tuple[State, Outcome | None] | None = None,
    ) -> None:
        """Note what was done with the last suggestion, and what its edits alone look like."""
        self.fates.append(Fate(self._offered, state, outcome, seen))

    def trace(self, did: str) -> Trace:
        """The whole session."""
        info = self._log.hello["params"].get("clientInfo", {})
        return Trace(
            name=self.name,
            editor=self.hands.editor,
            client=f"{info.get('name', '')} {info.get('version', '')}".strip(),
            encoding=self._log.encoding.value,
            did=did,
            fates=tuple(self.fates),
            messages=self._own(),
        )

    @property
    def _uri(self) -> str:
        return self._path.as_uri()

    def _own(self) -> tuple[Message, ...]:
        return cut(self._log.look()[self._first :], self._uri, self._path.name)

    def _text(self) -> str | None:
        """The document, as far as the editor has told."""
        messages = self._log.look()
        for message in messages[self._mirrored :]:
            self._mirror(message.body)
        self._mirrored = len(messages)
        return None if self._buffer is None else self._buffer.text

    def _mirror(self, body: dict[str, Any]) -> None:
        params = body.get("params")
        document = params.get("textDocument", {}) if isinstance(params, dict) else {}
        if document.get("uri") != self._uri:
            return
        if body["method"] == "textDocument/didOpen":
            self._buffer = Buffer(document["text"])
        elif body["method"] == "textDocument/didChange" and self._buffer is not None:
            changes = map(to_change, params["contentChanges"])
            self._buffer = replay(self._buffer, changes, self._log.encoding).after

    def _is_offered(self) -> bool:
        fresh = self._log.look()[self._first :]
        items = [item for message in fresh for item in items_of(message.body)]
        return any(self._offered.endswith(item_text(item)) for item in items)

    async def _until_shown(self) -> None:
        first_line = self._offered.partition("\n")[0]
        end = time.monotonic() + ASKING_S
        while not await self.hands.shows(first_line):
            if time.monotonic() > end:
                raise TimeoutError
            await asyncio.sleep(LOOK_S)

    async def _until(
        self, holds: Callable[[], bool], what: str, patience_s: float = PATIENCE_S
    ) -> None:
        end = time.monotonic() + patience_s
        while not holds():
            if time.monotonic() > end:
                raise TimeoutError(f"{self.name}: never came that {what}; text {self._text()!r}")
            await asyncio.sleep(LOOK_S)


def to_change(raw: dict[str, object]) -> ContentChange:
    """A change as it stands on the wire."""
    return msgspec.convert(_flat(raw), ContentChange)


def _flat(raw: dict[str, object]) -> dict[str, object]:
    span = raw.get("range")
    return {"text": raw["text"], **(span if isinstance(span, dict) else {})}
