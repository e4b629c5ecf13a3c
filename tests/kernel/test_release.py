"""How drivers give pages back: what each way dirties, and what comes of the wrong one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mmfuzz.kernel.kernel import Kernel, Pinned
from mmfuzz.ops import Dup, Put
from mmfuzz.program import parse
from mmfuzz.session import run
from mmfuzz.targets.sim import Sim

if TYPE_CHECKING:
    from tests.kernel.conftest import Machine

CACHED = ("alloc p0 a0 base", "fault p0 a0.0 write", "swap_out p0 a0.0", "swap_in p0 a0.0")
"""A page that is mapped, and in the swap cache as it was written to swap."""


def is_dirty(machine: Machine) -> bool:
    target = machine.session.target
    assert isinstance(target, Sim)
    return target.kernel.mem_map[machine.frame(0, 0, 0)].dirty


@pytest.mark.parametrize(
    ("release", "dirties"),
    [("unpin h0", False), ("unpin h0 clean", False), ("unpin h0 dirty", True), ("unpin h0 dirty-lock", True)],
)
def test_release_dirties_what_it_says(machine: Machine, release: str, dirties: bool) -> None:
    machine.do(*CACHED, "pin p0 a0.0 write h0", "dma h0 read", release)
    assert is_dirty(machine) == dirties


def test_release_without_a_word_dirties_what_a_device_wrote(machine: Machine) -> None:
    machine.do(*CACHED, "pin p0 a0.0 write h0", "dma h0 write")
    assert not is_dirty(machine), "nobody sees a device write"
    machine.do("unpin h0")
    assert is_dirty(machine)
    report = machine.do("swap_out p0 a0.0", "swap_out p0 a0.0", "swap_in p0 a0.0")
    assert report.values


def test_what_a_device_wrote_may_not_be_released_clean(machine: Machine) -> None:
    machine.do(*CACHED, "pin p0 a0.0 write h0", "dma h0 write")
    (op,) = parse("mmfuzz 1\n\nunpin h0 clean\n").ops
    assert machine.session.why_not(op) == "a device wrote through handle 0"


class ForgetsDirty(Kernel):
    """A driver that calls unpin_user_pages() after its device has written."""

    def driver_dirties(self, pinned: Pinned) -> bool:
        return False


class ForgetfulSim(Sim):
    """A kernel with such a driver."""

    def __init__(self, kernel: str | None = None) -> None:
        super().__init__(kernel)
        self._class = type("Forgetful", (ForgetsDirty, self._class), {})
        self.reset()


def test_driver_that_forgets_to_dirty_loses_what_its_device_wrote() -> None:
    lines = (
        *CACHED,
        "pin p0 a0.0 write h0",
        "dma h0 write",
        "unpin h0",
        "swap_out p0 a0.0",
        "swap_out p0 a0.0",
    )
    ops = parse("\n".join(("mmfuzz 1", "", *lines, ""))).ops
    assert run(ops, Sim()).violation is None
    violation = run(ops, ForgetfulSim()).violation
    assert violation is not None
    assert violation.property == "contents"
    assert "swap slot 0 lost what its page held" in violation.message


def test_driver_that_forgets_to_dirty_is_caught_at_the_release_of_a_page_of_a_file() -> None:
    lines = (
        "map p0 a0 disk0 shared",
        "pin p0 a0.0 write h0",
        "write_back disk0.0",
        "end_write_back disk0",
        "dma h0 write",
        "unpin h0",
    )
    ops = parse("\n".join(("mmfuzz 1", "", *lines, ""))).ops
    assert run(ops, Sim("6.2")).violation is None
    outcome = run(ops, ForgetfulSim("6.2"))
    assert outcome.step == len(lines) - 1
    assert outcome.violation is not None
    assert outcome.violation.message == "disk0.0 is clean, and the disk does not have what it holds"


def test_mixing_up_pins_and_gets_is_named() -> None:
    ops = parse("mmfuzz 1\n\nalloc p0 a0 base\npin p0 a0.0+2 write h0\ndrain\nunpin h0\n").ops
    violation = run(ops, Sim(plant="put-of-a-pin")).violation
    assert violation is not None
    assert violation.message.endswith("off by 1 times 1023, as if so many pins were released as gets")


@pytest.mark.parametrize(("kernel", "refs"), [("2.6.38", 1), ("6.18", 0)])
def test_driver_that_hands_on_a_page_takes_a_reference_of_its_own(kernel: str, refs: int) -> None:
    sim = Sim(kernel, frames=64)
    lines = (
        "alloc p0 a0 huge\nalloc p0 a1 base\nfault p0 a0 write\nget p0 a0.3 write h0\nget p0 a1.0 read h1\n"
    )
    for step, op in enumerate(parse(f"mmfuzz 1\n\n{lines}").ops, 1):
        sim.apply(op, step)
    tail, zero = sim.kernel.handles[0].pages[0], sim.kernel.zero_page
    assert tail is not None
    head = tail.head
    before = tail._refcount, head._refcount, zero._refcount
    for op in (Dup(new=2, handle=0), Dup(new=3, handle=1)):
        sim.apply(op, 0)
    assert (tail._refcount, head._refcount, zero._refcount) == (
        before[0] + refs,
        before[1] + 1,
        before[2] + 1,
    )
    for handle in (0, 2, 3):
        sim.apply(Put(handle), 0)
    assert (head._refcount, zero._refcount) == (before[1] - 1, before[2])
