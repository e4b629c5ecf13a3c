"""The worked numbers of every profile: what each kernel counts after the same few operations.

Huge pages of 512 pages, as on x86-64. Numbers of 6.18 were measured on a running kernel; those of other eras follow
from the counting rules of their time. Kernels before v4.5 have tests of their own in `test_tails.py`.
"""

from __future__ import annotations

import pytest

from mmfuzz.profiles import PROFILES
from tests.kernel.conftest import Machine

N = 512
ENTIRELY_MAPPED = 0x800000
NAMES = list(PROFILES)
MIXED = [name for name in NAMES if NAMES.index(name) >= NAMES.index("4.5")]
"""Kernels that map a huge page by PMDs and PTEs at once."""


def since(name: str) -> list[str]:
    """That profile, and all after it."""
    return NAMES[NAMES.index(name) :]


def steps(table: dict[str, object]) -> list[tuple[str, object]]:
    """(profile, value) of each profile from the first of a table on, which says where a value begins."""
    value: object = None
    found = []
    for name in since(min(table, key=NAMES.index)):
        value = table.get(name, value)
        found.append((name, value))
    return found


@pytest.mark.parametrize(("kernel", "refs"), steps({"2.6.38": 2, "5.7": 1025}))
def test_pin_of_a_base_page(kernel: str, refs: int) -> None:
    machine = Machine(kernel=kernel)
    machine.do("alloc p0 a0 base", "pin p0 a0.0 write h0", "drain")
    assert machine.at(0, 0, 0).refcount == refs


@pytest.mark.parametrize(("kernel", "pincount"), steps({"4.5": None, "5.7": 1}))
def test_pin_of_a_page_of_a_huge_page_is_one_reference(kernel: str, pincount: int | None) -> None:
    machine = Machine(kernel=kernel)
    machine.do("alloc p0 a0 huge", "pin p0 a0.7 write h0", "drain")
    seen = machine.at(0, 0, 0)
    assert (seen.refcount, seen.pincount) == (2, pincount)


@pytest.mark.parametrize("kernel", MIXED)
def test_huge_page_that_one_process_maps_by_ptes(kernel: str) -> None:
    """Fork, and split the child's PMD: 512 PTEs and one PMD."""
    machine = Machine(kernel=kernel)
    machine.do("alloc p0 a0 huge", "fault p0 a0.0 write", "drain", "fork p0 p1", "split_map p1 a0")
    seen = machine.at(0, 0, 0)
    offset = kernel not in since("6.2")
    assert (seen.refcount, seen.entire) == (N + 1, 1)
    assert list(seen.mapcounts) == [1 + offset] * N
    assert seen.double_map is (True if offset else None)
    assert seen.nr_pages_mapped == (None if offset else ENTIRELY_MAPPED + N)
    assert seen.large == (N + 1 if kernel in since("6.10") else None)
    assert seen.shared is (True if kernel in since("6.15") else None)


@pytest.mark.parametrize("kernel", MIXED)
def test_offset_of_double_map_goes_with_the_last_pmd(kernel: str) -> None:
    machine = Machine(kernel=kernel)
    machine.do("alloc p0 a0 huge", "fault p0 a0.0 write", "drain", "fork p0 p1", "split_map p1 a0", "exit p0")
    seen = machine.at(1, 0, 0)
    assert (seen.refcount, seen.entire, list(seen.mapcounts)) == (N, 0, [1] * N)
    assert not seen.double_map


@pytest.mark.parametrize("kernel", since("5.19"))
def test_child_unmaps_half_and_the_parent_writes(kernel: str) -> None:
    """Measured on 6.18: 257, then 767, then 511."""
    machine = Machine(kernel=kernel)
    machine.do("alloc p0 a0 huge", "fault p0 a0.0 write", "fork p0 p1", "unmap p1 a0.0+256")
    assert machine.at(0, 0, 0).refcount == 257
    machine.do("fault p0 a0.0 write")
    assert machine.at(0, 0, 1).refcount == 767
    machine.do("exit p1")
    assert machine.at(0, 0, 1).refcount == 511


@pytest.mark.parametrize("kernel", NAMES)
def test_split_under_a_get(kernel: str) -> None:
    machine = Machine(kernel=kernel)
    machine.do("alloc p0 a0 huge", "fault p0 a0.0 write", "drain", "get p0 a0.3 read h0")
    error = machine.do("split p0 a0.0").error
    assert error == ("EAGAIN" if kernel in MIXED else "")
    assert machine.at(0, 0, 3).order == (9 if error else 0)


