"""The tracker against a list of tagged characters, and that list against plain examples."""

from __future__ import annotations

import pytest

from signals.oracle import EDITED, KEPT, REVERTED, Oracle
from signals.trials import run

SEED = 41


def test_random_edits_in_every_encoding_are_followed_as_the_oracle_follows_them() -> None:
    edits, trials = run(5_000, SEED)
    assert edits >= 5_000
    assert trials > 400


@pytest.mark.parametrize(
    ("edits", "text", "retained", "outcome"),
    [
        ([(4, 6, "")], "foo(bar)", 8, KEPT),
        ([(15, 15, "!")], "foo(bar)", 8, KEPT),
        ([(9, 9, "x")], "foxo(bar)", 8, EDITED),
        ([(7, 15, "")], "", 0, REVERTED),
        ([(7, 15, ""), (7, 7, "foo(bar)")], "foo(bar)", 8, KEPT),
        ([(11, 15, ""), (11, 11, "baz)")], "foo(baz)", 7, EDITED),
        ([(11, 15, ""), (11, 11, "x\ny")], "foo(x", 4, EDITED),
        ([(7, 15, "int(foo(bar))")], "foo(bar)", 8, KEPT),
    ],
)
def test_the_oracle_says_what_its_rules_say(
    edits: list[tuple[int, int, str]], text: str, retained: int, outcome: str
) -> None:
    oracle = Oracle("..ab = foo(bar)\n", 7, 15)
    for edit in edits:
        oracle.edit(*edit)
    assert (oracle.text, oracle.retained, oracle.outcome) == (text, retained, outcome)
