"""The developer's rules, and the arithmetic of what a suggestion was worth."""

from __future__ import annotations

import random

import pytest

from habitus_learner.replay.developer import (
    Decision,
    Reaction,
    corrections,
    decide,
    edit_distance,
    edit_similarity,
    kept_characters,
)

ANSWER = "result = compute_total(items)"


def reaction(proposal: str, *following: str, seed: int = 0) -> Decision:
    return decide(proposal, ANSWER, following, random.Random(seed))


def reactions(proposal: str) -> set[Reaction]:
    return {reaction(proposal, seed=seed).reaction for seed in range(200)}


def test_what_was_written_is_accepted_whole() -> None:
    assert reaction(ANSWER) == Decision(Reaction.ACCEPT, ANSWER)


def test_trailing_blanks_make_no_difference() -> None:
    assert reaction(ANSWER + "  ").reaction is Reaction.ACCEPT


def test_further_lines_are_accepted_when_they_follow() -> None:
    block = f"{ANSWER}\nreturn result"
    assert reaction(block, "return result", "x") == Decision(Reaction.ACCEPT, block)


def test_only_the_right_first_line_of_a_block_is_taken() -> None:
    assert reaction(f"{ANSWER}\nreturn wrong", "return result") == Decision(
        Reaction.ACCEPT_PART, ANSWER
    )


def test_a_nearly_right_line_is_accepted_then_edited() -> None:
    near = "result = compute_total(values)"
    assert reaction(near) == Decision(Reaction.ACCEPT_THEN_EDIT, near)


def test_a_nearly_right_line_that_saves_nothing_is_not_taken() -> None:
    decision = decide("abd", "abc", (), random.Random(0))
    assert not decision.reaction.is_accepting or decision.reaction is Reaction.ACCEPT_THEN_REVERT


def test_a_plausible_line_is_reverted_dismissed_or_typed_over() -> None:
    assert reactions("result = compare(elsewhere)") == {
        Reaction.ACCEPT_THEN_REVERT,
        Reaction.DISMISS,
        Reaction.TYPE_OVER,
    }


def test_an_implausible_line_is_never_taken() -> None:
    assert reactions("@property") == {Reaction.DISMISS, Reaction.TYPE_OVER}


def test_chances_do_not_depend_on_the_suggestion() -> None:
    for seed in range(50):
        first, second = random.Random(seed), random.Random(seed)
        decide(ANSWER, ANSWER, (), first)
        decide("@property", ANSWER, (), second)
        assert first.random() == second.random()


def naive_distance(first: str, second: str) -> int:
    if not first or not second:
        return len(first) + len(second)
    if first[0] == second[0]:
        return naive_distance(first[1:], second[1:])
    return 1 + min(
        naive_distance(first[1:], second),
        naive_distance(first, second[1:]),
        naive_distance(first[1:], second[1:]),
    )


def test_edit_distance_agrees_with_the_recursive_definition() -> None:
    chance = random.Random(5)
    for _ in range(200):
        first = "".join(chance.choices("abc", k=chance.randrange(6)))
        second = "".join(chance.choices("abc", k=chance.randrange(6)))
        assert edit_distance(first, second) == naive_distance(first, second)


@pytest.mark.parametrize(
    ("one", "two", "value"), [("", "", 1.0), ("a", "", 0.0), ("ab", "ab", 1.0)]
)
def test_similarity_is_one_for_equal_texts_and_zero_for_disjoint(
    one: str, two: str, value: float
) -> None:
    assert edit_similarity(one, two) == value


def test_corrections_turn_any_text_into_any_other() -> None:
    chance = random.Random(11)
    for _ in range(300):
        taken = " ".join(chance.choices(["a", "bb", "(", ")", "c.d", "\n"], k=chance.randrange(8)))
        wanted = " ".join(chance.choices(["a", "bb", "(", ")", "c.d", "\n"], k=chance.randrange(8)))
        text = taken
        for start, end, replacement in corrections(taken, wanted):
            text = text[:start] + replacement + text[end:]
        assert text == wanted


def test_nothing_is_corrected_where_nothing_is_wrong() -> None:
    assert list(corrections(ANSWER, ANSWER)) == []


def test_kept_characters_are_those_that_still_stand() -> None:
    assert kept_characters("total(items)", "total(values)") >= len("total()")
    assert kept_characters("abc", "xyz") == 0
