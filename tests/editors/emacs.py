"""Emacs 30 with eglot: `completion-preview-mode` as one types, completion-at-point on request.

Eglot reports nothing and talks to one server per buffer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from editors.terminal import Terminal

_INIT = """
(setq inhibit-startup-screen t make-backup-files nil auto-save-default nil create-lockfiles nil
      native-comp-jit-compilation nil native-comp-enable-subr-trampolines nil
      python-indent-guess-indent-offset nil
      use-short-answers t vc-handled-backends nil)
(require 'eglot)
(require 'completion-preview)
(setq eglot-server-programs '((python-mode . %(serve)s)) eglot-report-progress nil
      eglot-connect-timeout 600 eglot-sync-connect nil jsonrpc-default-request-timeout 60)
(add-hook 'project-find-functions (lambda (_) (cons 'transient %(project)s)))
(add-hook 'python-mode-hook (lambda () (completion-preview-mode) (eglot-ensure)))
(keymap-global-set "<f5>" #'undo-only)
(keymap-global-set "<f6>" #'undo-redo)
(keymap-global-set "<f7>" (lambda () (interactive)
  (let ((new (with-temp-buffer)))
    (shell-command-on-region (point-min) (point-max) %(words)s t t))))
(keymap-global-set "<f8>" #'completion-at-point)
(keymap-global-set "<f9>" #'completion-help-at-point)
(keymap-global-set "<f10>" #'kill-whole-line)
(keymap-global-set "<f11>" #'electric-pair-local-mode)
(keymap-global-set "<f12>" (lambda () (interactive) (set-buffer-modified-p nil) (kill-buffer)))
"""


class Emacs:
    """Hands on Emacs."""

    editor = "emacs"
    skills = frozenset({"redo", "reformat", "pair_brackets"})

    def __init__(self) -> None:
        self._terminal = Terminal(self.editor)

    async def start(self, serve: Sequence[str], words: Sequence[str], project: Path) -> None:
        """Start with a configuration of its own."""
        names = {
            "serve": "(" + " ".join(json.dumps(word) for word in serve) + ")",
            "project": json.dumps(f"{project}/"),
            "words": json.dumps(" ".join([*words, "--format"])),
        }
        init = project.parent / "emacs.el"
        init.write_text(_INIT % names, encoding="utf-8")
        command = ("emacs", "-nw", "-Q", "-l", str(init), str(project / "first.py"))
        await self._terminal.start(command, {"TERM": "xterm-256color"})

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
        await self._terminal.press("C-x", "C-f", "C-a", "C-k")
        await self._terminal.write(str(path))
        await self._terminal.press("Enter")

    async def go(self, line: int, column: int, offset: int, at_end: bool) -> None:
        await self._terminal.press("M-g", "c")
        await self._terminal.write(str(offset + 1))
        await self._terminal.press("Enter")

    async def key(self, char: str) -> None:
        await self._terminal.write(char)

    async def enter(self) -> None:
        await self._terminal.press("Enter")

    async def delete(self) -> None:
        await self._terminal.press("C-d")

    async def backspace(self) -> None:
        await self._terminal.press("BSpace")

    async def ask(self) -> None:
        await self._terminal.press("F9")

    async def accept(self, typed: str) -> None:
        # The preview appears after three letters of a word; elsewhere one asks.
        is_previewed = typed[-3:].isalnum() and len(typed) >= 3
        await self._terminal.press("Tab" if is_previewed else "F8")

    async def dismiss(self) -> None:
        await self._terminal.press("C-g")

    async def undo(self) -> None:
        await self._terminal.press("F5")

    async def redo(self) -> None:
        await self._terminal.press("F6")

    async def save(self) -> None:
        await self._terminal.press("C-x", "C-s")

    async def close(self) -> None:
        await self._terminal.press("F12")

    async def reformat(self) -> None:
        await self._terminal.press("F7")

    async def paste(self, text: str) -> None:
        await self._terminal.paste(text)

    async def pair_brackets(self) -> None:
        await self._terminal.press("F11")

    async def delete_line(self) -> None:
        await self._terminal.press("F10")

    async def copy_line(self) -> None:
        await self._terminal.press("F10", "C-y")

    async def put_line(self) -> None:
        await self._terminal.press("C-y")
