"""Run the modules of this folder and write build/bench/signals.json."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable

import benchmarks.signals
from benchmarks.signals.figure import Figure, show, write


def main(names: list[str]) -> int:
    """Measure, print and write; 1 when a target is missed or a name is unknown."""
    known = found()
    if unknown := [name for name in names if name not in known]:
        print(f"No such module: {', '.join(unknown)}. There are: {', '.join(known)}.")
        return 1
    figures: list[Figure] = []
    for name in names or known:
        print(f"== {name}", flush=True)
        measured = known[name]()
        show(measured)
        figures += measured
    print(f"\n{write(figures, 'signals')}")
    return int(any(one.holds is False for one in figures))


def found() -> dict[str, Callable[[], list[Figure]]]:
    """The modules of this folder that measure something, by name."""
    names = sorted(one.name for one in pkgutil.iter_modules(benchmarks.signals.__path__))
    modules = {
        name: importlib.import_module(f"benchmarks.signals.{name}")
        for name in names
        if name not in ("__main__", "figure")
    }
    return {name: one.figures for name, one in modules.items() if hasattr(one, "figures")}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
