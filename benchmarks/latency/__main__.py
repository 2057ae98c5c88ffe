"""Run the modules of this folder and write build/bench/latency.json."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Callable
from typing import Any

import benchmarks.latency
from benchmarks.figures import report
from benchmarks.latency import Options

Figures = Callable[[Options], list[dict[str, Any]]]


def main() -> int:
    """Measure, print and write; 1 when a target is missed or a name is unknown."""
    asked = _options()
    known = found()
    if unknown := [name for name in asked.names if name not in known]:
        print(f"No such module: {', '.join(unknown)}. There are: {', '.join(known)}.")
        return 1
    figures = []
    for name in asked.names or known:
        print(f"== {name}", flush=True)
        figures += known[name](Options(small=asked.small))
    return report("latency", figures)


def found() -> dict[str, Figures]:
    """The modules of this folder that measure something, by name."""
    names = sorted(one.name for one in pkgutil.iter_modules(benchmarks.latency.__path__))
    modules = {
        name: importlib.import_module(f"benchmarks.latency.{name}")
        for name in names
        if name != "__main__"
    }
    return {name: one.figures for name, one in modules.items() if hasattr(one, "figures")}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency")
    parser.add_argument("names", nargs="*", help="modules to run; all when none is named")
    parser.add_argument("--small", action="store_true", help="a rehearsal with little data")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
