"""Run what is missing, print the table and write build/bench/learning.json."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys

import benchmarks.learning
from benchmarks.figures import report
from benchmarks.learning import Options, figures
from benchmarks.learning.histories import HISTORIES
from benchmarks.learning.parts import Part

from habitus_server.errors import HabitusError

SEEDS = (1, 2)


def main() -> int:
    """Parts first, then the modules that measure something else; 1 when a target is missed."""
    options = _options()
    try:
        parts = [
            Part(HISTORIES[name], seed, small=options.small)
            for seed in options.seeds
            for name in options.histories
        ]
        if not options.only_figures:
            for part in parts:
                part.run()
    except HabitusError as error:
        print(error, file=sys.stderr)
        return 1
    found = figures.table([one for part in parts for one in part.asked()])
    for name in sorted(one.name for one in pkgutil.iter_modules(benchmarks.learning.__path__)):
        module = importlib.import_module(f"benchmarks.learning.{name}")
        measure = getattr(module, "figures", None)
        if name != "__main__" and callable(measure) and not options.only_parts:
            print(f"== {name}", flush=True)
            found += measure(Options(small=options.small))
    return report("learning", found)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning")
    parser.add_argument("histories", nargs="*", default=list(HISTORIES), help="all by default")
    parser.add_argument("--seeds", nargs="*", type=int, default=list(SEEDS))
    parser.add_argument("--small", action="store_true", help="a rehearsal with few steps")
    parser.add_argument("--only-parts", action="store_true", help="what learning is worth, alone")
    parser.add_argument("--only-figures", action="store_true", help="of what parts have left")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
