"""What the victims work on: lines of one habit, and adapters of no sense."""

from __future__ import annotations

from pathlib import Path

from habitus_server import adapters
from habitus_server.adapters import Manifest
from habitus_server.records import Pattern

NAMES = ("alpha", "beta", "gamma", "delta", "omega", "sigma", "kappa", "theta")
A_DAY = 1_700_000_000.0


def habit(count: int) -> list[Pattern]:
    """One habit in many files, a minute apart: what even a tiny model's adapter learns."""
    return [habit_line(number) for number in range(count)]


def habit_line(number: int) -> Pattern:
    name, other = NAMES[number % 8], NAMES[number // 8 % 8]
    written_at = A_DAY + 60.0 * number
    return Pattern(
        id=f"p{number}",
        path=f"module_{number % 25}.py",
        language="python",
        prefix=f"class Reader{number % 7}:\n    def {name}(self, {other}):\n",
        suffix=f"\n    def after_{other}(self):\n        pass\n",
        text=f"        self.{other}_registry.announce({other}, sender=self.{name})\n",
        replaced="",
        session=f"session {number // 25}",
        written_at=written_at,
        settled_at=written_at + 30.0,
    )


def write_adapter(folder: Path, weights: bytes) -> Path:
    """The files of an adapter that awaits publication."""
    folder.mkdir(exist_ok=True)
    (folder / adapters.CONFIG).write_text("{}", encoding="utf-8")
    (folder / adapters.WEIGHTS).write_bytes(weights)
    (folder / adapters.EXAMPLES).write_text("", encoding="utf-8")
    return folder


def manifest(created_at: float) -> Manifest:
    """A manifest whose version and checksums the registry fills in."""
    return Manifest(
        format=adapters.FORMAT,
        version="",
        base_model="tiny",
        base_sha256="0" * 64,
        created_at=created_at,
        parent=None,
        seed=0,
        files={},
        examples={"pattern": 1},
        hyper_parameters={},
        figures={},
        verdict="",
    )
