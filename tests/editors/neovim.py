"""Neovim 0.12, with Habitus' own plugin (ghost text) or with its built-in popup menu."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from editors.terminal import Terminal

CLIENT = Path(__file__).resolve().parents[2] / "editor-clients" / "neovim"

_COMMON = """
vim.opt.shiftwidth = 4
vim.opt.swapfile = false
vim.lsp.config('words', { cmd = %(words)s, filetypes = { 'python' }, root_markers = { '.git' } })
vim.lsp.enable('words')
vim.keymap.set('n', '<F7>', function() vim.lsp.buf.format({ name = 'words' }) end)
"""
_GHOST = """
vim.opt.runtimepath:append(%(client)s)
require('habitus').setup({ cmd = %(serve)s, filetypes = { 'python' }, root_markers = { '.git' } })
"""
_POPUP = """
vim.opt.completeopt = 'menuone,noselect,popup'
vim.lsp.config('habitus', { cmd = %(serve)s, filetypes = { 'python' }, root_markers = { '.git' } })
vim.lsp.enable('habitus')
vim.api.nvim_create_autocmd('LspAttach', { callback = function(event)
  vim.lsp.completion.enable(true, event.data.client_id, event.buf, { autotrigger = true })
  vim.keymap.set('i', '<F2>', vim.lsp.completion.get, { buffer = event.buf })
end })
"""


class Neovim:
    """Hands on Neovim; always in insert mode between two steps."""

    def __init__(self, *, popup: bool) -> None:
        self.editor = "neovim-popup" if popup else "neovim"
        self._popup = popup
        parts = {"browse", "choose"} if popup else {"accept_word", "report_dismissal"}
        self.skills = frozenset({"redo", "reformat", "pair_brackets", *parts})
        self._terminal = Terminal(self.editor)

    async def start(self, serve: Sequence[str], words: Sequence[str], project: Path) -> None:
        """Start with a configuration of its own."""
        names = {"serve": _lua(serve), "words": _lua(words), "client": json.dumps(str(CLIENT))}
        init = project.parent / f"{self.editor}.lua"
        init.write_text((_COMMON + (_POPUP if self._popup else _GHOST)) % names, encoding="utf-8")
        command = ("nvim", "--clean", "-u", str(init), str(project / "first.py"))
        await self._terminal.start(command, {})

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
        await self._command(f"edit {path}")

    async def go(self, line: int, column: int, offset: int, at_end: bool) -> None:
        await self._command(f"call setcursorcharpos({line + 1}, {column + 1})")
        await self._terminal.press("A" if at_end else "i")

    async def key(self, char: str) -> None:
        await self._terminal.write(char)

    async def enter(self) -> None:
        await self._terminal.press("Enter")

    async def delete(self) -> None:
        await self._terminal.press("DC")

    async def backspace(self) -> None:
        await self._terminal.press("BSpace")

    async def ask(self) -> None:
        if self._popup:
            await self._terminal.press("F2")

    async def accept(self, typed: str) -> None:
        if self._popup:
            # Habitus sorts itself last.
            await self._terminal.press("C-p")
            await self._terminal.press("C-y")
        else:
            await self._terminal.press("Tab")

    async def accept_word(self) -> None:
        await self._terminal.press("M-Right")

    async def browse(self) -> None:
        await self._terminal.press("C-p")

    async def browse_back(self) -> None:
        await self._terminal.press("C-n")

    async def leave_menu(self) -> None:
        await self._terminal.press("C-e")

    async def choose(self) -> None:
        await self._terminal.press("C-y")

    async def dismiss(self) -> None:
        await self._terminal.press("C-e" if self._popup else "C-]")

    async def undo(self) -> None:
        await self._terminal.press("Escape", "u")

    async def redo(self) -> None:
        await self._terminal.press("Escape", "C-r")

    async def save(self) -> None:
        await self._command("write")

    async def close(self) -> None:
        await self._command("bdelete!")

    async def reformat(self) -> None:
        await self._terminal.press("Escape", "F7")

    async def paste(self, text: str) -> None:
        await self._terminal.paste(text)

    async def pair_brackets(self) -> None:
        await self._command("inoremap <buffer> ( ()<Left>")

    async def delete_line(self) -> None:
        await self._terminal.press("Escape", "d", "d")

    async def copy_line(self) -> None:
        await self._terminal.press("Escape", "y", "y")

    async def put_line(self) -> None:
        await self._terminal.press("Escape", "p")

    async def _command(self, command: str) -> None:
        await self._terminal.press("Escape")
        await self._terminal.write(f":{command}")
        await self._terminal.press("Enter")


def _lua(words: Sequence[str]) -> str:
    return "{ " + ", ".join(json.dumps(word) for word in words) + " }"