@pytest.mark.parametrize(("kernel", "order"), steps({"2.6.38": 0, "4.13": 9}))
def test_huge_page_in_the_swap_cache(kernel: str, order: int) -> None:
    machine = Machine(kernel=kernel)
    machine.do("alloc p0 a0 huge", "fault p0 a0.0+512 write", "drain", "swap_out p0 a0")
    if not order:
        machine.do("swap_out p0 a0")
    machine.do("fault p0 a0.5 read")
    seen = machine.at(0, 0, 5)
    maps = sum(seen.mapcounts)
    assert (seen.order, seen.swapcache) == (order, True)
    assert seen.refcount == (1 << order) + maps


@pytest.mark.parametrize("kernel", NAMES)
def test_write_after_the_child_has_gone(kernel: str) -> None:
    """A page in an LRU batch was copied from v5.9 to v5.17; drained, and on all other kernels, it is reused."""
    for drained in (False, True):
        machine = Machine(kernel=kernel)
        machine.do("alloc p0 a0 base", "fault p0 a0.0 write", *(["drain"] if drained else []))
        frame = machine.frame(0, 0, 0)
        machine.do("fork p0 p1", "exit p1", "fault p0 a0.0 write")
        copied = kernel in ("5.9", "5.10", "5.14") and not drained
        assert (machine.frame(0, 0, 0) != frame) is copied


@pytest.mark.parametrize("kernel", NAMES)
def test_write_to_a_page_that_its_own_process_has_pinned_before_a_fork(kernel: str) -> None:
    """The pin kept its page by mapcount until v5.8 where the child has gone; since v5.9 fork copies it."""
    machine = Machine(kernel=kernel)
    machine.do("alloc p0 a0 base", "pin p0 a0.0 write h0", "drain")
    frame = machine.frame(0, 0, 0)
    machine.do("fork p0 p1")
    assert (machine.frame(1, 0, 0) != frame) is (kernel in since("5.9"))
    machine.do("exit p1", "fault p0 a0.0 write")
    assert machine.frame(0, 0, 0) == frame


@pytest.mark.parametrize("kernel", NAMES)
def test_write_under_the_get_of_a_child_that_has_gone(kernel: str) -> None:
    """CVE-2020-29374: until v5.7 the writer kept the page that the child can still read."""
    machine = Machine(kernel=kernel)
    machine.do("alloc p0 a0 base", "fault p0 a0.0 write", "drain")
    frame = machine.frame(0, 0, 0)
    machine.do("fork p0 p1", "get p1 a0.0 read h0", "exit p1", "drain", "fault p0 a0.0 write")
    kept = machine.frame(0, 0, 0) == frame
    assert kept is (kernel not in since("5.9"))


@pytest.mark.parametrize("kernel", NAMES)
def test_which_counters_there_are(kernel: str) -> None:
    machine = Machine(kernel=kernel)
    machine.do("alloc p0 a0 huge", "fault p0 a0.0 write")
    seen = machine.at(0, 0, 0)
    assert (seen.exclusive is not None) is (kernel in since("5.19"))
    assert (seen.nr_pages_mapped is not None) is (kernel in since("6.2"))
    assert (seen.large is not None) is (kernel in since("6.10"))
    assert (seen.partially_mapped is not None) is (kernel in since("6.12"))
    assert (seen.mm_slots is not None) is (kernel in since("6.15"))
    assert (seen.tail_counts is not None) is (kernel not in MIXED)


@pytest.mark.parametrize("kernel", NAMES)
def test_mthp_came_with_6_8(kernel: str) -> None:
    machine = Machine(kernel=kernel)
    if kernel not in since("6.8"):
        with pytest.raises(AssertionError, match=r"came with v6\.8"):
            machine.do("alloc p0 a0 order4")
        return
    machine.do("alloc p0 a0 order4", "fault p0 a0.20 write")
    assert (machine.at(0, 0, 20).order, machine.at(0, 0, 20).refcount) == (4, 16)


@pytest.mark.parametrize(("kernel", "size"), steps({"2.6.38": 14, "5.7": 15, "6.10": 31}))
def test_size_of_an_lru_batch(kernel: str, size: int) -> None:
    machine = Machine(kernel=kernel)
    machine.do("alloc p0 a0 base", f"fault p0 a0.0+{size - 1} write")
    assert machine.at(0, 0, 0).refcount == 2
    machine.do(f"fault p0 a0.{size - 1} write")
    assert machine.at(0, 0, 0).refcount == 1


@pytest.mark.parametrize(("kernel", "zero"), [("6.10", False), ("6.12", True), ("6.18", True)])
def test_split_drops_pages_of_zeroes_since_6_12(kernel: str, zero: bool) -> None:
    machine = Machine(kernel=kernel)
    machine.do("alloc p0 a0 huge", "fault p0 a0.0 write", "split p0 a0.0")
    entry = machine.session.world.entry(0, 0, 1)
    assert (str(entry).find("zero page") >= 0) is zero
