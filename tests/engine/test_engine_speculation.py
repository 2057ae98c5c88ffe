"""Drafts change how fast a text is written, and never what is written."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from habitus_server.engine.answer import Answerer
from habitus_server.engine.decode import ModelAlone, Probabilities, generate, likeliest, sampler
from habitus_server.engine.memory import Memory
from habitus_server.engine.model import Model, load_model
from habitus_server.engine.pace import MOST, TRIAL_EVERY, Pace
from habitus_server.engine.reading import Reading, read_prompt
from habitus_server.engine.wire import Candidate, Complete, Completed, Place, Stop
from habitus_server.records import AdapterRef
from tiny_model import make_adapter

SOURCE = '''def connect(self, host, port=None):
    """Open a connection to a host."""
    for index, value in enumerate(self.values):
        if value is not None and value.name == host:
            return self.open_connection(value, port)
    raise ValueError("no such host: %s" % host)
'''
LONG = Stop("block", 0, 99, 24)
PROMPT = [7 + (31 * n) % 290 for n in range(40)]


class Counting:
    """A network that counts its reads."""

    def __init__(self, network: Any) -> None:
        self._network = network
        self.positions = network.positions
        self.vocabulary = network.vocabulary
        self.reads = 0

    def new_cache(self) -> Any:
        return self._network.new_cache()

    def forward(self, ids: Sequence[int], cache: Any, *, rows: int = 1) -> torch.Tensor:
        self.reads += 1
        logits: torch.Tensor = self._network.forward(ids, cache, rows=rows)
        return logits


class Drafting(ModelAlone):
    """A mixer that drafts what it is told to, for what has been written so far."""

    def __init__(self, draft: Callable[[int], list[int]]) -> None:
        self._draft = draft
        self._count = 0

    def advance(self, token: int) -> None:
        self._count += 1

    def draft(self, limit: int) -> list[int]:
        return self._draft(self._count)[:limit]


class Eager(Pace):
    """Always asks for as much as may be."""

    def limit(self) -> int:
        return MOST


def write(
    network: Any,
    model: Model,
    choose: Callable[[Probabilities], int],
    mixer: ModelAlone,
    pace: Pace | None,
    *,
    draft: Sequence[int] = (),
) -> tuple[Candidate, list[int], Reading]:
    reading = read_prompt(
        network, network.new_cache(), PROMPT, chunk=16, check=lambda: None, draft=draft
    )
    candidate, written = generate(
        reading, model.tokens, LONG, mixer=mixer, choose=choose, check=lambda: None, pace=pace
    )
    return candidate, written, reading


@pytest.mark.parametrize("rank", range(4))
@pytest.mark.parametrize("right", [0.0, 0.5, 0.9, 1.0])
def test_a_draft_of_any_quality_changes_nothing(tiny: Model, rank: int, right: float) -> None:
    network = tiny.network(None)

    def choose() -> Callable[[Probabilities], int]:
        return sampler(0.9, rank) if rank else likeliest

    plain, truth, _ = write(network, tiny, choose(), ModelAlone(), None)
    chance = random.Random(rank)

    def draft(count: int) -> list[int]:
        guesses = [t if chance.random() < right else chance.randrange(300) for t in truth[count:]]
        return guesses[: chance.randrange(12)]

    first = draft(0)
    fast, written, reading = write(network, tiny, choose(), Drafting(draft), Eager(), draft=first)
    assert (fast.text, fast.finish, written) == (plain.text, plain.finish, truth)
    assert fast.logprobs == pytest.approx(plain.logprobs, rel=1e-3, abs=1e-4)
    assert reading.cache.length == len(PROMPT) + len(written)
    # What the cache holds is what a prompt of all these tokens would have left there.
    fresh = network.forward([*PROMPT, *written, 9], network.new_cache())
    torch.testing.assert_close(network.forward([9], reading.cache), fresh, atol=1e-4, rtol=1e-3)


def test_a_right_draft_saves_reads(tiny: Model) -> None:
    slow, fast = Counting(tiny.network(None)), Counting(tiny.network(None))
    _, truth, _ = write(slow, tiny, likeliest, ModelAlone(), None)
    mixer = Drafting(lambda count: truth[count:])
    _, again, _ = write(fast, tiny, likeliest, mixer, Eager(), draft=truth[:MOST])
    assert again == truth
    assert slow.reads >= 20
    assert fast.reads <= slow.reads // 4


def test_a_second_candidate_starts_from_the_prompt_alone(tiny: Model) -> None:
    network = tiny.network(None)
    _, truth, _ = write(network, tiny, likeliest, ModelAlone(), None)
    mixer = Drafting(lambda count: truth[count:])
    _, _, reading = write(network, tiny, likeliest, mixer, Eager(), draft=truth[:5])
    alone, sampled, _ = write(network, tiny, sampler(1.5, 3), ModelAlone(), None)
    after, again = generate(
        reading,
        tiny.tokens,
        LONG,
        mixer=ModelAlone(),
        choose=sampler(1.5, 3),
        check=lambda: None,
        pace=Eager(),
    )
    assert again == sampled != truth
    assert after.text == alone.text


@pytest.fixture
def adapted(tiny_folder: Path, tmp_path: Path) -> tuple[Model, AdapterRef]:
    return load_model(str(tiny_folder), "cpu"), make_adapter(tiny_folder, tmp_path / "v1")


def desk(model: Model) -> Answerer:
    """An answerer that remembers the source, so that drafts come often and are often right."""
    memory = Memory(model.tokens)
    for number in range(3):
        memory.remember("w", f"{number}.py", SOURCE.replace("host", f"host{number}"))
    return Answerer(model, memory)


def days_requests(ref: AdapterRef) -> list[Complete]:
    """Typing with memory on and off, samples, and adapters swapped in between."""
    requests = []
    for number, cut in enumerate(range(60, len(SOURCE), 9)):
        place = Place("w", "a.py", "python", SOURCE[:cut], "\n\nx = 1\n")
        requests.append(
            Complete(
                number,
                "window",
                place,
                adapter=ref if number % 5 in (3, 4) else None,
                candidates=1 + 2 * (number % 4 == 1),
                seed=number,
                stop=LONG if number % 2 else Stop(max_tokens=24),
                use_memory=number % 7 != 2,
            )
        )
    return requests


def test_answers_are_those_of_fresh_answerers_that_draft_nothing(
    adapted: tuple[Model, AdapterRef], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, ref = adapted
    asked: list[int] = []
    note = Pace.note_outcome

    def noted(self: Pace, count: int, right: int) -> None:
        asked.append(right)
        note(self, count, right)

    monkeypatch.setattr(Pace, "note_outcome", noted)
    monkeypatch.setattr(Pace, "limit", lambda self: MOST)
    ours = desk(model)
    drafting = [ours.complete(request) for request in days_requests(ref)]
    assert sum(asked) > 50  # drafts were right that often
    assert asked.count(0) > 10  # and wrong that often
    monkeypatch.setattr(Pace, "limit", lambda self: 0)
    plain = [desk(model).complete(request) for request in days_requests(ref)]
    for one, other in zip(drafting, plain, strict=True):
        assert_same(one, other)
    assert sum(answer.reused_tokens for answer in drafting) > 1000


def assert_same(one: Completed, other: Completed) -> None:
    assert [c.text for c in one.candidates] == [c.text for c in other.candidates]
    assert [c.finish for c in one.candidates] == [c.finish for c in other.candidates]
    for ours, theirs in zip(one.candidates, other.candidates, strict=True):
        assert ours.logprobs == pytest.approx(theirs.logprobs, rel=1e-3, abs=1e-4)


class TestDraftsOfMemory:
    def draft(self, model: Model, prefix: str, *, one_line: bool, limit: int = 30) -> str:
        place = Place("w", "a.py", "python", prefix, "\n")
        recall = desk(model).memory.begin(place, one_line=one_line)
        return model.tokens.bytes_of(recall.draft(limit)).decode()

    def test_they_go_on_as_the_longest_match_did(self, tiny: Model) -> None:
        prefix = "x = 1\n    for index, value in enumerate(self.values):\n        if value is not"
        draft = self.draft(tiny, prefix, one_line=False)
        assert draft.startswith(" None and value.name == host")

    def test_they_go_on_inside_a_word(self, tiny: Model) -> None:
        assert self.draft(tiny, "    raise Value", one_line=False).startswith('Error("no such')

    def test_they_end_with_the_line_when_one_line_is_asked_for(self, tiny: Model) -> None:
        prefix = "        if value is not None and value.na"
        place = Place("w", "a.py", "python", prefix, "\n")
        recall = desk(tiny).memory.begin(place, one_line=True)
        draft = recall.draft(30)
        assert draft[-1] == tiny.template.tokens.end
        text = tiny.tokens.bytes_of(draft[:-1]).decode()
        assert text.startswith("me == host") and "\n" not in text

    def test_they_keep_to_their_limit(self, tiny: Model) -> None:
        place = Place("w", "a.py", "python", "    raise Value", "\n")
        recall = desk(tiny).memory.begin(place)
        assert [len(recall.draft(limit)) for limit in (0, 1, 3)] == [0, 1, 3]

    def test_they_follow_what_is_written_and_change_nothing(self, tiny: Model) -> None:
        place = Place("w", "a.py", "python", "    raise Value", "\n")
        asked, silent = (desk(tiny).memory.begin(place) for _ in range(2))
        model = np.full(tiny.tokens.size, 1.0 / tiny.tokens.size)
        for token in asked.draft(12):
            for limit in (0, 5, 20):
                draft = asked.draft(limit)
                assert draft[:1] in ([], [token])
            assert np.array_equal(asked.mix(model), silent.mix(model))
            asked.advance(token)
            silent.advance(token)


class TestPace:
    def test_wrong_drafts_are_given_up_and_tried_again_now_and_then(self) -> None:
        pace = Pace()
        for _ in range(200):
            pace.note_outcome(1, 0)
        limits = [pace.limit() for _ in range(10 * TRIAL_EVERY)]
        assert limits.count(0) == len(limits) - 10

    def test_right_drafts_grow_longer(self) -> None:
        pace = Pace()
        before = pace.limit()
        for _ in range(200):
            pace.note_outcome(1, 1)
        assert pace.limit() == MOST > before

    def test_drafts_that_cost_as_much_as_they_save_are_given_up(self) -> None:
        pace = Pace()
        for _ in range(200):
            pace.note_cost(0, 0.001)
            pace.note_cost(2, 0.003)
            pace.note_outcome(1, 0)
            pace.note_outcome(1, 1)
        assert [pace.limit() for _ in range(5)] == [0] * 5

    def test_one_slow_step_says_little(self) -> None:
        pace = Pace()
        for _ in range(200):
            pace.note_cost(0, 0.001)
            pace.note_cost(4, 0.0012)
            pace.note_outcome(1, 1)
        before = pace.limit()
        pace.note_cost(4, 1.0)
        assert pace.limit() == before
