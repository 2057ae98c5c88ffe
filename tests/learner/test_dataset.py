from __future__ import annotations

from itertools import islice
from pathlib import Path
from random import Random

import msgspec
import pytest

from habitus_learner import general, places
from habitus_learner.dataset import Layout, Mix, on_sheets, padded, passes, rows_of
from habitus_learner.job import load_layout
from habitus_learner.lessons import collect
from habitus_learner.sheet import count_read
from habitus_server.engine.answer import Answerer
from habitus_server.engine.fim import Budget
from habitus_server.engine.memory import Memory
from habitus_server.engine.model import load_model
from habitus_server.engine.wire import Place
from habitus_server.records import Outcome, State
from learner.made_rows import accepted, decision, fix, habit_patterns, pattern, row


@pytest.fixture(scope="module")
def layout(tiny_model: Path) -> Layout:
    return load_layout(tiny_model, "tiny", Budget(context=0))


def text_of(layout: Layout, ids: tuple[int, ...], tiny_model: Path) -> str:
    return load_model(str(tiny_model), "cpu").tokens.bytes_of(ids).decode()


def test_a_rows_prompt_is_the_one_that_serving_builds(layout: Layout, tiny_model: Path) -> None:
    model = load_model(str(tiny_model), "cpu")
    answerer = Answerer(model, Memory(model.tokens))
    for example in collect([accepted(Outcome.KEPT)], habit_patterns(12)):
        random = Random(1)
        cuts, rows = places.practised(example, Random(1)), rows_of(layout, example, random)
        for cut, made in zip(cuts, rows, strict=True):
            place = Place("", example.path, example.language, cut.prefix, cut.suffix)
            served = answerer.prompt(place, model.network(None), 16)
            assert made.ids[: made.start] == served.ids


def test_a_row_ends_with_the_text_and_the_end_token(layout: Layout, tiny_model: Path) -> None:
    (example,) = collect([accepted(Outcome.KEPT)], [])
    (made,) = rows_of(layout, example, Random(0))
    assert text_of(layout, made.ids[made.start :], tiny_model) == "read(path)"
    assert made.ids[-1] == layout.template.tokens.end


def test_corrections_carry_the_text_they_replaced_and_failures_only_refuse(layout: Layout) -> None:
    corrected, refused = (
        rows_of(layout, example, Random(0))[0]
        for example in collect(
            [
                accepted(Outcome.EDITED, id="a", final_text="read(name)"),
                row(State.DISMISSED, id="b"),
            ],
            [],
        )
    )
    assert corrected.fit > 0 and corrected.rejected and not corrected.refuse
    assert refused.refuse > 0 and not refused.fit and not refused.rejected


def test_what_a_commit_replaced_is_not_preferred_against(layout: Layout) -> None:
    (seen,) = collect([accepted(Outcome.EDITED, final_text="read(name)")], [])
    past = msgspec.structs.replace(seen, id="past:1234:a.py:1")
    (made,) = rows_of(layout, past, Random(0))
    assert made.fit == seen.weight
    assert not made.rejected and not made.prefer


def test_a_bug_fix_learns_the_region_as_it_became_and_not_as_it_was(
    layout: Layout, tiny_model: Path
) -> None:
    (example,) = collect([], [], fixes=[fix(1)])
    (made,) = rows_of(layout, example, Random(0))
    assert text_of(layout, made.ids[made.start :], tiny_model) == fix(1).after
    assert text_of(layout, made.rejected, tiny_model) == fix(1).before
    assert made.fit == made.prefer == example.weight


def test_a_preference_compares_two_texts_and_teaches_neither(layout: Layout) -> None:
    chosen = accepted(Outcome.KEPT, id="s2", rank=1)
    passed_over = row(State.SUPERSEDED, id="s1", rank=0, text="read()", evidence=None)
    (example,) = [e for e in collect([chosen, passed_over], []) if e.rejected]
    (made,) = rows_of(layout, example, Random(0))
    assert made.fit == 0.0
    assert made.prefer == example.weight
    assert made.rejected


def test_a_decision_is_taught_section_by_section_as_plain_text() -> None:
    (example,) = collect([], [], decisions=[decision(1)])
    sections = set()
    for seed in range(40):
        (cut,) = places.practised(example, Random(seed))
        assert example.target.startswith(cut.prefix + cut.target)
        sections.add(cut.target.split("\n")[0])
    assert sections == {
        "# How signals are stored",
        "## Problem",
        "## Constraints",
        "## Options",
        "## Decision",
    }


def test_cuts_put_together_give_the_code_as_it_was_written() -> None:
    text = "    if self.values:\n        self.values.clear()\n    return None\n"
    (example,) = collect([], [pattern(text=text, suffix="\ndef open(self):\n")])
    whole = example.prefix + text
    for seed in range(40):
        for cut in places.practised(example, Random(seed)):
            assert whole.startswith(cut.prefix + cut.target)
            assert cut.target.strip()
            assert cut.suffix.endswith(example.suffix)


