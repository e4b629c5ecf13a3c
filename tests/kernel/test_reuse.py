"""Whether a write fault reuses a page or copies it, as measured on a running 6.18."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.kernel.conftest import Machine


FORKED_ONCE = ("fork p0 p1", "exit p1")


@pytest.mark.parametrize(
    ("before", "reused"),
    [
        (FORKED_ONCE, True),
        (("get p0 a0.0 read h0",), True),
        (("get p0 a0.0 read h0", *FORKED_ONCE), False),
        (("fork p0 p1", "get p0 a0.0 read h0", "exit p1"), False),
        (("pin p0 a0.0 write h0", *FORKED_ONCE), True),
        (("fork p0 p1",), False),
        (("fork p0 p1", "swap_out p0 a0.0", "swap_in p0 a0.0"), False),
    ],
)
def test_write_to_a_base_page(machine: Machine, before: tuple[str, ...], reused: bool) -> None:
    machine.do("alloc p0 a0 base", "fault p0 a0.0 write", "drain", *before)
    page = machine.frame(0, 0, 0)
    machine.do("fault p0 a0.0 write")
    assert (machine.frame(0, 0, 0) == page) is reused


@pytest.mark.parametrize(
    ("before", "reused"),
    [
        ((), True),
        (("split_map p0 a0",), True),
        (("split_map p0 a0", *FORKED_ONCE), True),
        (("split_map p0 a0", "dontneed p0 a0.1+511", *FORKED_ONCE), False),
        (("split_map p0 a0", "fork p0 p1"), False),
        (("split_map p0 a0", "get p0 a0.5 read h0", *FORKED_ONCE), False),
        (FORKED_ONCE, True),
    ],
)
def test_write_to_a_page_of_a_huge_folio(machine: Machine, before: tuple[str, ...], reused: bool) -> None:
    machine.do("alloc p0 a0 huge", "fault p0 a0.0 write", *before)
    page = machine.frame(0, 0, 0)
    machine.do("fault p0 a0.0 write")
    assert (machine.frame(0, 0, 0) == page) is reused


def test_reuse_makes_only_the_written_page_of_a_folio_exclusive(machine: Machine) -> None:
    machine.do("alloc p0 a0 huge", "fault p0 a0.0 write", "split_map p0 a0", *FORKED_ONCE)
    machine.do("fault p0 a0.7 write")
    exclusive = machine.at(0, 0, 7).exclusive
    assert exclusive is not None
    assert [page for page, flag in enumerate(exclusive) if flag] == [7]


def test_read_pin_of_a_shared_page_unshares_it(machine: Machine) -> None:
    machine.do("alloc p0 a0 base", "fault p0 a0.0 write", "fork p0 p1", "pin p1 a0.0 read h0", "drain")
    assert machine.frame(1, 0, 0) != machine.frame(0, 0, 0)
    assert (machine.at(1, 0, 0).refcount, machine.at(0, 0, 0).refcount) == (1025, 1)


def test_read_get_of_a_shared_page_leaves_it_shared(machine: Machine) -> None:
    machine.do("alloc p0 a0 base", "fault p0 a0.0 write", "drain", "fork p0 p1", "get p1 a0.0 read h0")
    assert machine.frame(1, 0, 0) == machine.frame(0, 0, 0)
    assert machine.at(0, 0, 0).refcount == 3
