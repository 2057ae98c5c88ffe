"""Scripted editing sessions, labelled by people, against what the tracker says.

    python -m benchmarks.signals.scenarios

The sessions are those of tests/signals/scenarios. Prints the confusion table of their labels.
"""

from __future__ import annotations

from collections import Counter

from benchmarks.signals.figure import Figure, show

from signals.claims import Judge, confusion
from signals.scenario import all_scenarios

LEAST = 150


def figures() -> list[Figure]:
    """How many sessions are judged as their labels say, in every claim."""
    sessions = all_scenarios()
    wrong = [one.name for one in sessions if Judge(one).problems()]
    print(as_table(confusion(sessions)))
    for name in wrong:
        print(f"wrong: {name}")
    share = 1 - len(wrong) / len(sessions)
    target = f"1, of at least {LEAST} sessions"
    holds = not wrong and len(sessions) >= LEAST
    name = "labelled sessions judged right"
    return [Figure(name, share, len(sessions), target=target, holds=holds)]


def as_table(table: Counter[tuple[str, str]]) -> str:
    """Labels in rows, verdicts in columns."""
    names = sorted({name for pair in table for name in pair})
    width = max(len(name) for name in names)
    rows = ["label \\ verdict".ljust(width) + "".join(f"  {name}" for name in names)]
    for label in names:
        counts = (str(table[label, name] or ".").rjust(len(name)) for name in names)
        rows.append(label.ljust(width) + "".join(f"  {count}" for count in counts))
    return "\n".join(rows)


if __name__ == "__main__":
    show(figures())
