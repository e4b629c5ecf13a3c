"""Failures to order: what each does where it is met, and that it is met once."""

from __future__ import annotations

import pytest

from mmfuzz.observation import ZERO
from mmfuzz.ops import FAILURES
from tests.kernel.conftest import Machine

WRITTEN = ("alloc p0 a0 base", "fault p0 a0.0 write", "drain")
HUGE = ("alloc p0 a0 huge", "fault p0 a0.0 write")
UNREAD = (*WRITTEN, "swap_out p0 a0.0", "swap_out p0 a0.0", "fail io", "fault p0 a0.0 read")


@pytest.fixture
def small() -> Machine:
    """A machine with 8 pages in a huge page."""
    return Machine(huge_order=3, frames=1024)


def test_huge_fault_without_memory_falls_back_to_a_base_page(small: Machine) -> None:
    report = small.do("alloc p0 a0 huge", "fail alloc", "fault p0 a0.0 write")
    assert (report.error, small.at(0, 0, 0).order) == ("", 0)


def test_base_fault_without_memory_fails_once(small: Machine) -> None:
    report = small.do("alloc p0 a0 base", "fail alloc", "fault p0 a0.0+2 write")
    assert (report.error, report.done) == ("ENOMEM", 0)
    assert not small.do("fault p0 a0.0+2 write").error


def test_failure_is_over_with_the_operation_that_did_not_meet_it(small: Machine) -> None:
    assert not small.do("alloc p0 a0 base", "fail alloc", "drain", "fault p0 a0.0 write").error


def test_last_of_two_failures_counts(small: Machine) -> None:
    assert not small.do("alloc p0 a0 base", "fail alloc", "fail io", "fault p0 a0.0 write").error


@pytest.mark.parametrize("point", FAILURES)
@pytest.mark.parametrize(
    "lines",
    [
        ("fork p0 p1", "fault p1 a0.0 write"),
        ("collapse p0 a0",),
        ("migrate p0 a0.0",),
        ("swap_out p0 a0.0", "swap_out p0 a0.0", "swap_in p0 a0.0"),
        ("pin p0 a0.0+3 write h0",),
    ],
)
def test_everything_holds_and_the_next_try_succeeds(
    small: Machine, point: str, lines: tuple[str, ...]
) -> None:
    small.do(*WRITTEN, *lines[:-1], f"fail {point}", lines[-1])
    again = small.session.why_not(small.operation(lines[-1]))
    if again is None and point != "io":
        assert not small.do(lines[-1]).error
    small.session.finish()


def test_write_fault_that_cannot_copy_leaves_the_page_shared(small: Machine) -> None:
    report = small.do(*WRITTEN, "fork p0 p1", "fail copy", "fault p1 a0.0 write")
    assert report.error == "EHWPOISON"
    assert small.at(1, 0, 0).mapcounts == (2,)


def test_fork_that_cannot_copy_a_pinned_page_leaves_no_child(small: Machine) -> None:
    report = small.do("alloc p0 a0 base", "pin p0 a0.0 write h0", "drain", "fail copy", "fork p0 p1")
    assert report.error == "EHWPOISON"
    assert small.at(0, 0, 0).refcount == 1025


def test_collapse_that_cannot_copy_keeps_its_sources(small: Machine) -> None:
    report = small.do(*WRITTEN, "fail copy", "collapse p0 a0")
    assert report.error == "EINVAL"
    assert (small.at(0, 0, 0).order, small.at(0, 0, 0).refcount) == (0, 1)


def test_write_fault_copies_what_it_cannot_lock(small: Machine) -> None:
    small.do(*WRITTEN, "fork p0 p1", "exit p1")
    before = small.frame(0, 0, 0)
    small.do("fail trylock", "fault p0 a0.0 write")
    assert small.frame(0, 0, 0) != before


@pytest.mark.parametrize(
    ("line", "error"), [("split p0 a0.0", "EAGAIN"), ("migrate p0 a0.0", "EBUSY"), ("swap_out p0 a0", "")]
)
def test_huge_page_that_is_locked_stays_as_it_is(small: Machine, line: str, error: str) -> None:
    before = small.do(*HUGE) and small.frame(0, 0, 0)
    assert small.do("fail trylock", line).error == error
    assert (small.frame(0, 0, 0), small.at(0, 0, 0).entire) == (before, 1)


def test_page_that_could_not_be_read_stays_in_the_swap_cache_and_is_never_mapped(small: Machine) -> None:
    assert small.do(*UNREAD).error == "EFAULT"
    assert small.do("fault p0 a0.0 read").error == "EFAULT"
    assert small.do("collapse p0 a0").error == "EINVAL"


def test_page_that_could_not_be_read_is_read_again_once_reclaim_has_taken_it(small: Machine) -> None:
    small.do(*UNREAD)
    report = small.do("swap_out p0 a0.0", "fault p0 a0.0 read")
    assert (report.error, report.values) == ("", [2 << 10])


def test_range_of_which_a_part_is_to_be_had_is_given_back(small: Machine) -> None:
    report = small.do("alloc p0 a0 base", "fail partial", "pin p0 a0.0+3 write h0", "drain")
    assert report.error == ""
    assert not small.session.world.handles
    assert [small.at(0, 0, page).refcount for page in (0, 1)] == [1, 1]
    assert small.session.world.entry(0, 0, 2) is None


def test_single_page_is_had_whole_or_not_at_all(small: Machine) -> None:
    assert not small.do("alloc p0 a0 base", "fail partial", "get p0 a0.0 read h0").error
    assert small.session.world.entry(0, 0, 0) is ZERO


def test_protected_page_is_written_where_it_is(small: Machine) -> None:
    small.do(*WRITTEN)
    before = small.frame(0, 0, 0)
    report = small.do("protect p0 a0")
    assert [entry[3].writable for entry in report.ptes] == [False]  # type: ignore[union-attr]
    small.do("fault p0 a0.0 write")
    assert small.frame(0, 0, 0) == before


def test_protecting_a_part_of_a_huge_page_splits_its_map(small: Machine) -> None:
    small.do(*HUGE, "protect p0 a0.1+2")
    seen = small.at(0, 0, 0)
    assert (seen.entire, seen.refcount) == (0, 8)


def test_protecting_a_whole_huge_page_keeps_its_map(small: Machine) -> None:
    report = small.do(*HUGE, "protect p0 a0")
    assert small.at(0, 0, 0).entire == 1
    assert [entry.writable for *_, entry in report.pmds] == [False]  # type: ignore[union-attr]
