"""Each rule of the fault context, F1 to F11, is broken on purpose and seen to be."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from mmfuzz.kernel.context import FaultContext
from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.page import Page
from mmfuzz.program import parse
from mmfuzz.session import run
from mmfuzz.targets.sim import Sim
from mmfuzz.violation import Violation
from tests.broken import BrokenSim


class PteWithoutTable(Kernel):
    """F1: an entry is looked for where no page table is."""

    def find_page(self, vmf: FaultContext) -> str:
        vmf.pte = vmf.address
        return super().find_page(vmf)


class PteOfAnother(Kernel):
    """F2: the entry is the next page's."""

    def map_found(self, vmf: FaultContext, page: Page, span: range) -> None:
        vmf.ptl = "pte"
        vmf.pte = span.start + 1
        self.set_pte_range(vmf, page, len(span))


class NoLock(Kernel):
    """F3: nobody holds the page table's lock."""

    def set_pte_range(self, vmf: FaultContext, page: Page, pages: int, *, prefault: bool = False) -> None:
        vmf.ptl = None
        super().set_pte_range(vmf, page, pages, prefault=prefault)


class WrongLock(Kernel):
    """F3: the PMD's lock is held where the page table's would do."""

    def set_pte_range(self, vmf: FaultContext, page: Page, pages: int, *, prefault: bool = False) -> None:
        vmf.ptl = "pmd"
        super().set_pte_range(vmf, page, pages, prefault=prefault)


class EntryNotCompared(Kernel):
    """F4: what is mapped by now is written over."""

    def map_around(self, vmf: FaultContext, page: Page) -> None:
        vmf.address = vmf.pte = page.head.index + page.number
        self.get_page(page)
        self.set_pte_range(vmf, page, 1, prefault=True)


class ReserveKept(Kernel):
    """F5: what was preallocated stays with a context that ends."""

    def free_prealloc(self, vmf: FaultContext) -> None:
        return


class TableOverTable(Kernel):
    """F6: a surplus table is installed all the same."""

    def pmd_is_none(self, vmf: FaultContext) -> bool:
        return True

    def filemap_map_pmd(self, vmf: FaultContext, page: Page) -> bool:
        vmf.prealloc_pte = vmf.prealloc_pte or self.pte_alloc_one()
        self.install_prealloc(vmf)
        return False


class NoReserve(Kernel):
    """F7: nothing is preallocated for the one that may not sleep."""

    def preallocate(self, vmf: FaultContext) -> None:
        vmf.found_table = vmf.vma.pmd is not None


class PageKept(Kernel):
    """F8: the page that was copied is not given back."""

    def give_back(self, vmf: FaultContext) -> None:
        return


class NotCounted(Kernel):
    """F9: pages of files are mapped, and MM_FILEPAGES stays as it is."""

    def mapped_file(self, mm: object, pages: int) -> None:
        return


class AddressLost(Kernel):
    """F10: the context stays with the last of the pages around."""

    def back_to_asked(self, vmf: FaultContext) -> None:
        vmf.pte = None


class WindowTooWide(Kernel):
    """F11: the window is not clipped."""

    def around_window(self, vmf: FaultContext) -> range:
        return range(self.nr_huge)


@dataclass(frozen=True)
class Case:
    rule: str
    kernel: type[Kernel]
    lines: str
    property: str = "fault-context"


MAP = "map p0 a0 memfd0 shared; "
CASES = [
    Case("F1", PteWithoutTable, MAP + "fault p0 a0.0 write"),
    Case("F2", PteOfAnother, MAP + "fault p0 a0.0 write"),
    Case("F3", NoLock, MAP + "fault p0 a0.0 write"),
    Case("F3", WrongLock, MAP + "fault p0 a0.0 write"),
    Case("F4", EntryNotCompared, MAP + "fault p0 a0.0+2 write; dontneed p0 a0.1; fault p0 a0.1 read"),
    Case("F5", ReserveKept, "map p0 a0 memfd0 shared; truncate memfd0 0; fault p0 a0.0 read"),
    Case(
        "F6",
        TableOverTable,
        MAP + "fault p0 a0.0 write; read_file memfd0.0; fault p0 a0.1 read; fault p0 a0.2 read",
    ),
    Case("F7", NoReserve, MAP + "fault p0 a0.0 read"),
    Case("F8", PageKept, "map p0 a0 memfd0 private; fault p0 a0.0 write"),
    Case("Bad rss-counter", NotCounted, MAP + "fault p0 a0.0 write; fork p0 p1; exit p0", "assertion"),
    Case("F10", AddressLost, "write_file memfd0.1; " + MAP + "fault p0 a0.0 read"),
    Case(
        "F11", WindowTooWide, "read_file disk0; map p0 a0 disk0 shared; unmap p0 a0.2+2; fault p0 a0.0 read"
    ),
]


def violation(case: Case, version: str) -> Violation | None:
    ops = parse("mmfuzz 1\n\n" + case.lines.replace("; ", "\n") + "\n").ops
    assert run(ops, Sim(version)).violation is None
    return run(ops, BrokenSim(case.kernel, version)).violation


@pytest.mark.parametrize("version", ["5.14", "6.18", "7.2"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.kernel.__name__)
def test_broken_rule_is_seen(case: Case, version: str) -> None:
    found = violation(case, version)
    assert found is not None
    assert found.property == case.property, found.report()
    assert case.rule in found.message


NOT_IN_ALLOC_SET_PTE = {PteOfAnother, EntryNotCompared, TableOverTable, AddressLost}
"""What overrides a step that the form of v4.8 does not have."""


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.kernel not in NOT_IN_ALLOC_SET_PTE],
    ids=lambda case: case.kernel.__name__,
)
def test_rules_hold_for_alloc_set_pte_as_well(case: Case) -> None:
    found = violation(case, "4.13")
    assert found is not None
    assert found.property == case.property, found.report()
    assert case.rule in found.message
