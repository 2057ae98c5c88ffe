"""Packages kept out of the corpus, so that learning can be measured on unseen code.

Promises: a file is objected to when its package, any part of its path, or a telling share of
its lines belongs to a reserved package; `check` repeats this over the finished corpus.
Does not know: where the corpus comes from; it fetches nothing.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

from habitus_learner.pretrain.errors import ReservedCodeError
from habitus_learner.pretrain.shingles import shared_part, shingles

MOST_SHARED = 4
MOST_SHARED_PART = 0.05


def read_reserved(path: Path = Path(__file__).parent / "reserved.txt") -> frozenset[str]:
    """The reserved distributions' normalised names."""
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    return frozenset(re.sub(r"[-_.]+", "-", line).lower() for line in lines if line)


class Reservation:
    """What is reserved: names of distributions and modules, and hashes of their code."""

    def __init__(self, names: Iterable[str], wheels: Iterable[Path] = ()) -> None:
        self.names = frozenset(names)
        self.modules = {name.replace("-", "_") for name in self.names}
        self.hashes: set[int] = set()
        for wheel in wheels:
            self.add_wheel(wheel)

    def add_wheel(self, wheel: Path) -> None:
        """Reserve a wheel's top-level module names and every run of lines in it."""
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if not name.endswith(".py"):
                    continue
                top = name.split("/")[0].removesuffix(".py").lower()
                if top not in {"tests", "test", "docs", "examples", "_pytest", "scripts"}:
                    self.modules.add(top)
                self.hashes.update(shingles(archive.read(name).decode("utf-8", "replace")))

    def objection(self, package: str, path: str, own: list[int]) -> str | None:
        """Why this file may not be used, or None; `own` are the file's shingles."""
        if re.sub(r"[-_.]+", "-", package).lower() in self.names:
            return f"package {package} is reserved"
        for part in path.lower().removesuffix(".py").split("/"):
            if part in self.modules or part.replace("_", "-") in self.names:
                return f"{package}: {path} carries the reserved name {part}"
        count, share = shared_part(own, self.hashes)
        if (count > MOST_SHARED and share > MOST_SHARED_PART) or count > 30:
            return f"{package}: {path} shares {count} runs of lines with reserved code"
        return None

    def check(self, documents: Iterable[tuple[str, str, str]]) -> int:
        """Raise `ReservedCodeError` on any (package, path, text) objected to; else the count."""
        objections = []
        count = 0
        for package, path, text in documents:
            count += 1
            objection = self.objection(package, path, shingles(text))
            if objection:
                objections.append(objection)
        if objections:
            shown = "; ".join(objections[:5])
            raise ReservedCodeError(f"{len(objections)} files of the corpus are reserved: {shown}")
        return count
