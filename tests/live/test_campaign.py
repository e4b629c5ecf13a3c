"""The search on the running kernel: nothing is found where nothing is wrong, and what is wrong is found."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mmfuzz.campaign.explore import Explorer, Failure
from mmfuzz.corpus import load
from mmfuzz.finding import follow_up
from mmfuzz.observation import Counters
from mmfuzz.ops import BASE, HUGE, OPERATIONS, Alloc, Drain, Fault
from mmfuzz.session import run
from mmfuzz.strategies.universe import Universe
from mmfuzz.targets.base import Target
from mmfuzz.targets.linux import Linux
from mmfuzz.targets.linux.swap import zram_missing
from mmfuzz.targets.sim import Sim
from mmfuzz.violation import Violation

SMALL = Universe(areas=1, processes=4, pages=8, huge_order=9)
WRONG = (0, 3)
"""The (area, page) whose write faults take a reference that nobody is told of."""
STEPS_TO_FIND = 2_000
OPERATIONS_MAX = 3
REPORT_LINES_MAX = 16

needs_zram = pytest.mark.skipif(zram_missing() is not None, reason=str(zram_missing()))


def search(target: Linux, steps: int, seed: int) -> tuple[Explorer, Failure | None]:
    """Search until a property fails, or for so many steps."""
    explorer = Explorer(target, seed, universe=SMALL)
    while explorer.steps < steps:
        failure = explorer.explore()
        if failure is not None:
            return explorer, failure
    return explorer, None


def assert_nothing_found(target: Linux, steps: int, seed: int) -> None:
    explorer, failure = search(target, steps, seed)
    assert failure is None, failure.violation.report()
    never = {kind for kind in OPERATIONS if not explorer.operations[kind]}
    assert never - {Drain} == set(target.traits.left_out)  # nothing is left to drain after a live step


def test_nothing_is_found_in_a_short_search(linux: Linux) -> None:
    assert_nothing_found(linux, 3_000, seed=1)


@needs_zram
def test_nothing_is_found_in_a_short_search_with_swap(open_with_swap: Callable[[str], Linux]) -> None:
    target = open_with_swap("zram")
    assert_nothing_found(target, 3_000, seed=2)
    target.close()


@pytest.mark.slow
def test_nothing_is_found_in_20_000_steps(linux: Linux) -> None:
    assert_nothing_found(linux, 20_000, seed=3)


@needs_zram
@pytest.mark.slow
def test_nothing_is_found_in_20_000_steps_with_swap(open_with_swap: Callable[[str], Linux]) -> None:
    target = open_with_swap("zram")
    assert_nothing_found(target, 20_000, seed=4)
    target.close()


@pytest.fixture(scope="module")
def miscounting(usable_machine: None) -> Iterator[Linux]:
    target = Linux(areas=1, unaccounted_get=WRONG)
    yield target
    target.close()


@pytest.mark.parametrize("seed", range(3))
def test_reference_that_nobody_is_told_of_is_found_and_made_minimal(
    miscounting: Linux, tmp_path: Path, seed: int
) -> None:
    _, failure = search(miscounting, STEPS_TO_FIND, seed)
    assert failure is not None
    assert failure.violation.property == "identity"
    (finding,) = follow_up(miscounting, failure.ops, failure.violation, tmp_path, "a test")
    assert len(finding.ops) <= OPERATIONS_MAX
    assert finding.step == len(finding.ops) - 1
    assert list(tmp_path.iterdir()) == [finding.path]
    assert load(finding.path).ops == finding.ops
    assert "refcount is 2, its owners add up to 1" in finding.report


class Overcounting(Sim):
    """The simulated kernel with a reference more on each folio than its owners know of."""

    def counters(self, frame: int) -> Counters | None:
        seen = super().counters(frame)
        if seen is not None:
            seen.refcount += 1
        return seen


def failure_of(target: Target, order: int) -> Violation:
    """The program that the search ends at; `order` says what kind of page it makes."""
    outcome = run([Alloc(0, 0, order), Fault(0, 0, 3, 1, True)], target)
    assert outcome.violation is not None
    assert outcome.step == 1
    return outcome.violation


def lines_of(violation: Violation) -> list[str]:
    """A report as any machine has it: without frames, counts, and the batch that live targets empty."""
    lines = [line for line in violation.report().splitlines() if "an LRU batch" not in line]
    return [re.sub(r"[0-9]+", "N", " ".join(line.split())) for line in lines]


@pytest.mark.parametrize("order", [BASE, HUGE])
def test_report_is_that_of_the_simulated_kernel(miscounting: Linux, order: int) -> None:
    """Property, folio, terms and owners; a kernel that lacks a counter shows one term less."""
    live = failure_of(miscounting, order)
    simulated = failure_of(Overcounting(huge_order=9), order)
    assert live.property == simulated.property == "identity"
    assert len(live.report().splitlines()) < REPORT_LINES_MAX
    assert set(lines_of(live)) <= set(lines_of(simulated))
    for name in ("refcount", "PTE maps of each page", "in swap cache"):
        assert name in live.report()
    assert live.terms[0].owners == simulated.terms[0].owners[:1]
