"""UFFDIO_MOVE: what goes with a page to its new address, and what stays where it is."""

from __future__ import annotations

import pytest

from mmfuzz.observation import ZERO, Mapped
from tests.kernel.conftest import Machine

BASE = ("alloc p0 a0 base", "alloc p0 a1 base", "fault p0 a0.0 write", "drain")
HUGE = ("alloc p0 a0 huge", "alloc p0 a1 base", "fault p0 a0.0 write")


@pytest.fixture
def small() -> Machine:
    """A machine with 8 pages in a huge page."""
    return Machine(huge_order=3, frames=1024)


def test_base_page_keeps_its_frame_and_its_counts(small: Machine) -> None:
    small.do(*BASE)
    frame = small.frame(0, 0, 0)
    small.do("move p0 a0.0 a1.3")
    assert small.frame(0, 1, 3) == frame
    assert (small.at(0, 1, 3).refcount, small.at(0, 1, 3).mapcounts) == (1, (1,))
    assert small.session.world.entry(0, 0, 0) is None
    small.do("migrate p0 a1.3")
    assert small.frame(0, 1, 3) != frame


def test_huge_page_moves_whole_between_whole_areas(small: Machine) -> None:
    small.do(*HUGE)
    frame = small.frame(0, 0, 0)
    report = small.do("move p0 a0 a1.0")
    assert report.pmds == [(0, 0, None), (0, 1, Mapped(frame, True))]
    assert small.at(0, 1, 0).entire == 1


def test_page_out_of_a_huge_page_is_split_off_first(small: Machine) -> None:
    small.do(*HUGE, "fault p0 a0 write", "move p0 a0.2+2 a1.0")
    assert [small.at(0, 1, page).order for page in (0, 1)] == [0, 0]
    assert small.at(0, 0, 0).order == 0


def test_zero_pages_move_as_they_are(small: Machine) -> None:
    small.do("alloc p0 a0 huge", "alloc p0 a1 huge", "fault p0 a0.0 read", "move p0 a0 a1.0")
    assert small.session.world.entry(0, 1, 7) is ZERO
    small.do("move p0 a1.1 a0.5")
    assert small.session.world.entry(0, 0, 5) is ZERO


def test_swap_entry_takes_its_cached_page_along(small: Machine) -> None:
    small.do(*BASE, "swap_out p0 a0.0", "move p0 a0.0 a1.1")
    report = small.do("fault p0 a1.1 read")
    assert report.values == [3 << 10]
    small.do("drain", "migrate p0 a1.1")


@pytest.mark.parametrize(
    ("before", "line", "error"),
    [
        (("pin p0 a0.0 write h0",), "move p0 a0.0 a1.0", "EBUSY"),
        (("fork p0 p1",), "move p0 a0.0 a1.0", "EBUSY"),
        (("swap_out p0 a0.0", "fork p0 p1"), "move p0 a0.0 a1.0", "EBUSY"),
        ((), "move p0 a0.1 a1.0", "ENOENT"),
        (("fault p0 a1.0 read",), "move p0 a0.0 a1.0", "EEXIST"),
        (("get p0 a0.0 read h0",), "move p0 a0.0 a1.0", ""),
    ],
)
def test_what_somebody_else_may_have_stays(
    small: Machine, before: tuple[str, ...], line: str, error: str
) -> None:
    assert small.do(*BASE, *before, line).error == error
    small.session.finish()


def test_range_is_moved_as_far_as_it_goes(small: Machine) -> None:
    report = small.do(*BASE, "fault p0 a0.1 write", "move p0 a0.0+4 a1.0")
    assert (report.error, report.done) == ("ENOENT", 2)


@pytest.mark.parametrize("before", [("pin p0 a0.0 write h0",), ("fork p0 p1",)])
def test_huge_page_of_others_stays(small: Machine, before: tuple[str, ...]) -> None:
    assert small.do(*HUGE, *before, "move p0 a0 a1.0").error == "EBUSY"
    assert small.at(0, 0, 0).entire >= 1
