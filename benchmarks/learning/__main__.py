"""Run what is missing, print the table, write build/bench/learning.json and docs/learning.md."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Sequence

import benchmarks.learning
from benchmarks.figures import report
from benchmarks.learning import Options, figures, page
from benchmarks.learning.histories import HISTORIES
from benchmarks.learning.parts import CYCLE_STEPS, WARM_UP_STEPS, Part

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
    asked = [one for part in parts for one in part.asked()]
    found = figures.table(asked)
    found += figures.remembered([one for part in parts for one in part.learned()])
    for name in sorted(one.name for one in pkgutil.iter_modules(benchmarks.learning.__path__)):
        module = importlib.import_module(f"benchmarks.learning.{name}")
        measure = getattr(module, "figures", None)
        if name != "__main__" and callable(measure) and not options.only_parts:
            print(f"== {name}", flush=True)
            found += measure(Options(small=options.small))
    if not options.only_parts and _is_whole(options, parts):
        page.write(
            found, seeds=options.seeds, steps=(WARM_UP_STEPS, CYCLE_STEPS), places=len(asked)
        )
    return report("learning", found)


def _is_whole(options: argparse.Namespace, parts: Sequence[Part]) -> bool:
    return (
        not options.small
        and set(options.histories) == set(HISTORIES)
        and set(options.seeds) >= set(SEEDS)
        and all(part.is_done for part in parts)
    )


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
