"""Editors in a terminal: tmux holds them, and presses their keys."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Sequence

SOCKET = f"habitus-traces-{os.getpid()}"


class Terminal:
    """One tmux session with one editor in it."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def start(self, command: Sequence[str], env: dict[str, str]) -> None:
        """Run a command in a fresh session."""
        variables = [part for key, value in env.items() for part in ("-e", f"{key}={value}")]
        await _tmux("new-session", "-d", "-s", self._name, "-x", "120", "-y", "40", *variables,
                    *command)  # fmt: skip
        await _tmux("set-option", "-s", "escape-time", "0")

    async def press(self, *keys: str) -> None:
        """Press keys by tmux' names, as "Escape" or "C-n"."""
        await _tmux("send-keys", "-t", self._name, *keys)

    async def write(self, text: str) -> None:
        """Press the keys of a text at once."""
        # A semicolon at the end of an argument would end tmux' own command.
        await _tmux("send-keys", "-t", self._name, "-l", text.replace(";", "\\;"))

    async def paste(self, text: str) -> None:
        """Paste as terminals do, in brackets."""
        await _tmux("set-buffer", text)
        await _tmux("paste-buffer", "-p", "-t", self._name)

    async def screen(self) -> str:
        """What the terminal shows."""
        return await _tmux("capture-pane", "-p", "-t", self._name)

    async def end(self) -> None:
        """End the session and what runs in it."""
        await _tmux("kill-session", "-t", self._name)


async def _tmux(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        "tmux", "-L", SOCKET, "-f", "/dev/null", *arguments, stdout=subprocess.PIPE
    )
    out, _ = await process.communicate()
    if process.returncode:
        raise OSError(f"tmux {arguments[0]} failed")
    return out.decode(errors="replace")
