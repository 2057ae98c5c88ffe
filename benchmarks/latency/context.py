"""What all context adds to the file alone, both without memory: exact lines and bits.

The two arms of `benchmarks.context` that the table compares; which source is worth what is
measured there.
"""

from __future__ import annotations

from typing import Any

from benchmarks.context.arms import ALL, FILE, TWO, asked, exact_ratio, gain, open_scores, shown
from benchmarks.context.moments import PROJECTS
from benchmarks.latency import Options

LINES = 150
"""Lines of each project; each is asked for twice, at its indentation and inside."""


def figures(options: Options) -> list[dict[str, Any]]:
    """Exact lines of all context ÷ of the file alone, and bits per character less it."""
    lines = LINES // 10 if options.small else LINES
    questions = [one for project in PROJECTS for one in asked(project, lines, TWO)]
    scores = open_scores()
    scored = {
        arm: [scores.score(one.place(arm), one.moment.item.answer) for one in questions]
        for arm in TWO
    }
    less = gain(questions, scored[FILE], scored[ALL])
    return [
        exact_ratio(questions, scored[ALL], scored[FILE]),
        shown("bits per character, all context − file only", less, len(questions)),
    ]
