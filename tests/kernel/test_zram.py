"""Swap on a device that answers at once: what passes by the swap cache, and since when nothing does."""

from __future__ import annotations

import pytest

from tests.kernel.conftest import Machine

WRITTEN = ("alloc p0 a0 base", "fault p0 a0.0 write", "drain")


def on_zram(kernel: str) -> Machine:
    return Machine(kernel, huge_order=3, frames=1024, swap="zram")


def test_reclaim_takes_one_pass() -> None:
    machine = on_zram("6.18")
    machine.do(*WRITTEN)
    frame = machine.frame(0, 0, 0)
    machine.do("swap_out p0 a0.0")
    assert machine.is_free(frame)


@pytest.mark.parametrize(("kernel", "cached"), [("5.10", False), ("6.18", False), ("7.2", True)])
def test_only_entry_of_a_slot_is_read_past_the_swap_cache(kernel: str, cached: bool) -> None:
    machine = on_zram(kernel)
    machine.do(*WRITTEN, "swap_out p0 a0.0", "swap_in p0 a0.0", "drain")
    seen = machine.at(0, 0, 0)
    assert (seen.refcount, seen.swapcache) == (1 + cached, cached)


def test_entries_of_two_go_through_the_swap_cache() -> None:
    machine = on_zram("6.18")
    machine.do(*WRITTEN, "swap_out p0 a0.0", "fork p0 p1", "swap_in p0 a0.0", "drain")
    assert machine.at(0, 0, 0).swapcache
    machine.do("swap_in p1 a0.0")
    assert machine.frame(1, 0, 0) == machine.frame(0, 0, 0)


def test_read_that_fails_leaves_nothing_in_the_cache() -> None:
    machine = on_zram("6.18")
    assert machine.do(*WRITTEN, "swap_out p0 a0.0", "fail io", "fault p0 a0.0 read").error == "EFAULT"
    assert not machine.do("fault p0 a0.0 read").error
