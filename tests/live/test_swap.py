"""Swap of our own: entries, swap cache, and values on the way out and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from mmfuzz.observation import Swapped, stamp
from mmfuzz.ops import BASE, Alloc, Dontneed, Fault, Fork, SwapIn, SwapOut
from mmfuzz.targets.linux import Linux
from mmfuzz.targets.linux.swap import zram_missing

if TYPE_CHECKING:
    from tests.live.conftest import Run

pytestmark = pytest.mark.skipif(zram_missing() is not None, reason=str(zram_missing()))


@pytest.fixture(scope="module")
def linux(open_with_swap: Callable[[str], Linux]) -> Linux:
    """The module's target has swap."""
    return open_with_swap("zram")


def swapped_out(run: Run) -> int:
    """Two pages at a0.0 of process 0, swapped out; the step that wrote them."""
    run(Alloc(0, 0, BASE), Fault(0, 0, 0, 2, True))
    written = run.step
    report = run(SwapOut(0, 0, 0, 2))
    assert [type(entry) for *_, entry in report.ptes] == [Swapped, Swapped]
    assert all(run.target.counters(frame) is None for frame in report.touched)
    return written


def test_values_come_back(run: Run) -> None:
    written = swapped_out(run)
    assert run(SwapIn(0, 0, 0, 2)).values == [stamp(written, 0), stamp(written, 1)]


def test_only_swapped_pages_are_read(run: Run) -> None:
    written = swapped_out(run)
    report = run(SwapIn(0, 0, 0, 4))
    assert report.values == [stamp(written, 0), stamp(written, 1), None, None]
    assert len(report.ptes) == 2


def test_shared_entry_stays_in_the_swap_cache_if_it_says_so(run: Run) -> None:
    """The kernel may keep or drop it: what the report says is what the folio shows."""
    swapped_out(run)
    report = run(Fork(0, 1), SwapIn(0, 0, 0, 1))
    ((head, _),) = report.folios
    seen = run.folio(head)
    cached = [frame for _, frame in report.cached if frame == head]
    assert seen.swapcache == bool(cached)
    assert seen.refcount == 1 + len(cached)


def test_dropping_the_entry_makes_no_report_of_frames(run: Run) -> None:
    swapped_out(run)
    report = run(Dontneed(0, 0, 0, 2))
    assert [entry for *_, entry in report.ptes] == [None, None]
    assert report.touched == []
