"""Decoding: greedy as transformers decodes, text whole, requests stoppable."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from habitus_server.engine.answer import Answerer
from habitus_server.engine.decode import ModelAlone, Probabilities, generate, likeliest, sampler
from habitus_server.engine.memory import Memory
from habitus_server.engine.model import Model, load_model
from habitus_server.engine.reading import Reading
from habitus_server.engine.wire import Complete, Place, Score, Stop
from tiny_model import make_adapter

PREFIX = "def connect(self, host, port=None):\n    for index, value in enum"
PLACE = Place("w", "a.py", "python", PREFIX, "\n    return None\n")
LONG = Stop("block", 0, 99, 24)


class Scripted:
    """A network that gives these logits one after another, whatever it reads."""

    positions = 512

    def __init__(self, vocabulary: int, tokens: list[int]) -> None:
        self.vocabulary = vocabulary
        self._tokens = iter(tokens)

    def new_cache(self) -> Any:
        return None

    def forward(self, ids: Any, cache: Any, *, rows: int = 1) -> torch.Tensor:
        logits = torch.zeros(1, self.vocabulary)
        logits[0, next(self._tokens)] = 50.0
        return logits


class NoCache:
    def crop(self, length: int) -> None:
        pass


def write(model: Model, tokens: list[int], stop: Stop) -> tuple[str, str, list[str]]:
    told: list[str] = []
    network = Scripted(model.tokens.size, [*tokens, model.template.tokens.end])
    reading = Reading(network, NoCache(), [1], network.forward([1], None)[0])
    candidate, _ = generate(
        reading,
        model.tokens,
        stop,
        mixer=ModelAlone(),
        choose=likeliest,
        check=lambda: None,
        on_text=told.append,
    )
    return candidate.text, candidate.finish, told


def answerer(model: Model) -> Answerer:
    return Answerer(model, Memory(model.tokens))


def greedy_of_transformers(reference: Any, model: Model, ids: tuple[int, ...]) -> str:
    """What `generate` writes before the first sentinel."""
    with torch.no_grad():
        output = reference.generate(
            input_ids=torch.tensor([ids]),
            attention_mask=torch.ones(1, len(ids), dtype=torch.long),
            max_new_tokens=24,
            do_sample=False,
            pad_token_id=0,
        )[0, len(ids) :].tolist()
    kept = next((i for i, t in enumerate(output) if t in model.tokens.special.values()), 24)
    return model.tokens.bytes_of(output[:kept]).decode(errors="ignore")


def test_greedy_tokens_are_those_of_transformers_generate(tiny: Model, tiny_folder: Path) -> None:
    from transformers import AutoModelForCausalLM

    reference = AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.float32)
    prompt = answerer(tiny).prompt(PLACE, tiny.network(None), 24)
    request = Complete(1, "w", PLACE, stop=LONG, use_memory=False)
    text = answerer(tiny).complete(request).candidates[0].text
    assert greedy_of_transformers(reference, tiny, prompt.ids).startswith(text)
    assert len(text) > 8


def test_while_one_types_and_adapters_are_swapped_text_stays_that_of_transformers_generate(
    tiny_folder: Path, tmp_path: Path
) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model, ref = load_model(str(tiny_folder), "cpu"), make_adapter(tiny_folder, tmp_path / "v1")
    base = AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.float32)
    again = AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.float32)
    adapted = PeftModel.from_pretrained(again, ref.path)
    desk = answerer(model)
    reused = 0
    for number, cut in enumerate(range(len(PREFIX) - 9, len(PREFIX) + 1)):
        adapter = ref if number % 4 in (1, 2) else None
        place = Place("w", "a.py", "python", PREFIX[:cut], "\n    return None\n")
        answer = desk.complete(
            Complete(number, "w", place, adapter=adapter, stop=LONG, use_memory=False)
        )
        ids = desk.prompt(place, model.network(adapter), 24).ids
        expected = greedy_of_transformers(adapted if adapter else base, model, ids)
        assert expected.startswith(answer.candidates[0].text)
        assert len(answer.candidates[0].text) > 4
        reused += answer.reused_tokens
    assert reused > 200  # nearly all of each prompt but the first of each version


def test_logprobs_are_those_of_the_scored_text(tiny: Model) -> None:
    desk = answerer(tiny)
    completed = desk.complete(Complete(1, "w", PLACE, stop=Stop(max_tokens=6), use_memory=False))
    candidate = completed.candidates[0]
    assert candidate.finish == "length"
    scored = desk.score(Score(2, PLACE, candidate.text, use_memory=False))
    assert scored.chars == len(candidate.text)
    assert scored.tokens == len(candidate.logprobs)
    assert scored.bits == pytest.approx(-sum(candidate.logprobs) / math.log(2), rel=1e-4)


def test_score_is_the_sum_over_tokens_read_one_by_one(tiny: Model) -> None:
    network = tiny.network(None)
    desk = answerer(tiny)
    middle = tiny.tokens.encode("values(self)")
    prompt = desk.prompt(PLACE, network, len(middle))
    cache = network.new_cache()
    logits = network.forward(prompt.ids, cache)
    bits = 0.0
    for token in middle:
        bits -= float(torch.log_softmax(logits[-1], -1)[token]) / math.log(2)
        logits = network.forward([token], cache)
    scored = desk.score(Score(1, PLACE, "values(self)", use_memory=False))
    assert scored.bits == pytest.approx(bits, rel=1e-4)


def test_a_second_request_reads_only_what_is_new(tiny: Model) -> None:
    desk = answerer(tiny)
    first = desk.complete(Complete(1, "w", PLACE, use_memory=False))
    longer = Place("w", "a.py", "python", PREFIX + "erate", PLACE.suffix)
    second = desk.complete(Complete(2, "w", longer, use_memory=False))
    fresh = answerer(tiny).complete(Complete(3, "w", longer, use_memory=False))
    assert first.reused_tokens == 0
    assert second.reused_tokens > second.prompt_tokens - 8
    assert second.candidates[0].text == fresh.candidates[0].text != ""
    assert second.candidates[0].logprobs == pytest.approx(fresh.candidates[0].logprobs, rel=1e-4)


def test_sampled_candidates_repeat_with_their_seed_and_leave_the_greedy_one_alone(
    tiny: Model,
) -> None:
    desk = answerer(tiny)
    ask = Complete(1, "w", PLACE, candidates=4, seed=5, stop=LONG, use_memory=False)
    first, again = desk.complete(ask), desk.complete(ask)
    greedy = desk.complete(Complete(2, "w", PLACE, stop=LONG, use_memory=False))
    texts = [candidate.text for candidate in first.candidates]
    assert [candidate.text for candidate in again.candidates] == texts
    assert greedy.candidates[0].text == texts[0]
    assert len(set(texts)) == 4


def test_characters_of_several_tokens_come_out_whole(tiny: Model) -> None:
    ids = tiny.tokens.encode("é漢🙂x")
    assert len(ids) > 6
    text, finish, told = write(tiny, ids, Stop("block", 0, 9, 40))
    assert (text, finish) == ("é漢🙂x", "end")
    assert "".join(told) == "é漢🙂x"


def test_a_character_cut_by_the_token_limit_is_left_out(tiny: Model) -> None:
    ids = tiny.tokens.encode("x🙂")
    text, finish, _ = write(tiny, ids, Stop("line", 0, 1, len(ids) - 1))
    assert (text, finish) == ("x", "length")


def test_bytes_that_are_no_text_end_the_completion(tiny: Model) -> None:
    bad = tiny.tokens.encode("é")[1]
    text, finish, _ = write(tiny, [*tiny.tokens.encode("ok"), bad], Stop("line"))
    assert (text, finish) == ("ok", "stop")


def test_no_sentinel_is_ever_written(tiny: Model) -> None:
    for token in tiny.tokens.special.values():
        text, finish, _ = write(tiny, [*tiny.tokens.encode("ok"), token, 40], Stop("line"))
        assert (text, finish) == ("ok", "end")


def test_text_that_spells_a_sentinel_stays_text(tiny: Model) -> None:
    ids = tiny.tokens.encode("<|fim_middle|><|endoftext|>")
    assert not set(ids) & set(tiny.tokens.special.values())
    assert tiny.tokens.bytes_of(ids) == b"<|fim_middle|><|endoftext|>"


def test_streamed_text_adds_up_to_the_candidate(tiny: Model) -> None:
    ids = tiny.tokens.encode("a = 1\n    b = 2\n\nc = 3")
    text, finish, told = write(tiny, ids, Stop("block", 4, 9, 60))
    assert (text, finish) == ("a = 1\n    b = 2", "stop")
    assert "".join(told) == text


def test_a_request_stops_between_two_tokens_when_told_to(tiny: Model) -> None:
    class EnoughError(Exception):
        pass

    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise EnoughError

    desk = answerer(tiny)
    with pytest.raises(EnoughError):
        desk.complete(Complete(1, "w", PLACE, stop=LONG, use_memory=False), check=check)
    fresh = answerer(tiny).complete(Complete(2, "w", PLACE, stop=LONG, use_memory=False))
    after = desk.complete(Complete(3, "w", PLACE, stop=LONG, use_memory=False))
    assert after.candidates[0].text == fresh.candidates[0].text


def test_sampling_never_takes_what_is_far_from_likely() -> None:
    served: Probabilities = np.array([0.6, 0.39, 0.005, 0.005])
    choose = sampler(1.0, 3)
    chosen = {choose(served) for _ in range(400)}
    assert chosen == {0, 1}


def test_a_prompt_longer_than_the_context_is_cut_to_fit(tiny: Model) -> None:
    huge = Place("w", "a.py", "python", "x = [1, 2, 3]\n" * 40_000, "y = 2\n" * 40_000)
    completed = answerer(tiny).complete(Complete(1, "w", huge, use_memory=False))
    assert completed.prompt_tokens <= 1100
