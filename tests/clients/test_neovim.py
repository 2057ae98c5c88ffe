"""The Neovim client in a real Neovim, where there is one (0.12 or later)."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
CLIENT = HERE.parent.parent / "editor-clients" / "neovim"
SECONDS = 120


def is_new_enough(nvim: str | None) -> bool:
    if nvim is None:
        return False
    told = subprocess.run([nvim, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"NVIM v(\d+)\.(\d+)", told)
    return found is not None and (int(found[1]), int(found[2])) >= (0, 12)


NVIM = shutil.which("nvim")
pytestmark = pytest.mark.skipif(not is_new_enough(NVIM), reason="Neovim 0.12 is not installed")


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What the server inside Neovim was sent, in order."""
    file = tmp_path_factory.mktemp("neovim") / "a.py"
    file.write_text("s='😀'; foo\n", encoding="utf-8")
    done = subprocess.run(
        [
            str(NVIM),
            "--headless",
            "--clean",
            "-l",
            str(HERE / "forwards.lua"),
            str(CLIENT),
            str(file),
        ],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = (done.stdout + done.stderr).splitlines()
    told: list[Any] = json.loads(next(line for line in lines if line.startswith("[{")))
    return told


def test_diagnostics_of_other_servers_are_forwarded_in_the_negotiated_encoding(
    sent: list[Any],
) -> None:
    report = sent[0]
    assert report["method"] == "habitus/diagnostics"
    assert isinstance(report["params"]["version"], int)
    (one,) = report["params"]["diagnostics"]
    assert one["range"] == {
        "start": {"line": 0, "character": 7},
        "end": {"line": 0, "character": 10},
    }
    assert (one["source"], one["code"], one["severity"]) == ("lint", "F821", 1)


def test_an_empty_list_is_forwarded_as_a_list(sent: list[Any]) -> None:
    assert sent[1]["params"]["diagnostics"] == []


def test_a_rating_carries_its_word(sent: list[Any]) -> None:
    assert sent[2] == {
        "method": "habitus.rate",
        "params": {"rating": "bad", "word": "quite outdated"},
    }


def test_a_decision_is_asked_for_and_concluded(sent: list[Any]) -> None:
    told = sent[3]["params"]
    assert (told["title"], told["choice"], told["options"]) == ("Where?", "here", ["here", "there"])
    assert sent[4]["params"]["id"] == "d1"
    assert sent[4]["params"]["outcome"] == "it held"
