"""The two mms that a large folio tracks: the replay that was measured on 6.18."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.kernel.conftest import Machine


def test_third_process_is_not_tracked_and_keeps_the_shared_bit(machine: Machine) -> None:
    machine.do("alloc p0 a0 huge", "fault p0 a0.0 write", "split_map p0 a0")
    huge = machine.frame(0, 0, 0)
    assert maps(machine, huge) == (512, 512, 0, False)
    machine.do("fork p0 p1")
    assert maps(machine, huge) == (1024, 512, 512, True)
    machine.do("fork p0 p2")
    assert maps(machine, huge) == (1536, 512, 512, True)
    machine.do("exit p1")
    assert maps(machine, huge) == (1024, 512, 0, True)
    machine.do("fork p0 p3")
    assert maps(machine, huge) == (1536, 512, 512, True)
    machine.do("exit p3", "dontneed p0 a0")
    assert maps(machine, huge) == (512, 0, 0, True), "a lasting false positive: p2 alone maps it"
    machine.do("exit p2")
    assert machine.is_free(huge)


def test_slot_is_kept_while_its_process_maps_a_page(machine: Machine) -> None:
    machine.do("alloc p0 a0 huge", "fault p0 a0.0 write", "fork p0 p1", "dontneed p1 a0.0+511")
    assert maps(machine, machine.frame(0, 0, 0)) == (2, 1, 1, True)
    machine.do("dontneed p1 a0.511")
    assert maps(machine, machine.frame(0, 0, 0)) == (1, 1, 0, False)


def maps(machine: Machine, huge: int) -> tuple[int | None, int, int, bool | None]:
    """(all maps, maps of slot 0, maps of slot 1, shared bit)."""
    seen = machine.folio(huge)
    assert seen.mm_slots is not None
    (_, first), (_, second) = seen.mm_slots
    return seen.large, first, second, seen.shared
