from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from habitus_learner.quality import Signs, blame, praise, quality
from habitus_server.records import Rating

law = settings(derandomize=True, max_examples=300, deadline=None)

COUNT = st.integers(0, 50)
SIGNS = st.builds(
    Signs,
    retained=st.floats(0.0, 1.0),
    parse_before=st.none() | COUNT,
    parse_after=st.none() | COUNT,
    diagnostics_before=st.none() | COUNT,
    diagnostics_after=st.none() | COUNT,
    tests_passed=COUNT,
    tests_failed=COUNT,
    has_landed=st.booleans(),
    is_undone=st.booleans(),
    rating=st.none() | st.sampled_from(Rating),
)


def changed(signs: Signs, **fields: Any) -> float:
    return quality(msgspec.structs.replace(signs, **fields))


@law
@given(SIGNS)
def test_quality_lies_between_0_and_1(signs: Signs) -> None:
    assert 0.0 <= quality(signs) <= 1.0


@law
@given(SIGNS, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_retaining_more_is_never_worse(signs: Signs, one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert changed(signs, retained=less) <= changed(signs, retained=more)


@pytest.mark.parametrize(
    ("field", "more_is_better"),
    [
        ("parse_before", True),
        ("parse_after", False),
        ("diagnostics_before", True),
        ("diagnostics_after", False),
        ("tests_passed", True),
        ("tests_failed", False),
    ],
)
@law
@given(signs=SIGNS, one=COUNT, other=COUNT)
def test_each_count_pulls_one_way(
    field: str, more_is_better: bool, signs: Signs, one: int, other: int
) -> None:
    few, many = (changed(signs, **{field: count}) for count in sorted((one, other)))
    assert few <= many if more_is_better else few >= many


@law
@given(SIGNS)
def test_what_was_never_counted_is_no_worse_than_any_count(signs: Signs) -> None:
    assert changed(signs, parse_after=None) >= quality(signs)
    assert changed(signs, diagnostics_after=None) >= quality(signs)


@law
@given(SIGNS)
def test_landing_is_never_worse_and_being_undone_never_better(signs: Signs) -> None:
    not_landed = changed(signs, has_landed=False, is_undone=False)
    assert changed(signs, has_landed=True, is_undone=False) >= not_landed
    assert changed(signs, is_undone=True) <= not_landed


@law
@given(SIGNS, SIGNS)
def test_a_rating_is_stronger_than_all_other_evidence_together(one: Signs, other: Signs) -> None:
    bad, unrated, good = Rating.BAD, None, Rating.GOOD
    assert changed(one, rating=bad) <= changed(other, rating=unrated)
    assert changed(one, rating=unrated) <= changed(other, rating=good)


@law
@given(SIGNS)
def test_praise_and_blame_are_1_where_nothing_is_known_and_never_negative(signs: Signs) -> None:
    assert praise(Signs()) == pytest.approx(1.0)
    assert blame(Signs(retained=0.0)) == pytest.approx(1.0)
    assert praise(signs) >= 0.0
    assert blame(signs) >= 0.0


def test_a_failing_test_run_weighs_less_than_text_that_was_taken_out_again() -> None:
    one_failed = quality(Signs(tests_failed=1))
    assert quality(Signs(is_undone=True)) < one_failed < quality(Signs())
