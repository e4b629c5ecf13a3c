"""Which operations apply, and what is said about those that do not."""

from __future__ import annotations

import re

import pytest

from mmfuzz.model.applies import why_not
from mmfuzz.ops import Fork
from tests.model.liar import operations, session_after

FAULTED = "alloc p0 a0 base; fault p0 a0.0 write"
HUGE = "alloc p0 a0 huge; fault p0 a0.0 write"
PINNED = FAULTED + "; pin p0 a0.0 read h0"
SWAPPED = FAULTED + "; swap_out p0 a0.0"


@pytest.mark.parametrize(
    ("before", "op", "reason"),
    [
        ("drain", "alloc p1 a0 base", "process 1 is not alive"),
        (FAULTED, "alloc p0 a0 huge", "area 0 is mapped already"),
        ("drain", "alloc p0 a0 order3", "order 3 is not below the PMD order 3"),
        ("drain", "fault p0 a0.0 read", "area 0 is not mapped"),
        (FAULTED + "; unmap p0 a0.2", "fault p0 a0.1+2 read", "page 2 is unmapped"),
        (FAULTED + "; unmap p0 a0.2", "pin p0 a0 read h0", "part of the area is unmapped"),
        ("drain", "free p0 a0", "area 0 is not mapped"),
        ("drain", "fork p1 p2", "process 1 is not alive"),
        ("fork p0 p1", "fork p0 p1", "process 1 is alive already"),
        ("drain", "exit p1", "process 1 is not alive"),
        ("drain", "exit p0", "the last process stays"),
        (PINNED, "get p0 a0.0 read h0", "handle 0 is open already"),
        (FAULTED, "unpin h0", "handle 0 holds no pin"),
        (PINNED, "put h0", "handle 0 holds no get"),
        (FAULTED + "; get p0 a0.0 write h0", "dma h0 read", "handle 0 holds no pin"),
        (PINNED, "dma h0 write", "handle 0 was not pinned for writing"),
        (FAULTED, "split_map p0 a0", "area 0 is not mapped by a PMD"),
        (FAULTED, "split p0 a0.0", "page 0 is in no large folio"),
        (FAULTED, "split p0 a1.0", "page 0 of area 1 is not mapped"),
        (HUGE, "collapse p0 a0", "there is no page table to collapse"),
        ("alloc p0 a0 base; fault p0 a0 read", "collapse p0 a0", "nothing is mapped in the area"),
        (FAULTED + "; unmap p0 a0.1", "collapse p0 a0", "area 0 is not mapped whole"),
        (FAULTED + "; unmap p0 a0.1", "unmap p0 a0.1", "the range is unmapped already"),
        ("drain", "unmap p0 a0.1", "area 0 is not mapped"),
        (FAULTED, "swap_out p0 a0.1", "nothing in the range is present or in the swap cache"),
        (SWAPPED + "; swap_out p0 a0.0", "swap_out p0 a0.0", "nothing in the range is present or"),
        (FAULTED, "swap_in p0 a0", "nothing in the range is swapped out"),
        (FAULTED, "free_swap p0 a0", "nothing in the range is in the swap cache"),
        (SWAPPED, "migrate p0 a0.0", "nothing in the range is present"),
        (FAULTED, "move p0 a0.0 a1.0", "area 1 is not another area that is mapped"),
        (FAULTED, "move p0 a0.0 a0.1", "area 0 is not another area that is mapped"),
        (FAULTED + "; alloc p0 a1 base", "move p0 a0.0+4 a1.6", "the target ends beyond the area's 8 pages"),
        (FAULTED + "; alloc p0 a1 base; unmap p0 a1.1", "move p0 a0 a1.0", "part of the target is unmapped"),
        (SWAPPED, "protect p0 a0.0", "nothing in the range is present"),
    ],
)
def test_operation_that_does_not_apply_says_why(before: str, op: str, reason: str) -> None:
    session = session_after(before)
    said = session.why_not(operations(op)[0])
    assert said is not None
    assert re.search(re.escape(reason), said)


@pytest.mark.parametrize(
    ("before", "op"),
    [
        (FAULTED + "; free p0 a0", "alloc p0 a0 order2"),
        (FAULTED + "; unmap p0 a0.2", "fault p0 a0.3+2 read"),
        (FAULTED + "; unmap p0 a0.2", "unmap p0 a0.1+2"),
        ("fork p0 p1", "exit p0"),
        (SWAPPED, "collapse p0 a0"),
        (SWAPPED, "swap_out p0 a0.0"),
        ("alloc p0 a0 huge; fault p0 a0 read", "split_map p0 a0"),
        ("alloc p0 a0 order2; fault p0 a0.0 write", "split p0 a0.3"),
        (PINNED + "; free p0 a0", "unpin h0"),
        (PINNED + "; fork p0 p1; exit p0", "dma h0 read"),
    ],
)
def test_operation_that_applies(before: str, op: str) -> None:
    assert session_after(before).why_not(operations(op)[0]) is None


def test_skipped_operation_changes_nothing_and_takes_no_step() -> None:
    session = session_after(FAULTED)
    steps = session.world.steps
    step = session.step(Fork(3, 1))
    assert (step.skipped, step.report) == (why_not(session.world, Fork(3, 1)), None)
    assert session.world.steps == steps
