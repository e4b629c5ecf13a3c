"""Seeded search and the rule machine find nothing on a healthy kernel of any era."""

from __future__ import annotations

import pytest

from mmfuzz.campaign.explore import Explorer
from mmfuzz.profiles import PROFILES
from mmfuzz.targets.sim import Sim

STEPS = 6_000


@pytest.mark.parametrize("kernel", PROFILES)
def test_nothing_fails_on_any_era(kernel: str) -> None:
    explorer = Explorer(Sim(kernel), 1)
    while explorer.steps < STEPS:
        failure = explorer.explore()
        assert failure is None, failure.violation.report()


@pytest.mark.parametrize("pins", ["none", "biased", "pincount"])
def test_nothing_fails_with_a_pin_scheme_that_works(pins: str) -> None:
    explorer = Explorer(Sim(pins=pins), 1)
    while explorer.steps < STEPS:
        failure = explorer.explore()
        assert failure is None, failure.violation.report()
