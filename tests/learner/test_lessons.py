"""What each kind of row teaches, beyond kept, edited and refused suggestions."""

from __future__ import annotations

from typing import Any

import pytest

from habitus_learner.corrections import CorrectionClass
from habitus_learner.examples import Author, Example, Kind
from habitus_learner.lessons import collect
from habitus_server.records import Evidence, Outcome, Rating, State, SuggestionRow
from learner.made_rows import accepted, decision, fix, landing, pattern, results, row


def only(found: SuggestionRow, **others: Any) -> Example:
    (example,) = collect([found], [], **others)
    return example


def test_a_correction_names_what_it_changed() -> None:
    example = only(accepted(Outcome.EDITED, final_text="read(path, True)"))
    assert example.correction is CorrectionClass.ARGUMENTS
    assert example.is_by_hand


def test_a_correction_of_layout_weighs_little_and_judges_nobody() -> None:
    example = only(accepted(Outcome.EDITED, final_text="read( path )"))
    assert example.correction is CorrectionClass.FORMATTING
    assert example.weight < only(accepted(Outcome.EDITED, final_text="read()")).weight
    assert not example.is_by_hand


def test_a_commit_makes_a_success_weigh_more() -> None:
    kept = accepted(Outcome.KEPT)
    example = only(kept, landings=[landing()])
    assert example.kind is Kind.SUCCESS
    assert example.weight > only(kept).weight
    assert example.row_ids == ("suggestion:s1", "landing:s1@c1")


def test_what_was_committed_and_taken_out_again_is_a_failure() -> None:
    undone = landing(undone_by="c2", undone_at=9_000.0)
    example = only(accepted(Outcome.KEPT), landings=[undone])
    assert (example.kind, example.rejected) == (Kind.FAILURE, "read(path)")
    assert example.changed_at == 9_000.0
    assert example.known_at == 700.0


def test_what_still_stands_in_another_commit_is_no_failure() -> None:
    landed = [landing(undone_by="c2", undone_at=900.0), landing(commit_id="c3")]
    assert only(accepted(Outcome.KEPT), landings=landed).kind is Kind.SUCCESS


def test_tests_on_its_file_weigh_an_example() -> None:
    kept = accepted(Outcome.KEPT)
    passed, failed = (only(kept, tests=[results(*counts)]) for counts in ((5, 0), (0, 5)))
    assert passed.weight > only(kept).weight > failed.weight
    assert passed.row_ids == ("suggestion:s1", "task:200")


@pytest.mark.parametrize("result", [results(0, 9, at=50.0), results(0, 9, path="b.py")])
def test_test_runs_of_before_and_of_other_files_weigh_nothing(result: Any) -> None:
    kept = accepted(Outcome.KEPT)
    assert only(kept, tests=[result]) == only(kept)


def test_errors_that_came_with_a_text_lower_its_weight() -> None:
    clean = accepted(Outcome.KEPT, parse_before=1, parse_after=0)
    broken = accepted(Outcome.KEPT, parse_before=0, parse_after=2)
    warned = accepted(Outcome.KEPT, diagnostics_before=0, diagnostics_after=2)
    assert only(clean).weight > only(warned).weight > only(broken).weight


def test_a_bad_rating_makes_kept_text_the_strongest_failure() -> None:
    rated = only(accepted(Outcome.KEPT, rating=Rating.BAD, rated_at=5_000.0))
    assert rated.kind is Kind.FAILURE
    assert rated.weight > only(accepted(Outcome.REVERTED, final_text="")).weight
    assert rated.changed_at == 5_000.0


def test_a_good_rating_makes_a_success_of_what_was_not_taken() -> None:
    rated = only(row(State.DISMISSED, rating=Rating.GOOD, rated_at=900.0))
    assert (rated.kind, rated.target) == (Kind.SUCCESS, "read(path)")
    assert rated.weight > only(accepted(Outcome.KEPT)).weight


def test_the_same_text_offered_three_times_in_vain_is_the_weakest_failure() -> None:
    offers = [row(State.EXPIRED, id=f"s{n}", offered_at=100.0 + n) for n in range(3)]
    (ignored,) = collect(offers, [])
    assert (ignored.kind, ignored.rejected) == (Kind.FAILURE, "read(path)")
    assert set(ignored.row_ids) == {"suggestion:s0", "suggestion:s1", "suggestion:s2"}
    assert ignored.weight < only(row(State.DISMISSED, final_text="raise OSError")).weight
    assert collect(offers[:2], []) == []


