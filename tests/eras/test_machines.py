"""Seeded search and the rule machine find nothing on a healthy kernel of any era."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from mmfuzz.campaign.explore import Explorer
from mmfuzz.profiles import PROFILES
from mmfuzz.strategies.machines import fuzz
from mmfuzz.targets.sim import Sim

STEPS = 6_000
BUDGET = settings(max_examples=40, stateful_step_count=40, database=None, print_blob=False)


@pytest.mark.parametrize("kernel", PROFILES)
def test_nothing_fails_on_any_era(kernel: str) -> None:
    explorer = Explorer(Sim(kernel), 1)
    while explorer.steps < STEPS:
        failure = explorer.explore()
        assert failure is None, failure.violation.report()


@pytest.mark.parametrize("kernel", PROFILES)
def test_the_rule_machine_finds_nothing_on_any_era(kernel: str, tmp_path: Path) -> None:
    assert fuzz(Sim(kernel), tmp_path, budget=BUDGET, seeded=0) == []


@pytest.mark.parametrize("pins", ["none", "biased", "pincount"])
def test_nothing_fails_with_a_pin_scheme_that_works(pins: str) -> None:
    explorer = Explorer(Sim(pins=pins), 1)
    while explorer.steps < STEPS:
        failure = explorer.explore()
        assert failure is None, failure.violation.report()
