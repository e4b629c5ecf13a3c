"""Files: references and mapcounts era by era, as they were measured on 6.18 or follow from the counting rules."""

from __future__ import annotations

import pytest

from tests.kernel.conftest import Machine

N = 512
ENTIRELY_MAPPED = 0x800000


def test_memfd_page_mapped_once_and_twice(machine: Machine) -> None:
    machine.do("map p0 a0 memfd0 shared", "fault p0 a0.0 write", "drain")
    assert machine.at(0, 0, 0).refcount == 2
    machine.do("map p0 a1 memfd0 shared", "fault p0 a1.0 read")
    assert (machine.at(0, 0, 0).refcount, machine.at(0, 0, 0).mapcounts) == (3, (2,))


def test_window_of_fault_around_is_sixteen_pages(machine: Machine) -> None:
    machine.do("read_file disk0", "map p0 a0 disk0 shared")
    report = machine.do("fault p0 a0.21 read")
    assert [page for _, _, page, _ in report.ptes] == list(range(16, 32))


def test_window_ends_with_the_mapping_and_with_the_file(machine: Machine) -> None:
    machine.do("read_file disk0", "truncate disk0 27", "map p0 a0 disk0 shared", "unmap p0 a0.0+18")
    report = machine.do("fault p0 a0.21 read")
    assert [page for _, _, page, _ in report.ptes] == list(range(18, 27))


def test_large_folio_of_a_disk_file_has_its_pages_private_data_and_maps() -> None:
    machine = Machine(kernel="6.15")
    machine.do("read_file large0.0", "map p0 a0 large0 shared", "fault p0 a0.2 read", "drain")
    seen = machine.at(0, 0, 2)
    assert (seen.order, seen.private) == (2, True)
    assert seen.refcount == 4 + 1 + sum(seen.mapcounts)


def test_fault_maps_all_of_a_folio_since_6_18(machine: Machine) -> None:
    machine.do("map p0 a0 large0 shared")
    report = machine.do("fault p0 a0.2 read")
    assert [page for _, _, page, _ in report.ptes] == [0, 1, 2, 3]


@pytest.mark.parametrize(("kernel", "shmem", "disk"), [("6.10", 1, 1), ("6.15", 4, 1), ("6.18", 4, 4)])
def test_how_much_of_a_folio_a_fault_maps(kernel: str, shmem: int, disk: int) -> None:
    machine = Machine(kernel=kernel, huge_order=2)
    machine.do("write_file huge0.0", "map p0 a0 huge0 shared", "unmap p0 a0.0", "map p0 a1 large0 shared")
    assert len(machine.do("fault p0 a0.1 write").ptes) == min(shmem, 3)
    assert len(machine.do("fault p0 a1.0 write").ptes) == min(disk, 2)


@pytest.mark.parametrize("kernel", ["4.8", "5.10", "6.1", "6.2", "6.18", "7.2"])
def test_huge_page_of_a_file_costs_its_pages_and_one_for_each_pmd(kernel: str) -> None:
    machine = Machine(kernel=kernel)
    machine.do("write_file huge0.0", "map p0 a0 huge0 shared", "fault p0 a0.0 read", "fork p0 p1")
    machine.do("fault p1 a0.7 read")
    seen = machine.at(0, 0, 0)
    assert (seen.order, seen.refcount, seen.entire) == (9, N + 2, 2)
    old = kernel in ("4.8", "5.10", "6.1")
    assert list(seen.mapcounts) == [2 if old else 0] * N
    assert seen.nr_pages_mapped == (None if old else ENTIRELY_MAPPED)


def test_splitting_a_files_pmd_only_unmaps(machine: Machine) -> None:
    machine.do("write_file huge0.0", "map p0 a0 huge0 shared", "fault p0 a0.0 read")
    frame = machine.frame(0, 0, 0)
    machine.do("split_map p0 a0")
    seen = machine.folio(frame)
    assert (seen.order, seen.refcount, seen.entire) == (9, N, 0)


