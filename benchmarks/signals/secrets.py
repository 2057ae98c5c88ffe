"""What becomes of secrets in people's files, and of code that is none.

    python -m benchmarks.signals.secrets

200 secrets of 22 kinds are offered, accepted, dismissed and typed in a window's real rooms
(all of `serve` but the transport and the model), and remembered; then every byte of the
state folder, the log in it, and every text that memory was told of is searched for stretches
of them. Ordinary code is the standard library of the running Python.
"""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.signals import ROOT
from benchmarks.signals.figure import Figure, show

from habitus_server.config import Config
from habitus_server.lsp.logs import log_to_file
from habitus_server.redaction import redact
from planted_secrets import SEED, Planted, plant
from signals.one_root import Engine, OneRoot, found_in
from signals.secret_days import live_with

SECRETS = 200
PACKAGES = ("asyncio", "email", "http", "json", "urllib")
"""Over 10,000 lines, with passwords for a subject."""
NO_CODE = frozenset({"site-packages", "test", "tests", "idlelib", "lib2to3", "encodings"})
MOST_MB = 5.0
_RESIDENT = """
from pathlib import Path
def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
import re, msgspec
before = resident()
from habitus_server.redaction import redact
redact('x = "AKIA" + "SG." + "xox" + "gl" # . AC SK aws -us')
print(resident() - before)
"""


def figures() -> list[Figure]:
    """Leaks, false redactions, and what the net costs."""
    return [*_leaks(), *_false_redactions(), _cost()]


def _leaks() -> list[Figure]:
    corpus = list(plant(SECRETS))
    kinds = len({one.kind for one in corpus})
    with tempfile.TemporaryDirectory() as folder:
        on_disk, in_memory = asyncio.run(_live(Path(folder), corpus))
    return [
        Figure("secrets: kinds planted", kinds, SECRETS, seed=SEED, target="20", holds=kinds >= 20),
        _none("secrets: found in the state folder and the log", on_disk),
        _none("secrets: found in what memory was told", in_memory),
    ]


async def _live(folder: Path, corpus: list[Planted]) -> tuple[int, int]:
    """How many secrets reached the disk, and how many memory."""
    logging.getLogger("habitus_server").setLevel("DEBUG")
    engine = Engine()
    window = OneRoot(folder, Config(), engine)
    log_to_file(window.state / "logs")
    await window.open()
    for turn, one in enumerate(corpus):
        await live_with(window, one, turn)
    await window.root.close()
    told = "\n".join(engine.told)
    on_disk = [one for one in corpus if found_in(window.state, one.pieces)]
    in_memory = [one for one in corpus if any(piece in told for piece in one.pieces)]
    return len(on_disk), len(in_memory)


def _none(name: str, found: int) -> Figure:
    return Figure(name, found, SECRETS, seed=SEED, target="none", holds=found == 0)


def _false_redactions() -> list[Figure]:
    library = Path(sysconfig.get_paths()["stdlib"])
    packages = [path for name in PACKAGES for path in sorted((library / name).glob("*.py"))]
    whole = [
        path
        for path in sorted(library.rglob("*.py"))
        if not NO_CODE.intersection(path.relative_to(library).parts)
        and not path.name.startswith("_sysconfigdata")
    ]
    return [
        _changed(f"lines redacted per 10,000 of {', '.join(PACKAGES)}", packages),
        _changed("lines redacted per 10,000 of the standard library", whole),
    ]


def _changed(name: str, paths: list[Path]) -> Figure:
    lines = sum(1 for path in paths for _ in _lines(path))
    changed = sum(before != after for path in paths for before, after in _lines(path))
    share = 10_000 * changed / lines
    return Figure(name, share, lines, target="at most 1", holds=share <= 1)


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    text = path.read_text(encoding="utf-8", errors="replace")
    yield from zip(text.split("\n"), redact(text).split("\n"), strict=False)


def _cost() -> Figure:
    done = subprocess.run(
        [sys.executable, "-c", _RESIDENT],
        cwd=ROOT / "server",
        check=True,
        capture_output=True,
        text=True,
    )
    value = int(done.stdout) / 1024
    return Figure(
        "redaction: resident memory it adds (MB)",
        value,
        1,
        target=f"at most {MOST_MB:g}",
        holds=value <= MOST_MB,
    )


if __name__ == "__main__":
    show(figures())