def test_offers_at_other_places_and_without_their_context_are_not_counted() -> None:
    elsewhere = [row(State.EXPIRED, id=f"s{n}", prefix=f"x{n} = ") for n in range(3)]
    assert collect(elsewhere, []) == []
    pruned = [row(State.EXPIRED, id=f"s{n}", prefix="", suffix="") for n in range(3)]
    assert collect(pruned, []) == []


def alternatives(chosen: int, **changes: Any) -> list[SuggestionRow]:
    """Three texts of one request, one of them accepted and kept."""
    rows = []
    for rank in range(3):
        fields = {"id": f"s{rank}", "rank": rank, "text": f"read_{rank}(path)", **changes}
        if rank == chosen:
            rows.append(accepted(Outcome.KEPT, **fields))
        else:
            rows.append(row(State.SUPERSEDED, evidence=None, **fields))
    return rows


def preferences(rows: list[SuggestionRow]) -> list[Example]:
    return [e for e in collect(rows, []) if e.kind is Kind.PREFERENCE]


def test_the_chosen_alternative_is_preferred_to_those_passed_on_the_way() -> None:
    first, second = preferences(alternatives(chosen=2))
    assert {first.target, second.target} == {"read_2(path)"}
    assert {first.rejected, second.rejected} == {"read_0(path)", "read_1(path)"}
    assert first.row_ids == ("suggestion:s2", "suggestion:s0")


def test_an_alternative_that_nobody_saw_was_not_passed_over() -> None:
    assert preferences(alternatives(chosen=0)) == []
    seen = alternatives(chosen=0)
    shown = row(State.SUPERSEDED, id="s1", rank=1, text="other()", evidence=Evidence.REPORTED)
    (pair,) = preferences([seen[0], shown])
    assert (pair.target, pair.rejected) == ("read_0(path)", "other()")


def test_suggestions_of_different_requests_are_no_alternatives() -> None:
    rows = [*alternatives(chosen=2)[:1], accepted(Outcome.KEPT, id="s9", rank=1, request_id="r9")]
    assert preferences(rows) == []


@pytest.mark.parametrize("changes", [{"rating": Rating.BAD}, {"outcome": Outcome.REVERTED}])
def test_a_choice_that_was_regretted_is_no_preference(changes: dict[str, Any]) -> None:
    rows = alternatives(chosen=2)
    chosen = accepted(changes.pop("outcome", Outcome.KEPT), id="s2", rank=2, **changes)
    assert preferences([*rows[:2], chosen]) == []


def test_a_fix_by_hand_is_an_edit_of_the_region() -> None:
    (example,) = collect([], [], fixes=[fix(1)])
    assert (example.kind, example.author) == (Kind.BUG_FIX, Author.PERSON)
    assert example.target == "    return path.read_text()"
    assert example.rejected == "    return pth.read_text()"
    assert example.row_ids == ("fix:f1",)


def test_a_fix_that_came_back_weighs_less_and_one_that_did_not_hold_nothing() -> None:
    whole, half = (
        collect([], [], fixes=[fix(1, effectiveness=share)])[0].weight for share in (1.0, 0.5)
    )
    assert half == pytest.approx(whole / 2)
    assert collect([], [], fixes=[fix(1, effectiveness=0.0)]) == []


@pytest.mark.parametrize(
    ("approach", "author"), [("suggestion:s7", Author.MODEL), ("code action", Author.OTHER)]
)
def test_a_fix_that_nobody_typed_is_not_by_hand(approach: str, author: Author) -> None:
    (example,) = collect([], [], fixes=[fix(1, approach=approach)])
    assert example.author is author
    assert not example.is_by_hand
    assert ("suggestion:s7" in example.row_ids) is (author is Author.MODEL)


@pytest.mark.parametrize("changes", [{"approach": "undo"}, {"after": "  \n"}])
def test_undoing_and_deleting_are_no_fixes_to_learn(changes: dict[str, Any]) -> None:
    assert collect([], [], fixes=[fix(1, **changes)]) == []


def test_a_decision_is_a_short_record_without_empty_headings() -> None:
    (example,) = collect([], [], decisions=[decision(1)])
    assert example.kind is Kind.DECISION
    assert example.target.startswith("# How signals are stored\n\n## Problem\n\nSignals must")
    assert "- JSON lines\n- SQLite\n" in example.target
    assert "## Outcome" not in example.target
    assert example.row_ids == ("decision:d1",)
    assert not example.is_by_hand


def test_pasted_code_weighs_half_and_judges_nobody() -> None:
    typed, pasted = (collect([], [pattern(1, origin=one)])[0] for one in ("typed", "pasted"))
    assert pasted.weight == pytest.approx(typed.weight / 2)
    assert typed.is_by_hand
    assert not pasted.is_by_hand
