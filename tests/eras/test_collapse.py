"""What collapse takes and refuses, era by era: references, sharing, large folios, swap cache, and the limits.

Thread: "[PATCHv2 5/8] khugepaged: Allow to callapse a page shared across fork" (April 2020).
"""

from __future__ import annotations

import pytest

from tests.kernel.conftest import Machine

ALL = ["2.6.38", "3.2", "4.5", "4.13", "5.7", "5.8", "5.14", "6.1", "6.12", "6.18", "7.2"]
SINCE_SHARED = ["5.8", "5.14", "5.18", "6.1", "6.12", "6.18", "7.2"]
BEFORE_SHARED = ["4.5", "4.13", "5.7"]
N = 8


def machine_of(kernel: str) -> Machine:
    return Machine(kernel=kernel, huge_order=3)


@pytest.mark.parametrize("kernel", ALL)
def test_base_pages_of_one_process(kernel: str) -> None:
    machine = machine_of(kernel)
    machine.do("alloc p0 a0 base", "fault p0 a0.0+4 write")
    assert machine.do("collapse p0 a0").error == ""
    seen = machine.at(0, 0, 0)
    assert (seen.order, seen.entire) == (3, 1)


@pytest.mark.parametrize("how", ["get p0 a0.1 read h0", "pin p0 a0.1 write h0"])
@pytest.mark.parametrize("kernel", ALL)
def test_a_reference_or_a_pin_forbids_it_until_it_goes(kernel: str, how: str) -> None:
    machine = machine_of(kernel)
    machine.do("alloc p0 a0 base", "fault p0 a0.0+4 write", how)
    assert machine.do("collapse p0 a0").error == "EAGAIN"
    machine.do("put h0" if how.startswith("get") else "unpin h0")
    assert machine.do("collapse p0 a0").error == ""


@pytest.mark.parametrize("kernel", SINCE_SHARED)
def test_reference_of_another_process_forbids_it_as_well(kernel: str) -> None:
    machine = machine_of(kernel)
    machine.do("alloc p0 a0 base", "fault p0 a0.0+2 write", "drain", "fork p0 p1", "get p1 a0.1 read h0")
    shared = kernel != "5.8"  # there a get breaks sharing, so it is on a page of its own
    assert (machine.do("collapse p0 a0").error == "EAGAIN") is shared


@pytest.mark.parametrize("kernel", SINCE_SHARED)
def test_shared_pages_are_collapsed_and_the_other_process_keeps_its_own(kernel: str) -> None:
    machine = machine_of(kernel)
    machine.do("alloc p0 a0 base", "fault p0 a0.0+2 write", "fork p0 p1")
    frame = machine.frame(1, 0, 0)
    assert machine.do("collapse p0 a0").error == ""
    assert machine.frame(1, 0, 0) == frame
    machine.do("drain", "fault p1 a0.0 write", "fault p0 a0.0 read", "fault p1 a0.0 read")


@pytest.mark.parametrize("kernel", BEFORE_SHARED)
def test_shared_pages_were_refused(kernel: str) -> None:
    machine = machine_of(kernel)
    machine.do("alloc p0 a0 base", "fault p0 a0.0+2 write", "fork p0 p1")
    assert machine.do("collapse p0 a0").error == "EAGAIN"


@pytest.mark.parametrize(
    ("kernel", "error"), [("4.5", "EAGAIN"), ("5.7", "EAGAIN"), ("5.8", ""), ("6.18", "")]
)
def test_pte_mapped_huge_page(kernel: str, error: str) -> None:
    machine = machine_of(kernel)
    machine.do("alloc p0 a0 huge", "fault p0 a0.0 write", "split_map p0 a0")
    assert machine.do("collapse p0 a0").error == error


@pytest.mark.parametrize("kernel", ["5.8", "5.14", "6.1", "6.18", "7.2"])
def test_huge_page_in_the_swap_cache_holds_a_reference_a_page(kernel: str) -> None:
    """One swap entry is within max_ptes_swap, so khugepaged takes it too."""
    machine = machine_of(kernel)
    machine.do("alloc p0 a0 huge", "fault p0 a0.0 write", "swap_out p0 a0", "fault p0 a0.0+8 read")
    assert machine.at(0, 0, 0).refcount == 2 * N
    assert machine.do("collapse p0 a0").error == ""


@pytest.mark.parametrize(("kernel", "most"), [("4.5", 0), ("4.8", 1), ("5.19", 1), ("6.1", N), ("6.18", N)])
def test_how_many_swap_entries_are_read_back(kernel: str, most: int) -> None:
    for swapped in (0, 1, 2, N - 1):
        machine = machine_of(kernel)
        machine.do("alloc p0 a0 base", "fault p0 a0.0+8 write")
        if swapped:
            machine.do(f"swap_out p0 a0.0+{swapped}")
        assert (machine.do("collapse p0 a0").error == "") is (swapped <= most), swapped


@pytest.mark.parametrize(("kernel", "most"), [("5.8", N // 2), ("5.19", N // 2), ("6.1", N), ("6.18", N)])
def test_how_many_pages_may_be_shared(kernel: str, most: int) -> None:
    for shared in (N // 2, N // 2 + 1, N):
        machine = machine_of(kernel)
        machine.do("alloc p0 a0 base", f"fault p0 a0.0+{shared} write", "fork p0 p1")
        assert (machine.do("collapse p0 a0").error == "") is (shared <= most), shared


@pytest.mark.parametrize("kernel", ALL)
def test_pages_that_nobody_has_touched_are_filled_with_zeroes(kernel: str) -> None:
    machine = machine_of(kernel)
    machine.do("alloc p0 a0 base", "fault p0 a0.3 write")
    assert machine.do("collapse p0 a0").error == ""
    assert machine.do("fault p0 a0.0+3 read").values == [0, 0, 0]
