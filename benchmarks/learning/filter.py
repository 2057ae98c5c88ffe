"""What the filter spares, and what it costs: `benchmarks.showing`, beside the other figures."""

from __future__ import annotations

from typing import Any

from benchmarks import showing
from benchmarks.learning import Options


def figures(options: Options) -> list[dict[str, Any]]:
    """The figures of this module."""
    lines = showing.LINES // 10 if options.small else showing.LINES
    return [{**one, "name": f"filter: {one['name']}"} for one in showing.figures(lines)]
