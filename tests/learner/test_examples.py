from __future__ import annotations

import msgspec
import pytest

from habitus_learner.examples import Example, Kind, count_by_kind
from habitus_learner.lessons import collect
from habitus_learner.places import clusters_of, items_of
from habitus_learner.split import OWN_SHARE, split
from habitus_server.records import Outcome, State, SuggestionRow
from learner.made_rows import accepted, habit_patterns, pattern, row


def only(found: SuggestionRow) -> Example:
    (example,) = collect([found], [])
    return example


def test_an_accepted_suggestion_that_was_kept_is_a_success() -> None:
    example = only(accepted(Outcome.KEPT))
    assert (example.kind, example.target, example.rejected) == (Kind.SUCCESS, "read(path)", "")
    assert example.row_ids == ("suggestion:s1",)


def test_a_success_weighs_by_what_was_retained_of_it() -> None:
    whole, half = only(accepted(Outcome.KEPT)), only(accepted(Outcome.KEPT, retained_chars=5))
    assert 0.5 * whole.weight < half.weight < 0.6 * whole.weight


def test_an_edited_suggestion_is_a_correction_from_what_was_suggested() -> None:
    example = only(accepted(Outcome.EDITED, final_text="read(name)"))
    assert example.kind is Kind.CORRECTION
    assert (example.target, example.rejected) == ("read(name)", "read(path)")


def test_typing_nearly_the_suggestion_corrects_it() -> None:
    example = only(row(State.DISMISSED, Outcome.REVERTED, final_text="read(paths)"))
    assert example.kind is Kind.CORRECTION
    assert (example.target, example.rejected) == ("read(paths)", "read(path)")


@pytest.mark.parametrize(
    "refused",
    [
        accepted(Outcome.REVERTED, final_text=""),
        row(State.DISMISSED),
        row(State.DISMISSED, Outcome.REVERTED, final_text="raise OSError"),
    ],
)
def test_refused_text_is_a_failure(refused: SuggestionRow) -> None:
    example = only(refused)
    assert (example.kind, example.target, example.rejected) == (Kind.FAILURE, "", "read(path)")


def test_reverting_weighs_more_than_dismissing_and_that_more_than_typing_over() -> None:
    reverted = only(accepted(Outcome.REVERTED, final_text=""))
    dismissed = only(row(State.DISMISSED))
    typed_over = only(row(State.DISMISSED, final_text="raise OSError"))
    assert reverted.weight > dismissed.weight > typed_over.weight > 0


@pytest.mark.parametrize(
    "silent",
    [
        row(State.OFFERED),
        row(State.SHOWN),
        row(State.SUPERSEDED),
        row(State.EXPIRED),
        row(State.TYPED_THROUGH, Outcome.KEPT),
        accepted(Outcome.CENSORED),
        row(State.ACCEPTED),
    ],
)
def test_what_nobody_decided_on_teaches_nothing(silent: SuggestionRow) -> None:
    assert collect([silent], []) == []


def test_hand_written_code_is_a_pattern() -> None:
    (example,) = collect([], [pattern(7)])
    assert (example.id, example.kind, example.row_ids) == (
        "pattern:p7",
        Kind.PATTERN,
        ("pattern:p7",),
    )


def test_the_same_lesson_counts_once_and_keeps_every_row_it_came_from() -> None:
    (example,) = collect(
        [row(State.DISMISSED, id="s1"), row(State.DISMISSED, id="s2", offered_at=200.0)], []
    )
    assert example.id == "failure:s2"
    assert example.row_ids == ("suggestion:s1", "suggestion:s2")


def test_counts_name_every_kind() -> None:
    found = collect([accepted(Outcome.KEPT)], [pattern(1), pattern(2, text="b = 2\n")])
    counts = count_by_kind(found)
    assert list(counts) == [kind.value for kind in Kind]
    assert {kind: count for kind, count in counts.items() if count} == {"success": 1, "pattern": 2}


def test_the_models_own_words_carry_a_bounded_share_of_the_weight() -> None:
    own = [accepted(Outcome.KEPT, id=f"s{n}", text=f"line_{n}", offered_at=n) for n in range(90)]
    train = split(collect(own, habit_patterns(100))).train
    successes = sum(e.weight for e in train if e.kind is Kind.SUCCESS)
    by_hand = sum(e.weight for e in train if e.is_by_hand)
    assert successes / (successes + by_hand) == pytest.approx(OWN_SHARE)


def test_the_gate_gets_the_newest_places_written_by_hand() -> None:
    kept = accepted(Outcome.KEPT, offered_at=1e6, settled_at=1e6 + 9)
    found = collect([kept], habit_patterns(200))
    parts = split(found)
    assert len(parts.gate) >= 50
    assert all(e.is_by_hand and e.at >= parts.cutoff for e in parts.gate)
    assert max(e.known_at for e in parts.train) < parts.cutoff


def test_nothing_is_both_trained_on_and_judged_by() -> None:
    parts = split(collect([], habit_patterns(120)))
    assert not {e.id for e in parts.train} & {e.id for e in parts.gate}


def test_text_that_settled_after_the_cutoff_is_in_neither_part() -> None:
    late = pattern(999, written_at=1_000.0, settled_at=1e9, text="answer = 42\n")
    parts = split(collect([], [*habit_patterns(120), late]))
    assert "pattern:p999" not in {e.id for e in (*parts.train, *parts.gate)}


def test_the_gate_reaches_further_back_for_enough_episodes_but_keeps_half_for_training() -> None:
    same_file = [msgspec.structs.replace(p, path="one.py", session="s") for p in habit_patterns(80)]
    parts = split(collect([], same_file))
    assert len(parts.gate) == 40
    many_files = split(collect([], habit_patterns(80)))
    assert len({e.episode for e in many_files.gate}) >= 20


def test_the_gate_never_reaches_into_what_the_incumbent_learned() -> None:
    found = collect([], habit_patterns(200))
    newest = found[-10]
    assert split(found, not_before=newest.at).cutoff >= newest.at


def test_most_of_what_is_new_to_the_incumbent_is_learned() -> None:
    found = collect([], habit_patterns(400))
    seen_until = sorted(example.at for example in found)[300]
    parts = split(found, not_before=seen_until)
    assert len(parts.gate) == 25
    assert sum(example.at >= seen_until for example in parts.train) > 50


def test_places_judged_in_doubt_stay_held_out_and_newer_ones_join_them() -> None:
    before = split(collect([], habit_patterns(200)))
    found = collect([], habit_patterns(240))
    assert split(found).cutoff > before.cutoff
    again = split(found, back_to=before.cutoff)
    assert {e.id for e in before.gate} < {e.id for e in again.gate}
    assert len(again.gate) == len(before.gate) + 40


def test_doubt_holds_out_half_at_most() -> None:
    found = collect([], habit_patterns(200))
    assert len(split(found, back_to=0.0).gate) == 100


def test_every_episode_gives_one_place_before_any_gives_a_second() -> None:
    items = items_of(split(collect([], habit_patterns(200))).gate, seed=1, limit=30)
    assert len(items) == 30
    every = clusters_of(items_of(split(collect([], habit_patterns(200))).gate, seed=1, limit=999))
    assert clusters_of(items) == min(30, every)


def test_without_hand_written_code_everything_is_for_training() -> None:
    parts = split(collect([accepted(Outcome.KEPT)], []))
    assert parts.gate == ()
    assert len(parts.train) == 1