def test_a_judged_line_sees_what_stood_below_it_and_not_the_lines_written_after() -> None:
    text = "    first = self.values[0]\n    second = self.values[1]\n"
    (example,) = collect([], [pattern(text=text, suffix="\ndef open(self):\n")])
    first, second = places.judged(example, Random(0))
    assert (first.target, second.target) == ("first = self.values[0]", "second = self.values[1]")
    assert first.suffix == second.suffix == "\n\ndef open(self):\n"
    assert second.prefix.endswith("first = self.values[0]\n    ")


def test_short_lines_judge_nothing_and_long_pieces_only_in_part() -> None:
    (short,) = collect([], [pattern(text="    pass\n")])
    (long,) = collect([], [pattern(text="    self.values.append(None)\n" * 50)])
    assert places.judged(short, Random(0)) == []
    assert len(places.judged(long, Random(0))) == places.MAX_JUDGED_LINES


def test_padded_batches_hold_no_more_than_their_tokens_and_lose_no_row(layout: Layout) -> None:
    rows = [r for e in collect([], habit_patterns(60)) for r in rows_of(layout, e, Random(0))]
    batches = padded(rows, 600)
    assert sorted(r.ids for b in batches for r in b) == sorted(r.ids for r in rows)
    assert all(len(b) * max(r.length for r in b) <= 600 for b in batches if len(b) > 1)


def test_batches_of_sheets_are_well_filled_and_keep_an_examples_rows_together(
    layout: Layout,
) -> None:
    rows = [r for e in collect([], habit_patterns(60)) for r in rows_of(layout, e, Random(0))]
    batches = on_sheets(rows, 600)
    assert sorted(r.ids for b in batches for r in b) == sorted(r.ids for r in rows)
    read = [count_read([r.ids for r in b]) for b in batches]
    assert max(read) <= 600
    assert sum(read) > 0.8 * 600 * len(batches)
    where = {(r.key, n) for n, b in enumerate(batches) for r in b}
    assert len(where) == len({r.key for r in rows})


def test_an_example_that_has_no_room_together_is_taken_apart(layout: Layout) -> None:
    (example,) = collect([], habit_patterns(1))
    rows = rows_of(layout, example, Random(0))
    assert len(rows) == 2
    assert on_sheets(rows, max(r.length for r in rows)) == [[row] for row in rows]


def test_the_same_seed_gives_the_same_batches_and_another_seed_others(layout: Layout) -> None:
    examples = collect([], habit_patterns(20))
    library = tuple(general.practice_files()[:20])

    def drawn(seed: int) -> list[object]:
        mix = Mix(seed=seed, batch_tokens=800, general_share=0.2, library=library)
        return list(islice(passes(layout, examples, mix), 20))

    assert drawn(3) == drawn(3)
    assert drawn(3) != drawn(4)


def test_general_code_takes_its_share_of_the_rows(layout: Layout) -> None:
    examples = collect([], habit_patterns(100))
    mix = Mix(
        seed=0, batch_tokens=800, general_share=0.2, library=tuple(general.practice_files()[:20])
    )
    rows = []
    for number, batch in passes(layout, examples, mix):
        if number == 1:
            break
        rows += batch
    share = sum(r.key == "general" for r in rows) / len(rows)
    assert share == pytest.approx(0.2, abs=0.02)


def test_newer_examples_tend_to_come_first(layout: Layout) -> None:
    examples = collect([], habit_patterns(1_000))
    mix = Mix(seed=0, batch_tokens=800, general_share=0.0, library=())
    first = [r.key for _, batch in islice(passes(layout, examples, mix), 12) for r in batch]
    rank = {example.id: number for number, example in enumerate(examples)}
    assert sum(rank[key] for key in first) / len(first) > 600


def test_no_file_is_in_two_parts_of_general_code() -> None:
    practised, gauged = general.practice_files(), general.gauge_files()
    probed = general.probe_files()
    assert len(practised) > 100 and len(gauged) > 10 and len(probed) > 10
    names = [{p.name for p in part} for part in (practised, gauged, probed)]
    assert not names[0] & names[1] and not names[0] & names[2] and not names[1] & names[2]


def test_passages_are_whole_lines_and_come_from_every_file_before_any_comes_again() -> None:
    files = general.probe_files()[:12]
    drawn = general.passages(files, 24, Random(1))
    assert len({one.path for one in drawn[:12]}) == len({one.path for one in drawn}) == 12
    for one in drawn:
        assert not one.cut.prefix or one.cut.prefix.endswith("\n")
        assert not one.cut.suffix or one.cut.suffix.startswith("\n")
        assert len(one.cut.target) > 100
    assert general.passages(files, 24, Random(1)) == drawn


def test_tables_of_characters_are_no_general_code() -> None:
    every = [*general.practice_files(), *general.gauge_files(), *general.probe_files()]
    assert not any("encodings" in path.parts for path in every)
