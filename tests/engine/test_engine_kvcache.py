"""Reused prompts give what fresh ones give."""

from __future__ import annotations

import random
from pathlib import Path

import torch

from habitus_server.engine.answer import Answerer
from habitus_server.engine.kvcache import PrefixCaches, common_length
from habitus_server.engine.memory import Memory
from habitus_server.engine.model import Model, load_model
from habitus_server.engine.wire import Complete, Place, Stop
from tiny_model import make_adapter


def test_the_common_length_is_that_of_a_plain_loop() -> None:
    chance = random.Random(3)
    for _ in range(300):
        left = [chance.randrange(3) for _ in range(chance.randrange(12))]
        right = left[: chance.randrange(12)] + [
            chance.randrange(3) for _ in range(chance.randrange(5))
        ]
        plain = 0
        while plain < min(len(left), len(right)) and left[plain] == right[plain]:
            plain += 1
        assert common_length(left, right) == plain


def test_a_reused_cache_gives_the_logits_of_a_fresh_prefill(tiny: Model) -> None:
    """Typing, deleting, jumping and other windows, in a seeded random order."""
    chance = random.Random(7)
    network = tiny.network(None)
    caches = PrefixCaches(network.new_cache, limit_bytes=3 * network.new_cache().size_bytes())
    prompts = [[chance.randrange(6, 300) for _ in range(60)] for _ in range(2)]
    reuses = 0
    for _ in range(60):
        window = chance.randrange(2)
        ids = prompts[window]
        keep = len(ids) - chance.choice([0, 0, 1, 5, 40])
        prompts[window] = ids = ids[: max(1, keep)] + [
            chance.randrange(6, 300) for _ in range(chance.choice([1, 2, 9]))
        ]
        cache, reused = caches.take("base", ids)
        assert reused == cache.length < len(ids)
        logits = network.forward(ids[reused:], cache)
        caches.note(cache, ids)
        fresh = network.forward(ids, network.new_cache())
        torch.testing.assert_close(logits, fresh, atol=2e-5, rtol=1e-4)
        reuses += reused > 0
    assert reuses > 40
    assert caches.size_bytes() <= 3 * network.new_cache().size_bytes()


def test_caches_do_not_cross_from_one_key_to_another(tiny: Model) -> None:
    network = tiny.network(None)
    caches = PrefixCaches(network.new_cache, limit_bytes=1 << 30)
    ids = [9, 8, 7, 6]
    cache, _ = caches.take("one", ids)
    network.forward(ids, cache)
    caches.note(cache, ids)
    assert caches.take("two", ids)[1] == 0
    assert caches.take("one", ids)[1] == 3


def test_what_an_interrupted_prefill_left_is_all_that_is_counted_on(tiny: Model) -> None:
    network = tiny.network(None)
    caches = PrefixCaches(network.new_cache, limit_bytes=1 << 30)
    ids = [9, 8, 7, 6, 10, 11]
    cache, _ = caches.take("one", ids)
    network.forward(ids[:3], cache)
    caches.note(cache, ids)
    _, reused = caches.take("one", ids)
    assert reused == 3


def test_a_window_that_shares_only_the_beginning_leaves_the_other_its_cache(tiny: Model) -> None:
    network = tiny.network(None)
    caches = PrefixCaches(network.new_cache, limit_bytes=1 << 30)
    ours, theirs = [9] * 10 + [7] * 30, [9] * 10 + [8] * 30
    for ids in (ours, theirs):
        cache, _ = caches.take("base", ids)
        network.forward(ids[cache.length :], cache)
        caches.note(cache, ids)
    assert caches.take("base", [*ours, 12])[1] == 40
    assert caches.take("base", [*theirs, 12])[1] == 40


def test_of_equal_beginnings_the_one_used_last_goes_on(tiny: Model) -> None:
    network = tiny.network(None)
    caches = PrefixCaches(network.new_cache, limit_bytes=1 << 30)
    held = []
    for tail in (7, 8):
        ids = [9] * 10 + [tail] * 30
        cache, _ = caches.take("base", ids)
        network.forward(ids[cache.length :], cache)
        caches.note(cache, ids)
        held.append(cache)
    again, reused = caches.take("base", [9] * 10 + [8] * 20 + [5])
    assert reused == 30
    assert again is held[1]


def test_all_versions_of_all_windows_together_stay_under_the_bound(
    tiny_folder: Path, tmp_path: Path
) -> None:
    model = load_model(str(tiny_folder), "cpu")
    one = model.network(None).new_cache().size_bytes()
    desk = Answerer(model, Memory(model.tokens), cache_limit_bytes=9 * one)
    refs = [None, *(make_adapter(tiny_folder, tmp_path / f"v{n}", seed=n) for n in range(3))]
    most = 0
    for number in range(40):
        place = Place(f"w{number % 5}", f"f{number % 7}.py", "python", f"x = {number}\n" * 40, "")
        stop = Stop(max_tokens=2)
        desk.complete(Complete(number, "window", place, adapter=refs[number % 4], stop=stop))
        most = max(most, desk.cache_bytes())
    assert 4 * one <= most <= 9 * one