def test_no_huge_page_in_any_page_cache_before_4_8() -> None:
    machine = Machine(kernel="4.5")
    machine.do("map p0 a0 huge0 shared", "fault p0 a0.0 write", "drain")
    assert (machine.at(0, 0, 0).order, machine.at(0, 0, 0).refcount) == (0, 2)
    assert machine.do("collapse p0 a0").error == "EINVAL"


def test_private_write_leaves_the_file_as_it_was(machine: Machine) -> None:
    machine.do("map p0 a0 memfd0 private", "fault p0 a0.0 read")
    frame = machine.frame(0, 0, 0)
    machine.do("fault p0 a0.0 write", "drain")
    assert machine.frame(0, 0, 0) != frame
    assert machine.folio(frame).refcount == 1
    assert machine.at(0, 0, 0).exclusive == (True,)


@pytest.mark.parametrize(("kernel", "of_file"), [("6.1", True), ("6.2", False)])
def test_read_only_pin_of_a_private_mapping_takes_a_copy_since_6_2(kernel: str, of_file: bool) -> None:
    machine = Machine(kernel=kernel)
    machine.do("map p0 a0 memfd0 private", "pin p0 a0.0 read h0")
    assert machine.page(0, 0, 0).folio.of_file is of_file


def test_shmem_keeps_a_reference_a_page_on_its_way_to_swap_and_back(machine: Machine) -> None:
    machine.do("write_file huge0.0", "map p0 a0 huge0 shared", "fault p0 a0.0 read")
    frame = machine.frame(0, 0, 0)
    machine.do("swap_out p0 a0")
    seen = machine.folio(frame)
    assert (seen.refcount, seen.swapcache, seen.order) == (N, True, 9)
    machine.do("fault p0 a0.0 read")
    seen = machine.at(0, 0, 0)
    assert (seen.refcount, seen.swapcache, seen.entire) == (N + 1, False, 1)


def test_large_shmem_goes_to_swap_in_pieces_before_6_12() -> None:
    machine = Machine(kernel="6.10")
    machine.do("write_file huge0.0", "map p0 a0 huge0 shared", "fault p0 a0.0 read", "swap_out p0 a0")
    assert machine.do("fault p0 a0.5 read").error == ""
    assert machine.at(0, 0, 5).order == 0


def test_sigbus_behind_the_end_of_a_file(machine: Machine) -> None:
    machine.do("map p0 a0 disk0 shared", "truncate disk0 3")
    report = machine.do("fault p0 a0.1+4 read")
    assert (report.error, report.done) == ("SIGBUS", 2)


def test_held_folio_that_is_cut_in_part_stays_whole_and_holds_zeroes(machine: Machine) -> None:
    machine.do("map p0 a0 large0 shared", "fault p0 a0.0+4 write", "get p0 a0.0 read h0", "truncate large0 2")
    frame = machine.session.world.file(3).page(0)
    assert frame is not None
    assert [page.value == 0 for page in frame.folio.pages] == [False, False, True, True]
    assert machine.folio(frame.folio.head).order == 2


def test_collapse_of_a_memfd_makes_one_huge_page(machine: Machine) -> None:
    machine.do("write_file memfd0.0+4", "map p0 a0 memfd0 shared", "fault p0 a0.0 read")
    assert machine.do("collapse p0 a0").error == ""
    seen = machine.at(0, 0, 0)
    assert (seen.order, seen.refcount, seen.entire) == (9, N + 1, 1)


@pytest.mark.parametrize("how", ["get p0 a0.3 read h0", "pin p0 a0.3 write h0"])
def test_collapse_of_a_file_is_refused_for_a_reference(machine: Machine, how: str) -> None:
    machine.do("map p0 a0 memfd0 shared", "fault p0 a0.0+8 write", how)
    assert machine.do("collapse p0 a0").error == "EAGAIN"
