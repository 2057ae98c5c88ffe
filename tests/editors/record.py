"""Recording the editing traces: scripted users in real editors in front of a real server.

    PYTHONPATH=server:learner:tests python -m editors.record helix [SCENARIO ...]

Promises one trace per scenario that went as its script says; one that did not is named
and leaves no trace. The editors must be on the PATH (see `tests/traces/README.md`).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
from pathlib import Path

from editors import declining, taking
from editors.emacs import Emacs
from editors.helix import Helix
from editors.neovim import Neovim
from editors.prompter import MODEL, Prompter
from editors.steps import Script, offered
from editors.story import Log, Story
from editors.vscode import VSCode

EDITORS = {
    "neovim": lambda: Neovim(popup=False),
    "neovim-popup": lambda: Neovim(popup=True),
    "emacs": Emacs,
    "helix": Helix,
    "vscode": VSCode,
}
SCENARIOS = {**taking.BOOK.scripts, **declining.BOOK.scripts}
PATIENCE_S = 300
HERE = Path(__file__).resolve().parent


async def record(editor: str, chosen: list[str]) -> int:
    """Put one editor through the scenarios; return how many failed."""
    with tempfile.TemporaryDirectory(prefix="traces-") as folder:
        return await _record_in(Path(folder), editor, chosen)


async def _record_in(folder: Path, editor: str, chosen: list[str]) -> int:
    project, state, log = folder / "project", folder / "state", folder / "log.jsonl"
    (project / ".git").mkdir(parents=True)
    (project / ".git" / "HEAD").write_text("ref: refs/heads/main\n", encoding="utf-8")
    (project / "first.py").write_text("first = 1\n", encoding="utf-8")
    state.mkdir(mode=0o700)
    os.environ["HABITUS_CONFIG"] = str(folder / "config.toml")
    prompter = Prompter()
    hands = EDITORS[editor]()
    failed = 0
    async with await prompter.listen(state):
        await hands.start(_serve(log, state), _words(), project)
        try:
            told = Log(log)
            await _answers(told)
            with contextlib.suppress(TimeoutError):
                # The first question finds the server still importing.
                await offered(Story("warms_up", hands, prompter, told, project))
            for name, (needs, script) in SCENARIOS.items():
                if needs <= hands.skills and (not chosen or name in chosen):
                    story = Story(name, hands, prompter, told, project)
                    failed += not await _play(story, script)
        finally:
            await hands.end()
            await asyncio.sleep(5.0)
    return failed


async def _play(story: Story, script: Script) -> bool:
    try:
        await script(story)
    except (TimeoutError, AssertionError) as error:
        sys.stderr.write(f"{story.hands.editor}: {error}\n{await story.hands.screen()}\n")
        return False
    trace = story.trace((script.__doc__ or "").strip())
    sys.stderr.write(f"{trace.save()}: {len(trace.messages)} messages\n")
    return True


async def _answers(log: Log) -> None:
    """Wait until the server has answered the editor's first words."""
    for _ in range(PATIENCE_S):
        if any(message.sender == "server" for message in log.look()):
            return
        await asyncio.sleep(1.0)
    raise TimeoutError("The editor never started its server.")


def _serve(log: Path, state: Path) -> list[str]:
    server = [sys.executable, "-m", "habitus_server.cli", "serve"]
    flags = ["--state-dir", str(state), "--model", MODEL, "--no-learn", "--no-memory"]
    return [sys.executable, str(HERE / "pipe.py"), str(log), *server, *flags]


def _words() -> list[str]:
    return [sys.executable, str(HERE / "words.py")]


def main() -> int:
    """Record what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("editor", choices=EDITORS)
    parser.add_argument("scenario", nargs="*", help="all that the editor can do by default")
    given = parser.parse_args()
    return asyncio.run(record(given.editor, given.scenario))


if __name__ == "__main__":
    sys.exit(main())
