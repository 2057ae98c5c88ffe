"""How fast Habitus answers, measured beside what it is compared with.

    python -m benchmarks.latency                    every module, one report
    python -m benchmarks.latency keystrokes         named modules only
    python -m benchmarks.latency --small            a rehearsal in a few minutes, judged alike

A module of this folder that defines `figures(options: Options) -> list[dict]`, made of
`benchmarks.figures.figure`, takes part.
"""

import os
import sys
from pathlib import Path

# As the engine sets it: threads that spin for each other lose whole time slices under load.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import msgspec

ROOT = Path(__file__).resolve().parents[2]

# The fake editor of the tests measures too, so that both mean the same thing.
sys.path.insert(0, str(ROOT / "tests"))


class Options(msgspec.Struct, frozen=True):
    """How much is measured; `small` is enough to see that a module works."""

    small: bool = False
