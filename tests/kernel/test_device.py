"""Pages on a device: what they count in each era, when their driver hears of their end, and who may not touch them."""

from __future__ import annotations

import pytest

from mmfuzz.kernel.device import DEVICE_PAGES
from mmfuzz.observation import DeviceState, KernelBug
from mmfuzz.program import parse
from tests.kernel.conftest import Machine

WRITTEN = ("alloc p0 a0 base", "fault p0 a0.0 write", "drain")

BASES = {"5.7": (1, 1), "5.14": (1, 1), "5.18": (0, 1), "6.0": (0, 1), "6.1": (0, 0), "6.18": (0, 0)}
"""Release to what a page in use counts beside its users, and what an idle page counts."""


def machine_of(kernel: str) -> Machine:
    return Machine(kernel, huge_order=3, frames=64)


def state(machine: Machine) -> DeviceState:
    found = machine.sim.device()
    assert found is not None
    return found


@pytest.mark.parametrize("kernel", BASES)
def test_base_counts_are_those_of_the_era(kernel: str) -> None:
    machine = machine_of(kernel)
    base, idle = BASES[kernel]
    assert set(state(machine).idle_refs.values()) == {idle}
    machine.do(*WRITTEN)
    report = machine.do("to_device p0 a0.0")
    (frame,) = report.lent
    assert machine.folio(frame).refcount == base + 1
    machine.do("fork p0 p1")
    assert (machine.folio(frame).refcount, machine.folio(frame).mapcounts) == (base + 2, (2,))
    assert machine.do("exit p1").given_back == []
    assert machine.do("dontneed p0 a0.0").given_back == [frame]
    assert state(machine).idle_refs[frame] == idle


@pytest.mark.parametrize("kernel", BASES)
def test_page_in_use_refers_to_its_map_since_v6_1(kernel: str) -> None:
    machine = machine_of(kernel)
    always = DEVICE_PAGES if BASES[kernel][1] else 0
    assert state(machine).map_refs == always
    machine.do(*WRITTEN, "to_device p0 a0.0")
    assert state(machine).map_refs == (always or 1)
    machine.do("free p0 a0")
    assert state(machine).map_refs == always


def test_access_brings_the_page_home_for_everybody(machine: Machine) -> None:
    machine.do(*WRITTEN, "to_device p0 a0.0", "fork p0 p1")
    report = machine.do("fault p1 a0.0 read")
    assert report.given_back == [8192]
    assert machine.frame(0, 0, 0) == machine.frame(1, 0, 0) < 8192
    assert machine.at(0, 0, 0).mapcounts == (2,)


def test_owner_that_is_alone_writes_in_place_afterwards(machine: Machine) -> None:
    machine.do(*WRITTEN, "to_device p0 a0.0", "fault p0 a0.0 read")
    home = machine.frame(0, 0, 0)
    machine.do("fault p0 a0.0 write")
    assert machine.frame(0, 0, 0) == home


def test_device_is_short_of_pages_and_says_so(machine: Machine) -> None:
    machine.do("alloc p0 a0 base", "fault p0 a0.0+9 write")
    report = machine.do("to_device p0 a0.0+9")
    assert (report.error, len(report.lent)) == ("ENOMEM", DEVICE_PAGES)
    assert not state(machine).free


def test_what_is_held_does_not_leave(machine: Machine) -> None:
    machine.do(*WRITTEN, "get p0 a0.0 read h0")
    assert machine.do("to_device p0 a0.0").error == "EBUSY"
    machine.do("put h0")
    assert machine.do("to_device p0 a0.0").error == ""


def test_huge_page_goes_in_pieces() -> None:
    machine = machine_of("6.18")
    machine.do("alloc p0 a0 huge", "fault p0 a0 write", "to_device p0 a0.2+2")
    assert machine.at(0, 0, 0).order == 0
    assert len(state(machine).free) == DEVICE_PAGES - 2


@pytest.mark.parametrize(("kernel", "goes"), [("6.2", False), ("6.8", True)])
def test_cached_page_leaves_the_swap_cache_first_or_stays(kernel: str, goes: bool) -> None:
    machine = machine_of(kernel)
    machine.do(*WRITTEN, "swap_out p0 a0.0", "swap_in p0 a0.0")
    report = machine.do("to_device p0 a0.0")
    assert report.error == ("" if goes else "EBUSY")
    assert bool(report.cached) == goes


def test_collapse_brings_pages_home() -> None:
    machine = machine_of("6.18")
    machine.do("alloc p0 a0 base", "fault p0 a0.0+3 write", "to_device p0 a0.1")
    report = machine.do("collapse p0 a0")
    assert (report.error, len(report.given_back)) == ("", 1)
    assert machine.at(0, 0, 1).order == 3


def test_lru_words_of_a_device_page_may_not_be_written(machine: Machine) -> None:
    kernel = machine.sim.kernel
    page = kernel.device.pages[0]
    with pytest.raises(KernelBug, match="folio_is_zone_device"):
        kernel.lruvec_add_folio(page)


def test_other_pages_have_no_pgmap(machine: Machine) -> None:
    machine.do(*WRITTEN)
    kernel = machine.sim.kernel
    page = kernel.mem_map[machine.frame(0, 0, 0)]
    with pytest.raises(KernelBug, match="folio_is_zone_device"):
        kernel.page_pgmap(page)


def test_eras_without_such_memory_say_so() -> None:
    reason = machine_of("4.13").sim.unsupported(parse("mmfuzz 1\n\nto_device p0 a0.0\n").ops[0])
    assert reason == "memory of a device that processes own came with v4.14"
