"""What finds under a lock that somebody was quicker does nothing, and leaves nothing behind."""

from __future__ import annotations

import pytest

from mmfuzz.kernel.mm import DevicePte, MigrationPte, Pte, PteEntry, SwapPte, pte_same
from mmfuzz.kernel.page import Page
from mmfuzz.observation import TABLE, ZERO
from tests.kernel.conftest import Machine

PAGE, OTHER = Page(1), Page(2)

SAME: list[tuple[PteEntry, PteEntry]] = [
    (None, None),
    (ZERO, ZERO),
    (Pte(PAGE, True), Pte(PAGE, True)),
    (SwapPte(7, True), SwapPte(7, True)),
    (DevicePte(PAGE, False), DevicePte(PAGE, False)),
    (MigrationPte(PAGE, True, False), MigrationPte(PAGE, True, False)),
]

DIFFERENT: list[tuple[PteEntry, PteEntry]] = [
    (None, ZERO),
    (Pte(PAGE, True), Pte(PAGE, False)),
    (Pte(PAGE, True), Pte(OTHER, True)),
    (Pte(PAGE, True), DevicePte(PAGE, True)),
    (SwapPte(7, True), SwapPte(8, True)),
    (SwapPte(7, True), SwapPte(7, False)),
    (MigrationPte(PAGE, True, False), MigrationPte(PAGE, True, True)),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_entries_that_say_the_same_are_the_same(one: PteEntry, other: PteEntry) -> None:
    assert pte_same(one, other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_entries_that_differ_are_not(one: PteEntry, other: PteEntry) -> None:
    assert not pte_same(one, other)
    assert not pte_same(other, one)


@pytest.fixture
def small() -> Machine:
    """Areas of eight pages."""
    return Machine(huge_order=3, frames=64)


def test_slot_is_read_by_one_at_a_time(small: Machine) -> None:
    kernel = small.sim.kernel
    small.do("alloc p0 a0 base", "fault p0 a0.0 write", "swap_out p0 a0.0", "swap_out p0 a0.0")
    entry = kernel.mms[0].vmas[0].ptes[0]
    assert type(entry) is SwapPte
    assert entry.slot not in kernel.swap_cache
    assert kernel.swapcache_prepare(entry.slot)
    assert not kernel.swapcache_prepare(entry.slot)
    kernel.swapcache_clear(entry.slot)
    assert kernel.swapcache_prepare(entry.slot)
    assert not kernel.swapcache_prepare(entry.slot + 1), "nobody has swapped anything out to that slot"


def test_slot_without_entries_is_free_when_its_reader_is_through(small: Machine) -> None:
    kernel = small.sim.kernel
    small.do("alloc p0 a0 base", "fault p0 a0.0 write", "swap_out p0 a0.0", "swap_out p0 a0.0")
    entry = kernel.mms[0].vmas[0].ptes[0]
    assert type(entry) is SwapPte
    assert kernel.swapcache_prepare(entry.slot)
    kernel.dontneed(0, 0, range(1))
    assert entry.slot in kernel.swap_map, "who reads it has it still"
    kernel.swapcache_clear(entry.slot)
    assert entry.slot not in kernel.swap_map


def test_swap_in_of_an_entry_that_is_gone_maps_nothing(small: Machine) -> None:
    kernel = small.sim.kernel
    small.do("alloc p0 a0 base", "fault p0 a0.0 write", "swap_out p0 a0.0")
    mm, vma = kernel.mms[0], kernel.mms[0].vmas[0]
    entry = vma.ptes[0]
    assert type(entry) is SwapPte
    vma.ptes[0] = None
    page = kernel.swap_cache[entry.slot]
    before = page._refcount
    assert kernel.do_swap_page(mm, vma, 0, entry, True) == ""
    assert vma.ptes[0] is None
    assert page._refcount == before


@pytest.mark.parametrize("order", ["base", "huge"])
def test_fault_that_comes_too_late_keeps_what_is_there(small: Machine, order: str) -> None:
    kernel = small.sim.kernel
    small.do(f"alloc p0 a0 {order}", "fault p0 a0.0 write")
    mm, vma = kernel.mms[0], kernel.mms[0].vmas[0]
    free, tables, entry = kernel.buddy.nr_free, len(kernel.page_tables), (vma.pmd, vma.ptes[0])
    if order == "huge":
        assert kernel.map_huge_page(mm, vma)
    else:
        assert kernel.do_anonymous_page(mm, vma, 0) == ""
    assert (vma.pmd, vma.ptes[0]) == entry
    assert (kernel.buddy.nr_free, len(kernel.page_tables)) == (free, tables)


def test_area_that_is_gone_is_an_error_of_the_call(small: Machine) -> None:
    kernel = small.sim.kernel
    small.do("alloc p0 a0 base", "fault p0 a0 write", "unmap p0 a0.1")
    assert kernel.user_write(0, 0, 1, 5) == "EFAULT"
    assert kernel.user_read(0, 1, 0) == ("EFAULT", 0)
    assert kernel.munmap(0, 1, range(1)) == "EFAULT"
    assert kernel.take(0, 0, range(2), 0, write=True, pin=True) == "EFAULT"
    assert kernel.handles == {}
    assert small.at(0, 0, 0).refcount == 1 + 1, "the map's reference and the batch's"


def test_fork_into_a_slot_that_is_taken_does_nothing(small: Machine) -> None:
    kernel = small.sim.kernel
    small.do("fork p0 p1")
    child = kernel.mms[1]
    assert kernel.fork(0, 1) == "EAGAIN"
    assert kernel.mms[1] is child


def test_split_of_a_mapping_that_is_split_does_nothing(small: Machine) -> None:
    kernel = small.sim.kernel
    small.do("alloc p0 a0 huge", "fault p0 a0.0 write", "split_map p0 a0")
    entries = list(kernel.mms[0].vmas[0].ptes)
    kernel.split_map(0, 0)
    assert kernel.mms[0].vmas[0].pmd is TABLE
    assert kernel.mms[0].vmas[0].ptes == entries


def test_memory_pressure_takes_what_only_the_swap_cache_has(small: Machine) -> None:
    kernel = small.sim.kernel
    small.do("alloc p0 a0 base", "fault p0 a0.0 write", "swap_out p0 a0.0")
    vma = kernel.mms[0].vmas[0]
    entry = vma.ptes[0]
    assert type(entry) is SwapPte
    vma.ptes[0] = None
    kernel.swap_free(entry.slot)
    assert kernel.buddy.nr_free == kernel.buddy.size - 1
    kernel.shrink_swap_cache()
    assert kernel.buddy.nr_free == kernel.buddy.size
    assert entry.slot not in kernel.swap_map
