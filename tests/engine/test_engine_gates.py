"""How memory and model are mixed: distributions that learn."""

from __future__ import annotations

import numpy as np
import pytest

from habitus_server.engine.gates import Gates, Level


def test_gates_give_distributions_and_learn_to_open() -> None:
    random_state = np.random.default_rng(1)
    gates = Gates()
    model = random_state.dirichlet(np.ones(50) * 0.1)
    level = Level(False, 4, 3, np.array([7, 9], np.int32), np.array([2 / 3, 1 / 3]))
    weaker = Level(False, 1, 30, np.array([1, 9], np.int32), np.array([0.5, 0.5]))
    first = gates.mix(model, [level, weaker], is_known=True)
    assert first.served.sum() == pytest.approx(1.0)
    assert (first.served >= 0).all()
    before = first.served[7]
    for _ in range(200):
        gates.learn(gates.mix(model, [level, weaker], is_known=True), 7)
    assert gates.mix(model, [level, weaker], is_known=True).served[7] > max(before, 0.6)
    token = int(model.argmax())
    for _ in range(400):
        gates.learn(gates.mix(model, [level, weaker], is_known=True), token)
    assert gates.mix(model, [level, weaker], is_known=True).served[7] < before


def test_a_step_of_learning_goes_up_the_gradient() -> None:
    """The slope that `learn` follows is the numerical one of the log-likelihood."""
    random_state = np.random.default_rng(2)
    model = random_state.dirichlet(np.ones(20))
    levels = [
        Level(True, 6, 2, np.array([3], np.int32), np.array([1.0])),
        Level(False, 2, 9, np.array([3, 4], np.int32), np.array([0.25, 0.75])),
    ]
    gates = Gates()
    rows = gates.mix(model, levels, is_known=True).rows
    for index in np.unique(rows):
        slopes = []
        for nudge in (1e-5, -1e-5):
            nudged = Gates()
            nudged.weights[index] += nudge
            slopes.append(np.log(nudged.mix(model, levels, is_known=True).served[4]))
        numerical = (slopes[0] - slopes[1]) / 2e-5
        moved = Gates()
        before = moved.weights[index]
        moved.learn(moved.mix(model, levels, is_known=True), 4)
        assert np.sign(moved.weights[index] - before) == np.sign(round(numerical, 9))
