"""What learning is worth, and whether what judges it can be trusted.

A module of this folder that defines `figures(options: Options) -> list[dict]`, made of
`benchmarks.figures.figure`, takes part.
"""

import os

# As the engine sets it: threads that spin for each other lose whole time slices under load.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import msgspec


class Options(msgspec.Struct, frozen=True):
    """How much is measured; `small` is enough to see that a module works."""

    small: bool = False
