"""Short fuzz runs on the target that the options choose: the rule machine, and the campaign's search."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import seed, settings

from mmfuzz.campaign.explore import Explorer
from mmfuzz.finding import Finding, follow_up
from mmfuzz.report.failure import failure
from mmfuzz.strategies.machines import fuzz
from mmfuzz.targets.base import Target

PARTS = 4
"""Runs with seeds of their own, so that workers share them."""

FOUND = Path(".mmfuzz/found")
SEARCH_STEPS = {"sim": 20_000, "linux": 500}
MACHINE_PROGRAMS = {"sim": 60, "linux": 5}


def fail_with(finding: Finding | None) -> None:
    """Fail with the report of a finding, if there is one."""
    if finding is not None:
        pytest.fail(failure(finding.report, finding.ops, finding.step, finding.path), pytrace=False)


@pytest.mark.parametrize("part", range(PARTS))
def test_rule_machine_finds_nothing(mmfuzz_target: Target, part: int) -> None:
    budget = settings(max_examples=MACHINE_PROGRAMS[mmfuzz_target.traits.name], stateful_step_count=50)

    fail_with(fuzz(mmfuzz_target, FOUND, budget=budget, seeded=part))


@pytest.mark.parametrize("part", range(PARTS))
def test_search_finds_nothing(mmfuzz_target: Target, part: int) -> None:
    explorer = Explorer(mmfuzz_target, f"tests/{part}")

    while explorer.steps < SEARCH_STEPS[mmfuzz_target.traits.name]:
        failed = explorer.explore()
        if failed is not None:
            fail_with(
                next(follow_up(mmfuzz_target, failed.ops, failed.violation, FOUND, "the test suite"), None)
            )
