"""A million random edits, tracked and told by a list of tagged characters.

    python -m benchmarks.signals.identity [EDITS [SEED]]

Random documents (Unicode, every kind of line break), all three position encodings, edits in
notifications of one to three, edits taken back, blocks cut and pasted. After each notification
the place, the text and the survivors of an accepted text must equal the oracle's
(tests/signals/oracle.py), and its settlement at the end. Stops at the first difference.
"""

from __future__ import annotations

import sys

from benchmarks.signals.figure import Figure, show

from signals.trials import run

EDITS = 1_000_000
SEED = 20_261


def figures(edits: int = EDITS, seed: int = SEED) -> list[Figure]:
    """How many edits were followed as the oracle follows them."""
    name, target = "edits tracked as by the oracle", "no difference"
    try:
        played, trials = run(edits, seed)
    except AssertionError as error:
        print(error)
        return [Figure(name, 0, edits, seed=seed, target=target, holds=False)]
    print(f"{played} edits in {trials} documents, seed {seed}: none differs")
    return [Figure(name, played, played, seed=seed, target=target, holds=True)]


if __name__ == "__main__":
    show(figures(*map(int, sys.argv[1:])))
