from __future__ import annotations

import pytest

from habitus_learner.copies import ModelText
from habitus_learner.lessons import collect
from habitus_server.records import Outcome, State
from learner.made_rows import accepted, fix, pattern, row

BLOCK = "for item in self.items:\n            total += item.price\n        return total"


def written(**changes: object) -> ModelText:
    fields = {"prefix": "    def total(self):\n        ", "text": BLOCK, **changes}
    return ModelText([accepted(Outcome.KEPT, **fields)])


@pytest.mark.parametrize(
    "copy",
    [
        "        for item in self.items:\n            total += item.price\n        return total\n",
        "    for item in self.items:\n        total += item.price\n    return total",
        "\tfor item in self.items:\n\n\t\ttotal  +=  item.price\n\treturn total\n",
    ],
)
def test_accepted_text_that_turns_up_again_is_not_hand_written(copy: str) -> None:
    assert written().cut_from(pattern(text=copy)) == []


def test_a_copy_is_cut_out_of_what_was_written_around_it() -> None:
    made = pattern(
        prefix="class Cart:\n",
        text=f"    def sum_up(self, rate):\n        {BLOCK} * rate\n    # by hand, every word\n",
        suffix="\n",
    )
    before, after = written().cut_from(made)
    assert before.text == "    def sum_up(self, rate):\n"
    assert after.text.endswith("    # by hand, every word\n")
    for piece in (before, after):
        assert piece.prefix + piece.text + piece.suffix == made.prefix + made.text + made.suffix


def test_a_line_of_which_the_model_wrote_only_the_end_is_the_developers() -> None:
    made = pattern(text="    total_of_all_prices = compute_total(self.items, rate)\n")
    prefix = "    total_of_all_prices = compute_total(self.items, ra"
    assert written(prefix=prefix, text="te)").cut_from(made) == [made]
    assert written(prefix="    total_of_", text=made.text[13:-1]).cut_from(made) == []


def test_a_short_line_that_a_model_also_wrote_stays_where_more_was_written() -> None:
    made = pattern(text="    values = sorted(self.names)\n    return total\n")
    assert written().cut_from(made) == [made]
    assert written().cut_from(pattern(text="        return total\n")) == []


def test_what_was_written_before_it_was_suggested_is_hand_written() -> None:
    made = pattern(text=f"        {BLOCK}\n", settled_at=90.0)
    assert written(offered_at=100.0).cut_from(made) == [made]


def test_suggestions_that_nobody_accepted_make_nothing_a_copy() -> None:
    made = pattern(text=f"        {BLOCK}\n")
    for state in (State.DISMISSED, State.SUPERSEDED, State.TYPED_THROUGH):
        assert ModelText([row(state, text=BLOCK)]).cut_from(made) == [made]


def test_no_example_teaches_a_copy_as_hand_written() -> None:
    rows = [accepted(Outcome.KEPT, prefix="    ", text=BLOCK)]
    found = collect(
        rows, [pattern(text=f"    {BLOCK}\n")], fixes=[fix(after=f"    {BLOCK}", settled_at=900.0)]
    )
    assert sorted(example.kind.value for example in found) == ["bug fix", "success"]
    assert not any(example.is_by_hand for example in found)
    assert all(example.is_own_words for example in found)
