"""Code that is nobody's project: the standard library that Python came with.

Promises two parts that never mix: files to practise on beside a project's own, so that
little is forgotten, and files to probe whether something was. Nothing needs shipping
or fetching; where an installation has no library sources, both parts are empty.
"""

from __future__ import annotations

import hashlib
import sysconfig
from pathlib import Path
from random import Random

import msgspec

from habitus_learner.places import Cut

_SKIPPED = frozenset({"test", "tests", "idlelib", "lib2to3", "site-packages", "dist-packages"})
_BYTES = range(2_000, 120_000)
_PROBE_PART = 8
"""One file in so many is kept for the probe."""

_LONGEST_SPAN = 160


class GeneralCut(msgspec.Struct, frozen=True):
    """A cut from a library file; `path` is relative to the library."""

    path: str
    cut: Cut


def practice_files(root: Path | None = None) -> list[Path]:
    """Files to train on, in a fixed order."""
    return [path for path in _files(root or _library()) if not _is_probe(path)]


def probe_files(root: Path | None = None) -> list[Path]:
    """Files that no cycle ever trains on."""
    return [path for path in _files(root or _library()) if _is_probe(path)]


def draw(files: list[Path], count: int, random: Random) -> list[GeneralCut]:
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


def _files(root: Path) -> list[Path]:
    return sorted(
        path
        for path in root.rglob("*.py")
        if not _SKIPPED.intersection(path.relative_to(root).parts[:-1])
        and path.stat().st_size in _BYTES
    )


def _is_probe(path: Path) -> bool:
    # By the file's name alone, so that the parts stay parted from cycle to cycle.
    return hashlib.sha256(path.name.encode()).digest()[0] % _PROBE_PART == 0


def _library() -> Path:
    return Path(sysconfig.get_paths()["stdlib"])
