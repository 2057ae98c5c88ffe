"""Editing sessions as people would label them."""

from __future__ import annotations

import pytest

from signals.claims import Judge
from signals.scenario import Scenario, all_scenarios

SCENARIOS = all_scenarios()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_a_session_is_judged_as_a_person_would(scenario: Scenario) -> None:
    assert Judge(scenario).problems() == []


def test_every_session_claims_something_and_has_its_own_name() -> None:
    assert all(one.claims for one in SCENARIOS)
    assert len({one.name for one in SCENARIOS}) == len(SCENARIOS) >= 150
