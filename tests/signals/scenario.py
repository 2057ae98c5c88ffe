"""Scripted editing sessions, read from marked text.

The notation is described at the head of `scenarios/accepting.txt`. `player` plays the steps,
`claims` judges what came of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

FOLDER = Path(__file__).parent / "scenarios"
SETTINGS = ("crlf", "encoding", "text")
_STEP = re.compile(r"(?P<name>[a-z]+)(?: (?P<words>[^:]*))?(?:: (?P<text>.*))?\Z")


class Step(msgspec.Struct, frozen=True):
    """One line: its name, the words behind it, the text after a colon, the lines under it."""

    line: str
    name: str
    words: tuple[str, ...]
    text: str
    block: str | None


class Scenario(msgspec.Struct, frozen=True):
    """One editing session with what is claimed of it."""

    name: str
    steps: tuple[Step, ...]
    claims: tuple[Step, ...]


def all_scenarios() -> list[Scenario]:
    """Those of every file."""
    return [one for path in sorted(FOLDER.glob("*.txt")) for one in read(path)]


def read(path: Path) -> Iterator[Scenario]:
    """The scenarios of one file."""
    for part in re.split(r"^== ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        title, _, body = part.partition("\n")
        steps = [*_steps(body)]
        yield Scenario(
            f"{path.stem}: {title.strip()}",
            tuple(step for step in steps if not step.line.startswith("=")),
            tuple(step for step in steps if step.line.startswith("=")),
        )


def _steps(body: str) -> Iterator[Step]:
    lines = [line for line in body.splitlines() if line.strip() and not line.startswith("#")]
    first = next(at for at, line in enumerate(lines) if line.startswith("|"))
    if all(line.partition(" ")[0] in SETTINGS for line in lines[:first]):
        lines.insert(first, "text")
    at = 0
    while at < len(lines):
        line, block = lines[at], []
        at += 1
        while at < len(lines) and lines[at].startswith("|"):
            block.append(lines[at][2:])
            at += 1
        found = _STEP.match(line.removeprefix("= ").strip())
        assert found, f"not a step: {line}"
        under = "".join(f"{one}\n" for one in block) if block else None
        words = tuple((found["words"] or "").split())
        yield Step(line, found["name"], words, found["text"] or "", under)


def plain(text: str) -> str:
    """Text with its escapes resolved."""
    for mark, meant in (("\\n", "\n"), ("\\t", "\t"), ("\\r", "\r"), ("\\_", " ")):
        text = text.replace(mark, meant)
    return re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text)
