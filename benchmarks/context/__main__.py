"""Measure every arm, print a table and write build/bench/context.json."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.context.arms import (
    ALL,
    EACH,
    FILE,
    Asked,
    asked,
    exact_ratio,
    gain,
    open_scores,
    shown,
)
from benchmarks.context.moments import PROJECTS, SEED
from benchmarks.context.scores import Scored
from benchmarks.figures import figure, report

from habitus_server.context import Source


def main() -> int:
    """Score arm by arm, as far as the time goes; 1 when a target is missed or time ran out."""
    options = _options()
    deadline = time.monotonic() + 60 * options.minutes
    questions = [one for project in PROJECTS for one in asked(project, options.lines, EACH)]
    scores = open_scores()
    scored: dict[str, list[Scored]] = {}
    for arm in EACH:
        scored[arm] = []
        for one in questions:
            if time.monotonic() > deadline:
                print(f"Time is up in the arm `{arm}`; run again to go on.")
                return 1
            scored[arm].append(scores.score(one.place(arm), one.moment.item.answer))
        print(f"scored: {arm}", file=sys.stderr, flush=True)
    return report("context", figures(questions, scored))


def figures(
    questions: Sequence[Asked], scored: Mapping[str, Sequence[Scored]]
) -> list[dict[str, Any]]:
    """Bits per character of each arm with its gain over the file alone, and exact lines."""
    chars = sum(len(one.moment.item.answer) for one in questions)
    count = len(questions)
    found: list[dict[str, Any]] = []
    for arm, scores in scored.items():
        bits = sum(one.bits for one in scores) / chars
        found.append(figure(f"{arm}: bits per character", bits, n=count, seed=SEED))
        if arm != FILE:
            less = gain(questions, scored[FILE], scores)
            found.append(shown(f"{arm}: bits per character − file only", less, count))
        exact = sum(one.is_exact for one in scores)
        found.append(figure(f"{arm}: exact lines", exact, n=count, seed=SEED))
    for one in Source:
        less = gain(questions, scored[f"all but {one.value}"], scored[ALL])
        found.append(shown(f"bits per character, all context − all but {one.value}", less, count))
    for project in PROJECTS:
        own = [n for n, one in enumerate(questions) if one.moment.project == project]
        less = gain(
            [questions[n] for n in own],
            [scored[FILE][n] for n in own],
            [scored[ALL][n] for n in own],
        )
        name = f"{project}: bits per character, all context − file only"
        found.append(shown(name, less, len(own)))
    found.append(exact_ratio(questions, scored[ALL], scored[FILE]))
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.context")
    parser.add_argument("--lines", type=int, default=200, help="lines of each project")
    parser.add_argument("--minutes", type=float, default=60.0, help="when to stop")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
