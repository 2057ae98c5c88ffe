"""What fits on a machine, and what follows from a model's size."""

from __future__ import annotations

import pytest

from habitus_learner.planner import Hardware, Hyper, Size, fit, sized

SMALL = Size(5_000_000, 300_000, width=256, layers=6, vocabulary=4_096, element_bytes=4)
LARGE = Size(7_600_000_000, 40_000_000, width=3_584, layers=28, vocabulary=152_064, element_bytes=2)


def test_a_small_model_trains_with_whole_steps_and_no_recomputing() -> None:
    found = fit(Hardware(is_cpu=True, free_bytes=8 << 30), SMALL, step_tokens=2_048)
    assert found is not None
    assert (found.batch_tokens, found.has_checkpointing) == (2_048, False)


def test_less_memory_means_recomputing_then_smaller_passes_then_no_training() -> None:
    plans = [
        fit(Hardware(is_cpu=False, free_bytes=gib << 30), LARGE, step_tokens=8_192)
        for gib in (120, 32, 24, 8)
    ]
    roomy, tight, tighter, hopeless = plans
    assert roomy is not None and not roomy.has_checkpointing
    assert tight is not None and tight.has_checkpointing
    assert tighter is not None and tighter.batch_tokens <= tight.batch_tokens
    assert hopeless is None


def test_larger_models_learn_more_slowly_and_in_larger_steps() -> None:
    made = [sized(Hyper(), size) for size in (1_000_000, 5_000_000, 500_000_000, 7_600_000_000)]
    rates = [hyper.learning_rate for hyper in made]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] == rates[1] == 3e-3
    assert rates[-1] == pytest.approx(2.6e-4, rel=0.05)
    assert [hyper.step_tokens for hyper in made] == [1_024, 1_024, 4_096, 4_096]
    assert sized(Hyper(learning_rate=1e-4, step_tokens=7), 5).learning_rate == 1e-4
