"""The pinned wheels, through pip.

Promises: exactly the versions of packages.txt, each under an allowed licence; a wheel already
there is not fetched again.
Does not know: what is inside a wheel; which index pip is configured for.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from habitus_learner.pretrain.errors import WheelMissingError
from habitus_learner.pretrain.licences import ALLOWED

HERE = Path(__file__).parent


class Pin(msgspec.Struct, frozen=True):
    """One line of packages.txt."""

    name: str
    version: str
    licence: str
    is_held_out: bool


def read_pins(path: Path = HERE / "packages.txt") -> list[Pin]:
    """The pinned packages; a line is `name==version  licence  [held-out]`."""
    pins = []
    for line in path.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        requirement, licence, *marks = line.split()
        name, version = requirement.split("==")
        if licence not in ALLOWED:
            raise ValueError(f"{path.name}: {name} has the licence {licence}, which is not allowed")
        pins.append(Pin(name, version, licence, "held-out" in marks))
    return pins


def read_requirements(path: Path) -> list[str]:
    """The requirement at the head of every line, comments aside."""
    lines = (line.split("#")[0].split() for line in path.read_text().splitlines())
    return [words[0] for words in lines if words]


def normalised(name: str) -> str:
    """A distribution's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def find_wheels(folder: Path) -> dict[tuple[str, str], Path]:
    """The wheels of a folder by (normalised name, version)."""
    found = {}
    for path in sorted(folder.glob("*.whl")):
        name, version = path.name.split("-")[:2]
        found[normalised(name), version] = path
    return found


def fetch(requirements: Iterable[str], folder: Path, log: Callable[[str], None]) -> list[Path]:
    """Wheels for pinned or bare requirements; every wheel in `folder` afterwards.

    Raises `WheelMissingError` naming all that pip could not give.
    """
    folder.mkdir(parents=True, exist_ok=True)
    there = find_wheels(folder)
    names = {name for name, _ in there}
    missing = []
    for requirement in requirements:
        name, _, version = requirement.partition("==")
        key = normalised(name)
        if (key, version) in there or (not version and key in names):
            continue
        if not _download(requirement, folder):
            missing.append(requirement)
        log(f"fetched {requirement}")
    if missing:
        raise WheelMissingError(f"pip could not fetch wheels of: {', '.join(missing)}")
    return list(find_wheels(folder).values())


def _download(requirement: str, folder: Path) -> bool:
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
        "--only-binary", ":all:", "--python-version", "3.11", "--platform", "any",
        "--platform", "manylinux2014_x86_64", "--platform", "manylinux_2_28_x86_64",
        "--dest", str(folder), requirement,
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
