"""Files on a device: what their pages count in each era, who waits for them, and what is refused."""

from __future__ import annotations

import pytest

from tests.kernel.conftest import Machine

FS, DEVICE = 64 + 8, 64 + 8 + 1024
"""First frames of the memory of dax0 and dev0, behind the machine's own and the device that processes own."""

ERAS = {"5.7": (1, 0), "5.18": (1, 0), "6.1": (1, 0), "6.12": (1, 0), "6.15": (0, 1), "6.18": (0, 1)}
"""Release to what an idle page of an fsdax file counts, and what a map of it does."""


def machine_of(kernel: str) -> Machine:
    return Machine(kernel, huge_order=3, frames=64)


@pytest.mark.parametrize("kernel", ERAS)
def test_base_count_and_maps_are_those_of_the_era(kernel: str) -> None:
    machine = machine_of(kernel)
    base, map_counts = ERAS[kernel]
    machine.do("write_file dax0.0")
    assert (machine.folio(FS).refcount, machine.folio(FS).mapcounts) == (base, (0,))
    machine.do("map p0 a0 dax0 shared", "fault p0 a0.0 read", "map p0 a1 dax0 private", "fault p0 a1.0 read")
    assert machine.folio(FS).refcount == base + 2 * map_counts
    assert machine.folio(FS).mapcounts == (2 * map_counts,)
    machine.do("get p0 a0.0 read h0")
    assert machine.folio(FS).refcount == base + 2 * map_counts + 1
    machine.do("free p0 a0", "free p0 a1")
    assert machine.folio(FS).refcount == base + 1
    assert machine.do("put h0").woken == [FS]


@pytest.mark.parametrize("kernel", ERAS)
def test_device_that_is_a_file_keeps_one_reference_and_may_be_pinned(kernel: str) -> None:
    machine = machine_of(kernel)
    maps = ERAS[kernel][1]
    machine.do("map p0 a0 dev0 shared", "pin p0 a0.0 write h0")
    assert machine.folio(DEVICE).refcount == 1 + maps + 1024
    machine.do("unpin h0", "free p0 a0")
    assert machine.folio(DEVICE).refcount == 1


@pytest.mark.parametrize("kernel", ERAS)
def test_truncate_and_hole_punch_wait_for_references(kernel: str) -> None:
    machine = machine_of(kernel)
    machine.do("map p0 a0 dax0 shared", "get p0 a0.0 write h0")
    assert machine.do("punch dax0.0").error == "EBUSY"
    assert machine.do("truncate dax0 0").error == "EBUSY"
    machine.do("put h0")
    assert machine.do("truncate dax0 0").error == ""
    assert machine.is_free(FS)


@pytest.mark.parametrize("kernel", ERAS)
@pytest.mark.parametrize("how", ["shared", "private"])
def test_long_term_pin_of_a_file_is_refused(kernel: str, how: str) -> None:
    machine = machine_of(kernel)
    assert machine.do(f"map p0 a0 dax0 {how}", "pin p0 a0.0 read h0").error == "EOPNOTSUPP"


def test_private_write_copies_into_memory() -> None:
    machine = machine_of("6.18")
    machine.do("write_file dax0.0", "map p0 a0 dax0 private", "fault p0 a0.0 read", "fault p0 a0.0 write")
    assert machine.frame(0, 0, 0) < 64
    assert machine.folio(FS).refcount == 0


def test_block_that_was_given_back_is_given_out_again_empty() -> None:
    machine = machine_of("6.18")
    machine.do("write_file dax0.0", "punch dax0.0")
    assert machine.do("write_file dax0.1").blocks == [FS]
    assert machine.do("read_file dax0.0").values == [0]


def test_memory_of_a_device_is_neither_reclaimed_nor_migrated() -> None:
    machine = machine_of("6.18")
    machine.do("map p0 a0 dax0 shared", "fault p0 a0.0 write", "swap_out p0 a0.0", "migrate p0 a0.0")
    assert machine.frame(0, 0, 0) == FS


@pytest.mark.parametrize("line", ["truncate dev0 0", "punch dev0.0", "read_file dev0.0", "write_file dev0.0"])
def test_device_is_mapped_and_nothing_else(line: str) -> None:
    machine = machine_of("6.18")
    reason = machine.session.why_not(machine.operation(line))
    assert reason == "dev0 is a device, to be mapped and nothing else"
