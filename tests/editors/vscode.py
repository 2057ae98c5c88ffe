"""VS Code (as code-server, in a headless browser) with Habitus' own extension."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
SETTINGS = {
    "security.workspace.trust.enabled": False,
    "editor.inlineSuggest.enabled": True,
    "editor.wordBasedSuggestions": "currentDocument",
    "editor.quickSuggestions": {"other": "off", "comments": "off", "strings": "off"},
    "editor.suggestOnTriggerCharacters": False,
    "files.autoSave": "off",
    "telemetry.telemetryLevel": "off",
    "workbench.startupEditor": "none",
    "git.enabled": False,
}


class VSCode:
    """Hands on VS Code; the editor has the focus between two steps.

    What it needs is named by the environment: CODE_SERVER (its entry.js), HABITUS_VSIX (the
    built extension) and PLAYWRIGHT (a folder with playwright-core in its node_modules).
    """

    editor = "vscode"
    skills = frozenset({"redo", "accept_word", "report_dismissal", "pair_brackets"})

    async def start(self, serve: Sequence[str], words: Sequence[str], project: Path) -> None:
        """Start a server for the editor, and a browser on it."""
        home = project.parent
        port = _free_port()
        self._server = await self._start_server(serve, home, project, port)
        self._browser = await asyncio.create_subprocess_exec(
            "node",
            str(HERE / "browser.mjs"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            limit=1 << 24,
            start_new_session=True,
        )
        await self._do("open", f"http://127.0.0.1:{port}/?folder={project}")
        await asyncio.sleep(8.0)
        await self.open(project / "first.py")

    async def _start_server(
        self, serve: Sequence[str], home: Path, project: Path, port: int
    ) -> asyncio.subprocess.Process:
        at = list(serve).index("serve")
        command = home / "habitus"
        command.write_text(f'#!/bin/sh\nexec {shlex.join(serve[:at])} "$@"\n', encoding="utf-8")
        command.chmod(0o755)
        own = {"habitus.path": str(command), "habitus.arguments": [*serve[at + 1 :]]}
        user = home / "user" / "User"
        user.mkdir(parents=True)
        (user / "settings.json").write_text(json.dumps(SETTINGS | own), encoding="utf-8")
        folders = ["--user-data-dir", str(home / "user"), "--extensions-dir", str(home / "ext")]
        entry = ["node", os.environ["CODE_SERVER"], *folders]
        install = await asyncio.create_subprocess_exec(
            *entry, "--install-extension", os.environ["HABITUS_VSIX"]
        )
        await install.wait()
        server = await asyncio.create_subprocess_exec(
            *entry, "--auth", "none", "--bind-addr", f"127.0.0.1:{port}",
            "--disable-telemetry", "--disable-update-check", str(project),
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return server
            await asyncio.sleep(0.2)
        raise TimeoutError("code-server did not start.")

    async def end(self) -> None:
        """Leave without saving."""
        for process in (self._browser, self._server):
            os.killpg(process.pid, signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), 5.0)
            except TimeoutError:
                os.killpg(process.pid, signal.SIGKILL)

    async def screen(self) -> str:
        """What it shows."""
        picture = Path(os.environ.get("PICTURES", "/tmp")) / "vscode.png"
        await self._do("picture", str(picture))
        return str(picture)

    async def shows(self, text: str) -> bool:
        """Whether ghost text is on the screen."""
        return bool(await self._do("text", "[class*=ghost-text]"))

    async def open(self, path: Path) -> None:
        await self._press("Control+KeyP")
        await asyncio.sleep(1.0)
        await self._do("type", path.name)
        await asyncio.sleep(1.5)
        await self._press("Enter")
        await asyncio.sleep(1.5)

    async def go(self, line: int, column: int, offset: int, at_end: bool) -> None:
        await self._press("Control+KeyG")
        await asyncio.sleep(0.5)
        await self._do("type", f"{line + 1}:{column + 1}")
        await self._press("Enter")
        await asyncio.sleep(0.3)

    async def key(self, char: str) -> None:
        if char.isascii():
            await self._do("type", char)
        else:
            await self._do("insertText", char)

    async def enter(self) -> None:
        await self._press("Enter")

    async def delete(self) -> None:
        await self._press("Delete")

    async def backspace(self) -> None:
        await self._press("Backspace")

    async def ask(self) -> None:
        await self._command("Trigger Inline Suggestion")

    async def accept(self, typed: str) -> None:
        await self._press("Tab")

    async def accept_word(self) -> None:
        await self._press("Control+ArrowRight")

    async def dismiss(self) -> None:
        await self._press("Escape")

    async def undo(self) -> None:
        await self._press("Control+KeyZ")

    async def redo(self) -> None:
        await self._press("Control+KeyY")

    async def save(self) -> None:
        await self._press("Control+KeyS")

    async def close(self) -> None:
        await self._press("Control+F4")

    async def paste(self, text: str) -> None:
        await self._do("paste", text)

    async def pair_brackets(self) -> None:
        return

    async def delete_line(self) -> None:
        await self._press("Control+Shift+KeyK")

    async def copy_line(self) -> None:
        await self._press("Control+KeyC")

    async def put_line(self) -> None:
        await self._press("Control+KeyV")

    async def _command(self, name: str) -> None:
        await self._press("F1")
        await asyncio.sleep(0.5)
        await self._do("type", name)
        await asyncio.sleep(0.8)
        await self._press("Enter")

    async def _press(self, key: str) -> None:
        await self._do("press", key)

    async def _do(self, name: str, value: str) -> object:
        assert self._browser.stdin is not None and self._browser.stdout is not None
        self._browser.stdin.write(json.dumps({name: value}).encode() + b"\n")
        await self._browser.stdin.drain()
        answer = json.loads(await self._browser.stdout.readline())
        if "failed" in answer:
            raise TimeoutError(answer["failed"])
        return answer["done"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
