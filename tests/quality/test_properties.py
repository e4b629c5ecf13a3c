"""Every property fails on some broken kernel: a check that nothing can fail checks nothing."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.planted import BUGS, RACE
from mmfuzz.program import parse
from mmfuzz.session import run
from mmfuzz.targets.sim import Sim
from mmfuzz.violation import PROPERTIES
from tests.broken import BrokenSim


class PinUncounted(Kernel):
    """A pin of a large folio that leaves `_pincount` as it is."""

    def grab_pin(self, page: Page) -> None:
        self.folio_get(page.head)


class SwapUncounted(Kernel):
    """Swap entries that their slot does not count."""

    def swap_duplicate(self, slot: int) -> None:
        return


class PutTwice(Kernel):
    """An unmapping that drops somebody else's reference along with its own."""

    def zap_put(self, folio: Folio, refs: int) -> None:
        super().zap_put(folio, refs + 1)


class ZeroPageKept(Kernel):
    """A put of the zero page that is forgotten."""

    def drop_zero(self, *, pin: bool) -> None:
        return


@dataclass(frozen=True)
class Broken:
    """A kernel that is broken on purpose, and a program that shows it."""

    kernel: type[Kernel]
    lines: str


WRITTEN = "alloc p0 a0 base\nfault p0 a0.0 write\n"
BROKEN = {
    "pincount": Broken(PinUncounted, "alloc p0 a0 huge\npin p0 a0.0 write h0\n"),
    "zero-page": Broken(ZeroPageKept, "alloc p0 a0 base\nget p0 a0.0 read h0\nput h0\n"),
    "swap-cache": Broken(SwapUncounted, WRITTEN + "swap_out p0 a0.0\n"),
    "use-after-free": Broken(PutTwice, WRITTEN + "drain\nget p0 a0.0 read h0\ndontneed p0 a0.0\n"),
}
"""Kernels that break a property in the plainest way, most of them one that few planted bugs show."""


@pytest.mark.parametrize("broken", sorted(BROKEN))
def test_property_fails_on_a_broken_kernel(broken: str) -> None:
    ops = parse(f"mmfuzz 1\n\n{BROKEN[broken].lines}").ops
    violation = run(ops, BrokenSim(BROKEN[broken].kernel)).violation
    assert violation is not None
    assert violation.property == broken, violation.report()
    assert run(ops, Sim()).violation is None


def test_every_property_has_a_kernel_that_breaks_it() -> None:
    planted = {bug.property for bug in BUGS.values() if bug.kind != RACE}
    assert planted | BROKEN.keys() == PROPERTIES.keys()
