"""Refcounts and mapcounts as they were measured on a running Linux 6.18, huge pages of 512 pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmfuzz.observation import ZERO

if TYPE_CHECKING:
    from tests.kernel.conftest import Machine

N = 512
ENTIRELY_MAPPED = 0x800000


def test_fresh_base_page_is_referenced_by_its_map_and_its_lru_batch(machine: Machine) -> None:
    machine.do("alloc p0 a0 base", "fault p0 a0.0 write")
    assert machine.at(0, 0, 0).refcount == 2
    machine.do("drain")
    assert machine.at(0, 0, 0).refcount == 1
    assert machine.at(0, 0, 0).mapcounts == (1,)


def test_huge_page_costs_one_reference_and_waits_in_no_batch(machine: Machine) -> None:
    machine.do("alloc p0 a0 huge", "fault p0 a0.0 write")
    seen = machine.at(0, 0, 0)
    assert (seen.refcount, seen.entire, seen.large) == (1, 1, 1)
    assert seen.nr_pages_mapped == ENTIRELY_MAPPED


def test_mthp_costs_a_reference_for_each_page(machine: Machine) -> None:
    machine.do("alloc p0 a0 order4", "fault p0 a0.20 write")
    seen = machine.at(0, 0, 31)
    assert (seen.order, seen.refcount, seen.large) == (4, 16, 16)
    assert machine.page(0, 0, 16).index == 0


def test_forked_base_page_has_two_maps(machine: Machine) -> None:
    machine.do("alloc p0 a0 base", "fault p0 a0.0 write", "drain", "fork p0 p1")
    assert (machine.at(0, 0, 0).refcount, machine.at(1, 0, 0).mapcounts) == (2, (2,))


def test_forked_huge_page_has_two_pmd_maps_and_is_shared_until_the_child_exits(machine: Machine) -> None:
    machine.do("alloc p0 a0 huge", "fault p0 a0.0 write", "fork p0 p1")
    seen = machine.at(0, 0, 0)
    assert (seen.refcount, seen.entire, seen.shared) == (2, 2, True)
    machine.do("exit p1")
    seen = machine.at(0, 0, 0)
    assert (seen.refcount, seen.entire, seen.shared) == (1, 1, False)


def test_split_pmd_map_costs_a_reference_for_each_page(machine: Machine) -> None:
    machine.do("alloc p0 a0 huge", "fault p0 a0.0 write", "split_map p0 a0")
    seen = machine.at(0, 0, 0)
    assert (seen.refcount, seen.entire, seen.nr_pages_mapped, seen.order) == (N, 0, N, 9)


def test_half_of_a_huge_page_is_partially_mapped(machine: Machine) -> None:
    machine.do("alloc p0 a0 huge", "fault p0 a0.0 write", "dontneed p0 a0.0+256")
    seen = machine.at(0, 0, 256)
    assert (seen.refcount, seen.nr_pages_mapped, seen.partially_mapped) == (256, 256, True)
    machine.do("fork p0 p1")
    assert machine.at(0, 0, 256).refcount == 512
    assert machine.at(0, 0, 256).mapcounts[256] == 2


def test_fork_unmap_write_exit_on_a_huge_page(machine: Machine) -> None:
    machine.do("alloc p0 a0 huge", "fault p0 a0.0 write", "fork p0 p1")
    huge = machine.frame(0, 0, 0)
    machine.do("unmap p1 a0.0+256")
    assert machine.folio(huge).refcount == 256 + 1
    machine.do("fault p0 a0.0 write")
    assert machine.folio(huge).refcount == 512 - 1 + 256
    assert machine.frame(0, 0, 0) != huge
    machine.do("exit p1")
    assert machine.folio(huge).refcount == 511


def test_pin_of_a_base_page_counts_1024(machine: Machine) -> None:
    machine.do("alloc p0 a0 base", "fault p0 a0.0 write", "drain", "pin p0 a0.0 write h0")
    assert machine.at(0, 0, 0).refcount == 1 + 1024
    machine.do("get p0 a0.0 read h1")
    assert machine.at(0, 0, 0).refcount == 1 + 1024 + 1
    machine.do("unpin h0", "put h1")
    assert machine.at(0, 0, 0).refcount == 1


def test_pin_of_a_huge_page_counts_one_and_is_kept_apart(machine: Machine) -> None:
    machine.do("alloc p0 a0 huge", "pin p0 a0.7 write h0")
    assert (machine.at(0, 0, 0).refcount, machine.at(0, 0, 0).pincount) == (2, 1)
    machine.do("unpin h0")
    assert (machine.at(0, 0, 0).refcount, machine.at(0, 0, 0).pincount) == (1, 0)


def test_fork_copies_a_pinned_base_page(machine: Machine) -> None:
    machine.do("alloc p0 a0 base", "pin p0 a0.0 write h0", "fork p0 p1", "drain")
    assert machine.at(0, 0, 0).refcount == 1025
    assert machine.frame(1, 0, 0) != machine.frame(0, 0, 0)
    assert machine.at(1, 0, 0).refcount == 1


def test_fork_splits_the_map_of_a_pinned_huge_page_and_copies_its_pages(machine: Machine) -> None:
    machine.do("alloc p0 a0 huge", "pin p0 a0.0 write h0", "fork p0 p1")
    assert machine.at(0, 0, 0).refcount == 512 + 1
    assert machine.at(0, 0, 0).entire == 0
    assert machine.at(1, 0, 0).order == 0


def test_zero_page_has_no_references(machine: Machine) -> None:
    machine.do("alloc p0 a0 huge", "fault p0 a0 read", "get p0 a0.0 read h0")
    assert machine.session.world.processes[0].areas[0].pmd is ZERO
    assert not machine.session.world.frames


def test_swap_cache_holds_a_reference_for_each_page(machine: Machine) -> None:
    machine.do("alloc p0 a0 huge", "fault p0 a0 write", "swap_out p0 a0", "swap_in p0 a0")
    seen = machine.at(0, 0, 0)
    assert (seen.refcount, seen.large, seen.swapcache) == (N + N, N, True)
    machine.do("free_swap p0 a0")
    assert (machine.at(0, 0, 0).refcount, machine.at(0, 0, 0).swapcache) == (N, False)


def test_swapped_in_base_page_is_held_by_cache_map_and_batch(machine: Machine) -> None:
    machine.do("alloc p0 a0 base", "fault p0 a0.0 write", "swap_out p0 a0.0", "swap_out p0 a0.0")
    machine.do("fault p0 a0.0 read")
    assert machine.at(0, 0, 0).refcount == 3
    machine.do("drain")
    assert machine.at(0, 0, 0).refcount == 2
    before = machine.frame(0, 0, 0)
    machine.do("fault p0 a0.0 write")
    assert machine.frame(0, 0, 0) == before


def test_pieces_of_a_cached_folio_keep_a_cache_reference_each(machine: Machine) -> None:
    machine.do("alloc p0 a0 huge", "fault p0 a0 write", "swap_out p0 a0", "swap_in p0 a0", "split p0 a0.3")
    for page in (0, 3, 511):
        seen = machine.at(0, 0, page)
        assert (seen.order, seen.refcount, seen.swapcache) == (0, 2, True)


def test_dontneed_of_everything_frees_the_folio(machine: Machine) -> None:
    machine.do("alloc p0 a0 huge", "fault p0 a0.0 write")
    huge = machine.frame(0, 0, 0)
    machine.do("dontneed p0 a0")
    assert machine.is_free(huge)


def test_split_maps_the_zero_page_in_place_of_zeroes(machine: Machine) -> None:
    machine.do("alloc p0 a0 huge", "fault p0 a0.3 write", "split p0 a0.3")
    assert machine.at(0, 0, 3).order == 0
    assert machine.session.world.entry(0, 0, 4) is ZERO


def test_split_that_is_refused_at_the_first_look_leaves_the_pmd_map(machine: Machine) -> None:
    machine.do("alloc p0 a0 huge", "pin p0 a0.0 write h0")
    assert machine.do("split p0 a0.0").error == "EAGAIN"
    assert machine.at(0, 0, 0).entire == 1


def test_collapse_is_refused_for_a_pin_and_not_for_a_fork(machine: Machine) -> None:
    machine.do("alloc p0 a0 base", "fault p0 a0.0+8 write", "fork p0 p1")
    assert machine.do("collapse p0 a0").error == ""
    assert (machine.at(0, 0, 0).refcount, machine.at(1, 0, 0).refcount) == (1, 1)
    machine.do("pin p1 a0.0 write h0")
    assert machine.do("collapse p1 a0").error == "EAGAIN"
