"""Code that is nobody's project: the standard library that Python came with.

Promises three parts that never mix: files to practise on beside a project's own, so that
little is forgotten, files by which a run tells how strongly it may be served, and files to
probe whether something was forgotten. Nothing needs shipping or fetching; where an installation
has no library sources, all parts are empty.
"""

from __future__ import annotations

import hashlib
import sysconfig
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from random import Random

import msgspec

from habitus_learner.places import Cut

_SKIPPED = frozenset(
    ("test", "tests", "idlelib", "lib2to3", "site-packages", "dist-packages", "encodings")
)
"""Tests, copies and tables of characters: nothing that anybody writes."""
_BYTES = range(2_000, 120_000)
_PARTS = 8
_PROBE, _GAUGE = 0, 1
"""One file in eight is kept for the probe, and one for the gauge."""

_LONGEST_SPAN = 160
_PASSAGE = 360
"""Characters of a passage: about ten lines."""


class GeneralCut(msgspec.Struct, frozen=True):
    """A cut from a library file; `path` is relative to the library."""

    path: str
    cut: Cut


def practice_files(root: Path | None = None) -> list[Path]:
    """Files to train on, in a fixed order."""
    return [path for path in _files(root or _library()) if _part(path) not in (_PROBE, _GAUGE)]


def gauge_files(root: Path | None = None) -> list[Path]:
    """Files by which a run itself tells what it has forgotten."""
    return [path for path in _files(root or _library()) if _part(path) == _GAUGE]


def probe_files(root: Path | None = None) -> list[Path]:
    """Files that no cycle ever trains on or decides by."""
    return [path for path in _files(root or _library()) if _part(path) == _PROBE]


def draw(files: Sequence[Path], count: int, random: Random) -> list[GeneralCut]:
    """`count` places in random files: the rest of a line or a short span, as when typing."""
    cuts: list[GeneralCut] = []
    while files and len(cuts) < count:
        path = random.choice(files)
        text = path.read_text(encoding="utf-8", errors="replace")
        start = random.randrange(len(text))
        line_end = text.find("\n", start)
        end = line_end if line_end > start else start + random.randint(1, _LONGEST_SPAN)
        target = text[start:end]
        if target.strip():
            name = "/".join(path.parts[-2:])
            cuts.append(GeneralCut(name, Cut(text[:start], text[end:], target)))
    return cuts


def passages(files: Sequence[Path], count: int, random: Random) -> list[GeneralCut]:
    """`count` stretches of whole lines, from one file after the other: what general code costs
    is told with less chance by much text from many files than by short spans."""
    cuts: list[GeneralCut] = []
    order = random.sample(files, len(files))
    for path in islice(cycle(order), count):
        text = path.read_text(encoding="utf-8", errors="replace")
        start = text.rfind("\n", 0, random.randrange(max(1, len(text) - _PASSAGE))) + 1
        target = text[start : text.find("\n", start + _PASSAGE)]
        name = "/".join(path.parts[-2:])
        cuts.append(GeneralCut(name, Cut(text[:start], text[start + len(target) :], target)))
    return cuts


def _files(root: Path) -> list[Path]:
    return sorted(
        path
        for path in root.rglob("*.py")
        if not _SKIPPED.intersection(path.relative_to(root).parts[:-1])
        and path.stat().st_size in _BYTES
    )


def _part(path: Path) -> int:
    # By the file's name alone, so that the parts stay parted from cycle to cycle.
    return hashlib.sha256(path.name.encode()).digest()[0] % _PARTS


def _library() -> Path:
    return Path(sysconfig.get_paths()["stdlib"])
