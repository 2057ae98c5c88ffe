"""Helix 25: a popup menu that inserts what it previews, and reports nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

from editors.terminal import Terminal

_LANGUAGES = """
[language-server.habitus]
command = %(serve)s
args = %(serve_args)s
timeout = 60
[language-server.words]
command = %(words)s
args = %(words_args)s
timeout = 60
[[language]]
name = "python"
language-servers = [
  { name = "habitus", except-features = ["format"] }, "words"
]
roots = [".git"]
auto-format = false
"""


class Helix:
    """Hands on Helix; always in insert mode between two steps."""

    editor = "helix"
    skills = frozenset({"redo", "reformat", "pair_brackets", "browse", "choose"})

    def __init__(self) -> None:
        self._terminal = Terminal(self.editor)

    async def start(self, serve: Sequence[str], words: Sequence[str], project: Path) -> None:
        """Start with a configuration of its own."""
        home = project.parent / "config"
        (home / "helix").mkdir(parents=True, exist_ok=True)
        names = {
            "serve": json.dumps(serve[0]),
            "serve_args": json.dumps(list(serve[1:])),
            "words": json.dumps(words[0]),
            "words_args": json.dumps(list(words[1:])),
        }
        (home / "helix" / "languages.toml").write_text(_LANGUAGES % names, encoding="utf-8")
        (home / "helix" / "config.toml").write_text("", encoding="utf-8")
        command = ("hx", "-w", str(project), str(project / "first.py"))
        await self._terminal.start(command, {"XDG_CONFIG_HOME": str(home)})

    async def end(self) -> None:
        """Leave without saving."""
        await self._terminal.end()

    async def screen(self) -> str:
        """What it shows."""
        return await self._terminal.screen()

    async def shows(self, text: str) -> bool:
        """Whether a text is on the screen."""
        return text in await self.screen()

    async def open(self, path: Path) -> None:
        await self._command(f"open {path}")

    async def go(self, line: int, column: int, offset: int, at_end: bool) -> None:
        await self._command(f"goto {line + 1}")
        await self._terminal.press("g", "h")
        if at_end:
            await self._terminal.press("A")
            return
        if column:
            await self._terminal.write(f"{column}l")
        await self._terminal.press("i")

    async def key(self, char: str) -> None:
        await self._terminal.write(char)

    async def enter(self) -> None:
        await self._terminal.press("Enter")

    async def delete(self) -> None:
        await self._terminal.press("DC")

    async def backspace(self) -> None:
        await self._terminal.press("BSpace")

    async def ask(self) -> None:
        # What the menu shows is put away first: an open menu does not ask again.
        await self._terminal.press("C-c")
        await asyncio.sleep(0.3)
        await self._terminal.press("C-x")

    async def accept(self, typed: str) -> None:
        # Habitus sorts itself last.
        await self._terminal.press("C-p")
        await self._terminal.press("Enter")

    async def browse(self) -> None:
        await self._terminal.press("C-p")

    async def browse_back(self) -> None:
        await self._terminal.press("C-n")

    async def leave_menu(self) -> None:
        await self._terminal.press("C-c")

    async def choose(self) -> None:
        await self._terminal.press("Enter")

    async def dismiss(self) -> None:
        await self._terminal.press("C-c")

    async def undo(self) -> None:
        await self._in_normal_mode("u")

    async def redo(self) -> None:
        await self._in_normal_mode("U")

    async def save(self) -> None:
        await self._command("write")

    async def close(self) -> None:
        await self._command("buffer-close!")

    async def reformat(self) -> None:
        await self._command("format")

    async def paste(self, text: str) -> None:
        await self._terminal.paste(text)

    async def pair_brackets(self) -> None:
        return

    async def delete_line(self) -> None:
        await self._in_normal_mode("x", "d")

    async def copy_line(self) -> None:
        await self._in_normal_mode("x", "y")

    async def put_line(self) -> None:
        await self._in_normal_mode("p")

    async def _in_normal_mode(self, *keys: str) -> None:
        await self._terminal.press("Escape")
        # An Escape with a key right behind it would be Alt and that key.
        await asyncio.sleep(0.4)
        if keys:
            await self._terminal.press(*keys)

    async def _command(self, command: str) -> None:
        await self._in_normal_mode()
        await self._terminal.write(f":{command}")
        await self._terminal.press("Enter")
