"""Counts as they were measured on 6.18 by other means, seen through the target.

On kernels before 6.15 the fields that came later are None, and are not asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmfuzz.observation import TABLE, ZERO, Counters, Mapped, Report
from mmfuzz.ops import (
    BASE,
    HUGE,
    Alloc,
    Collapse,
    Dontneed,
    Exit,
    Fault,
    Fork,
    Get,
    Pin,
    Put,
    Split,
    SplitMap,
    Unmap,
    Unpin,
)

if TYPE_CHECKING:
    from tests.live.conftest import Run

ENTIRELY_MAPPED = 0x800000


def frame_of(report: Report) -> int:
    """The frame of the one folio that a step made."""
    ((head, _),) = report.folios
    return head


def small(run: Run) -> int:
    """A base page of process 0, at a0.0."""
    return frame_of(run(Alloc(0, 0, BASE), Fault(0, 0, 0, 1, True)))


def huge(run: Run) -> int:
    """A huge page of process 0, in area 0."""
    report = run(Alloc(0, 0, HUGE), Fault(0, 0, 0, 1, True))
    assert report.folios[0][1] == 9, "no huge page was to be had: is memory fragmented?"
    return frame_of(report)


def mapped(counters: Counters) -> tuple[int, int, int]:
    """(refcount, PMD maps, PTE maps)."""
    return counters.refcount, counters.entire, sum(counters.mapcounts)


def test_fresh_page_has_one_reference_once_settled(run: Run) -> None:
    assert mapped(run.folio(small(run))) == (1, 0, 1)


def test_fork_shares_a_page_and_exit_gives_it_back(run: Run) -> None:
    frame = small(run)
    run(Fork(0, 1))
    assert mapped(run.folio(frame)) == (2, 0, 2)
    assert run.folio(frame).exclusive in (None, (False,))
    run(Exit(1))
    assert mapped(run.folio(frame)) == (1, 0, 1)


def test_zero_page_counts_nothing(run: Run) -> None:
    report = run(Alloc(0, 0, BASE), Fault(0, 0, 3, 1, False))
    assert report.ptes == [(0, 0, 3, ZERO)]
    assert (report.folios, report.touched, report.values) == ([], [], [0])


def test_huge_page_has_one_reference(run: Run) -> None:
    head = huge(run)
    seen = run.folio(head)
    assert mapped(seen) == (1, 1, 0)
    assert (seen.order, seen.pincount) == (9, 0)
    assert seen.nr_pages_mapped in (None, ENTIRELY_MAPPED)
    assert seen.large in (None, 1)


def test_huge_page_is_shared_until_the_child_exits(run: Run) -> None:
    head = huge(run)
    run(Fork(0, 1))
    assert mapped(run.folio(head)) == (2, 2, 0)
    assert run.folio(head).shared in (None, True)
    run(Exit(1))
    assert run.folio(head).shared in (None, False)


def test_split_mapping_counts_every_page(run: Run) -> None:
    head = huge(run)
    report = run(SplitMap(0, 0))
    assert report.pmds == [(0, 0, TABLE)]
    assert report.ptes[511] == (0, 0, 511, Mapped(head + 511, None))
    seen = run.folio(head)
    assert mapped(seen) == (512, 0, 512)
    assert seen.nr_pages_mapped in (None, 512)


def test_half_a_huge_page_is_half_the_references(run: Run) -> None:
    head = huge(run)
    run(SplitMap(0, 0), Dontneed(0, 0, 256, 256))
    assert run.folio(head).refcount == 256
    assert run.folio(head).partially_mapped in (None, True)
    run(Fork(0, 1))
    assert mapped(run.folio(head)) == (512, 0, 512)


def test_one_mapping_by_pmd_and_one_by_ptes(run: Run) -> None:
    head = huge(run)
    run(Fork(0, 1), Unmap(1, 0, 256, 256))
    assert mapped(run.folio(head)) == (257, 1, 256)
    run(Fault(0, 0, 0, 1, True))
    assert run.folio(head).refcount == 512 + 256 - 1
    run(Exit(1))
    assert run.folio(head).refcount == 511


def test_pin_of_a_base_page_weighs_1024(run: Run) -> None:
    frame = small(run)
    run(Pin(0, 0, 0, 1, True, 0))
    assert run.folio(frame).refcount == 1025
    run(Pin(0, 0, 0, 1, True, 1))
    assert run.folio(frame).refcount == 2049
    run(Unpin(0), Unpin(1))
    assert run.folio(frame).refcount == 1


def test_pin_of_a_huge_page_counts_apart(run: Run) -> None:
    head = huge(run)
    run(Pin(0, 0, 0, 3, True, 0))
    pins = 1 if run.target.traits.pins_coalesced else 3
    assert (run.folio(head).refcount, run.folio(head).pincount) == (1 + pins, pins)
    run(Unpin(0))
    assert (run.folio(head).refcount, run.folio(head).pincount) == (1, 0)


def test_get_adds_one_for_each_page(run: Run) -> None:
    head = huge(run)
    run(Get(0, 0, 0, 16, False, 0))
    assert run.folio(head).refcount == 17
    assert run.folio(head).pincount == 0
    assert len(run(Put(0)).values) == 16
    assert run.folio(head).refcount == 1


def test_get_of_a_whole_area_and_back(run: Run) -> None:
    head = huge(run)
    run(Get(0, 0, 0, 0, True, 0))
    assert run.folio(head).refcount == 513
    assert len(run(Put(0)).values) == 512
    assert run.folio(head).refcount == 1


def test_fork_copies_a_pinned_page(run: Run) -> None:
    frame = small(run)
    report = run(Pin(0, 0, 0, 1, True, 0), Fork(0, 1))
    assert run.folio(frame).refcount == 1025
    assert run.folio(frame_of(report)).refcount == 1


def test_fork_splits_the_mapping_of_a_pinned_huge_page(run: Run) -> None:
    head = huge(run)
    report = run(Pin(0, 0, 0, 1, True, 0), Fork(0, 1))
    assert run.folio(head).refcount == 513
    assert (0, 0, TABLE) in report.pmds
    assert len(report.folios) == 512


def test_split_makes_512_pages(run: Run) -> None:
    head = huge(run)
    report = run(Fault(0, 0, 0, 0, True), Split(0, 0, 7))
    assert report.error == ""
    assert sorted(report.folios) == [(head + i, 0) for i in range(512)]
    assert run.folio(head + 5).refcount == 1


def test_split_is_refused_and_says_so(run: Run) -> None:
    head = huge(run)
    assert run(Get(0, 0, 5, 1, False, 0), Split(0, 0, 0)).error == "EAGAIN"
    assert run.folio(head).order == 9
    assert run(Put(0), Fork(0, 1), Split(0, 0, 0)).error == "EBUSY"


def test_collapse_waits_for_the_pin(run: Run) -> None:
    small(run)
    assert run(Pin(0, 0, 0, 1, True, 0), Collapse(0, 0)).error == "EAGAIN"
    report = run(Unpin(0), Collapse(0, 0))
    assert report.error == ""
    assert mapped(run.folio(frame_of(report))) == (1, 1, 0)


def test_freed_page_is_gone(run: Run) -> None:
    frame = small(run)
    report = run(Dontneed(0, 0, 0, 1))
    assert report.touched == [frame]
    assert run.target.counters(frame) is None
