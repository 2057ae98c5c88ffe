"""Golden cases of `postprocess.trim`; HABITUS_UPDATE_GOLDENS=1 rewrites what follows `=`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from habitus_server.postprocess import Trimmed, trim

GOLDEN = Path(__file__).with_name("trim.golden")


def read_cases() -> dict[str, list[str]]:
    """Lines of each case by its title, `mode language: behaviour`."""
    cases: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in GOLDEN.read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            title = line.removeprefix("== ")
            assert title not in cases, f"two cases are called {title}"
            lines = cases.setdefault(title, [])
        else:
            lines.append(line)
    return cases


def part(lines: list[str], mark: str) -> str:
    """The text of the lines behind one mark."""
    text = "\n".join(line[2:] for line in lines if line[:1] == mark)
    return text.replace("→", "\t").replace("␣", " ")


def render(prefix: str, suffix: str, trimmed: Trimmed | None) -> str:
    """The buffer after the edit, or ∅."""
    if trimmed is None:
        return "∅"
    over, rest = suffix[: trimmed.replace_right], suffix[trimmed.replace_right :]
    return f"{prefix}⟦{trimmed.text}⟧" + (f"⟨{over}⟩" if over else "") + rest


def run(title: str, lines: list[str]) -> str:
    mode, language = title.split(":", 1)[0].split(" ")
    prefix, suffix = part(lines, "|").split("‸")
    trimmed = trim(part(lines, "+"), prefix=prefix, suffix=suffix, language=language, mode=mode)
    return render(prefix, suffix, trimmed)


CASES = read_cases()


@pytest.mark.parametrize("title", CASES)
def test_completion_is_trimmed_as_written(title: str) -> None:
    assert run(title, CASES[title]) == part(CASES[title], "=")


@pytest.mark.parametrize("title", CASES)
def test_trimming_twice_changes_nothing(title: str) -> None:
    mode, language = title.split(":", 1)[0].split(" ")
    prefix, suffix = part(CASES[title], "|").split("‸")
    once = trim(part(CASES[title], "+"), prefix=prefix, suffix=suffix, language=language, mode=mode)
    if once is not None:
        assert trim(once.text, prefix=prefix, suffix=suffix, language=language, mode=mode) == once


def test_there_are_enough_cases_to_mean_something() -> None:
    assert len(CASES) >= 120


def test_goldens_can_be_rewritten(tmp_path: Path) -> None:
    """The update flag writes exactly what the cases produce now."""
    text = rewritten()
    if os.environ.get("HABITUS_UPDATE_GOLDENS"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert [line for line in text.splitlines() if line.startswith("== ")] == [
        f"== {title}" for title in CASES
    ]


def rewritten() -> str:
    preamble = GOLDEN.read_text(encoding="utf-8").split("\n== ", 1)[0]
    blocks = [preamble.rstrip("\n")]
    for title, lines in CASES.items():
        kept = [line for line in lines if line[:1] in "|+" and line]
        result = run(title, lines).replace("\t", "→").split("\n")
        blocks.append("\n".join([f"== {title}", *kept, *(f"= {line}".rstrip() for line in result)]))
    return "\n\n".join(blocks) + "\n"
