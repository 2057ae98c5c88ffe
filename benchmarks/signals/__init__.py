"""What is claimed of the signals, measured.

    python -m benchmarks.signals              every module, one report
    python -m benchmarks.signals tracking     named modules only
    python -m benchmarks.signals.tracking     one module by itself

A module of this folder that defines `figures() -> list[Figure]` takes part.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# The players and oracles of the tests are measured with, so that both mean the same thing.
sys.path.insert(0, str(ROOT / "tests"))
