"""Lies about kernels whose tails have references: what the model and the checks hold only them to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mmfuzz.observation import Counters, Report
from mmfuzz.ops import Migrate, Operation, Split, SplitMap, SwapOut
from tests.model.liar import Liar, outcome

HUGE = "alloc p0 a0 huge; fault p0 a0.0 write; drain"
HELD = HUGE + "; get p0 a0.3 read h0"
ERAS = ("2.6.38", "3.2")

Say = Callable[[Counters], Counters]
Tell = Callable[[Report], None]


def tails(field: str, tail: int, more: int) -> Say:
    """A tail's count or mapcount that is another by `more`."""

    def lie(seen: Counters) -> Counters:
        values = getattr(seen, field)
        if values is None:
            return seen
        changes: dict[str, Any] = {field: [n + more * (index == tail) for index, n in enumerate(values)]}
        return replace(seen, **changes)

    return lie


def saying(say: Say, kernel: str) -> Liar:
    return Liar(counters=say, kernel=kernel)


def telling(kind: type[Operation], tell: Tell, kernel: str) -> Liar:
    def lie(op: Operation, report: Report) -> None:
        if type(op) is kind:
            tell(report)

    return Liar(report=lie, kernel=kernel)


def nothing_done(report: Report) -> None:
    for changed in (report.folios, report.pmds, report.ptes, report.cached, report.batched):
        changed.clear()


def refused(report: Report) -> None:
    nothing_done(report)
    report.error = "EAGAIN"


def map_alone(report: Report) -> None:
    """The map is split, and the huge page is said to be whole still."""
    report.folios.clear()


NOTED = {"2.6.38": ("tail_counts", "tail_mapcounts"), "3.2": ("tail_mapcounts", "tail_counts")}
"""Where a tail's references are, and the other field."""


@pytest.mark.parametrize("kernel", ERAS)
@pytest.mark.parametrize("more", [-1, 1])
def test_references_of_a_tail_are_as_many_as_its_owners(kernel: str, more: int) -> None:
    violation = outcome(HELD, saying(tails(NOTED[kernel][0], 3, more), kernel)).violation
    assert violation is not None
    assert violation.property == "identity"
    assert "tail 3 has" in violation.message


@pytest.mark.parametrize(("kernel", "broken"), [("2.6.38", "mapcount"), ("3.2", "identity")])
def test_nothing_is_noted_in_the_other_field(kernel: str, broken: str) -> None:
    violation = outcome(HELD, saying(tails(NOTED[kernel][1], 5, 1), kernel)).violation
    assert violation is not None
    assert violation.property == broken
    assert "of tail 5 is 1" in violation.message


@pytest.mark.parametrize("kernel", ERAS)
@pytest.mark.parametrize(
    ("lines", "broken", "kind", "tell"),
    [
        (HELD + "; split p0 a0.3", "refusal", Split, refused),
        (HELD + "; split_map p0 a0", "outcome", SplitMap, map_alone),
        (HELD + "; swap_out p0 a0", "refusal", SwapOut, nothing_done),
        (HELD + "; migrate p0 a0.1", "refusal", Migrate, refused),
    ],
)
def test_references_are_no_reason_to_leave_a_huge_page_whole(
    kernel: str, lines: str, broken: str, kind: type[Operation], tell: Tell
) -> None:
    violation = outcome(lines, telling(kind, tell, kernel)).violation
    assert violation is not None
    assert violation.property == broken, violation.report()
    assert outcome(lines, Liar(kernel=kernel)).violation is None


@pytest.mark.parametrize("kernel", ERAS)
def test_split_that_leaves_another_process_its_map_is_refused(kernel: str) -> None:
    """Nobody maps a huge page that somebody else has in pieces."""

    def keep(report: Report) -> None:
        report.pmds = [entry for entry in report.pmds if entry[0] == 0]
        report.ptes = [entry for entry in report.ptes if entry[0] == 0]

    lines = HUGE + "; fork p0 p1; split_map p0 a0"
    violation = outcome(lines, telling(SplitMap, keep, kernel)).violation
    assert violation is not None
    assert violation.property == "outcome"
    assert "a PMD still maps a folio that was split" in violation.message
