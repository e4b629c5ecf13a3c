"""Short fuzz runs on the target that the options choose: the rule machine, and the campaign's search."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import settings

from mmfuzz.campaign.explore import Explorer
from mmfuzz.finding import Finding, follow_up
from mmfuzz.report.failure import failure
from mmfuzz.strategies.machines import fuzz
from mmfuzz.targets.base import Target
from mmfuzz.targets.sim import Sim

PARTS = 4
"""Runs with seeds of their own, so that workers share them."""

FOUND = Path(".mmfuzz/found")
SEARCH_STEPS = {"sim": 20_000, "linux": 500}
MACHINE_PROGRAMS = {"sim": 60, "linux": 5}


def fail_with(findings: Iterable[Finding]) -> None:
    """Fail with the reports of what was found, if anything was."""
    reports = [failure(found.report, found.ops, found.step, found.path) for found in findings]
    if reports:
        pytest.fail("\n\n".join(reports), pytrace=False)


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
            fail_with(follow_up(mmfuzz_target, failed.ops, failed.violation, FOUND, "the test suite"))


@pytest.mark.parametrize("frames", [16, 64])
def test_search_finds_nothing_when_memory_is_short(frames: int) -> None:
    explorer = Explorer(Sim(frames=frames), "short of memory")

    while explorer.steps < SEARCH_STEPS["sim"]:
        failed = explorer.explore()
        assert failed is None, failed and failed.violation.report()
    if frames == 16:
        assert any(error == "ENOMEM" for _, error, _, _ in explorer.guide.seen)
