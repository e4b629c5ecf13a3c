"""Kernels of an era that do what another era does, or forget a flag: each is seen on a program of a few lines."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from mmfuzz.kernel.eras.cow import GetBreaksCow
from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.mm import Mm, PmdEntry, Pte, Vma
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.program import parse
from mmfuzz.session import run
from mmfuzz.targets.sim import Sim
from tests.broken import BrokenSim


class NeverMarked(Kernel):
    """What is mapped in part is not marked."""

    def deferred_split_folio(self, folio: Folio) -> None:
        return


class AlwaysMarked(Kernel):
    """What is mapped whole is marked as mapped in part."""

    def map_huge_page(self, mm: Mm, vma: Vma, old: PmdEntry = None) -> bool:
        mapped = super().map_huge_page(mm, vma, old)
        if mapped:
            assert type(vma.pmd) is Pte
            vma.pmd.page.partially_mapped = True
        return mapped


class NoDoubleMap(Kernel):
    """PG_double_map is not set, nor its offset."""

    def split_pmd_maps(self, folio: Folio, mm: Mm) -> None:
        self.folio_add_anon_rmap_ptes(folio, folio.pages, mm)
        self.folio_remove_rmap_pmd(folio, mm)


class PiecesBehindTheEnd(Kernel):
    """Pieces of a split folio stay cached behind the end of their file."""

    def drop_beyond_eof(self, pages: list[Page]) -> None:
        return


class GetsShare(GetBreaksCow):
    """A get for reading takes what is there."""

    def gup(self, mm: Mm, vma: Vma, span: range, *, write: bool, pin: bool) -> tuple[str, list[Page | None]]:
        return super(GetBreaksCow, self).gup(mm, vma, span, write=write, pin=pin)


class ExclusiveFiles(Kernel):
    """Pages of files are marked as somebody's own."""

    def folio_add_file_rmap_ptes(self, folio: Folio, pages: list[Page], mm: Mm) -> None:  # type: ignore[override]
        super().folio_add_file_rmap_ptes(folio, pages, mm)
        for page in pages:
            self.set_exclusive(page)


class RefusalUnmaps(Kernel):
    """A split that is refused at the first look has split the PMD before."""

    def can_split_folio(self, folio: Folio) -> bool:
        for mm, vma in self.rmap_walk(folio):
            if type(vma.pmd) is Pte:
                self.split_huge_pmd(mm, vma)
        return super().can_split_folio(folio)


class ZeroesAtSplit(Kernel):
    """The shared zero page comes at a split, years early."""

    split_uses_zero_page = True


class WholeToSwap(Kernel):
    """A huge page enters the swap cache whole, years early."""

    def reclaim_splits(self, folio: Folio) -> bool:
        return False


class TakesCachedAndShared(Kernel):
    """Collapse takes what is in the swap cache and shared."""

    def users(self, page: Page) -> int:
        return 1


@dataclass(frozen=True)
class Case:
    kernel: type[Kernel]
    version: str
    property: str
    lines: str


HUGE = "alloc p0 a0 huge; fault p0 a0.0 write; "
SHARED = "alloc p0 a0 base; fault p0 a0.0 write; "
CUT = "map p0 a0 large0 shared; fault p0 a0.0 read; get p0 a0.0 read h0; truncate large0 1; put h0; "
CASES = [
    Case(NeverMarked, "6.12", "mapcount", HUGE + "dontneed p0 a0.0+4"),
    Case(NeverMarked, "6.18", "mapcount", HUGE + "dontneed p0 a0.0+4"),
    Case(AlwaysMarked, "6.18", "mapcount", HUGE + "drain"),
    Case(NoDoubleMap, "4.5", "mapcount", HUGE + "fork p0 p1; split_map p1 a0"),
    Case(NoDoubleMap, "6.1", "mapcount", HUGE + "fork p0 p1; split_map p1 a0"),
    Case(PiecesBehindTheEnd, "6.18", "page-cache", CUT + "swap_out p0 a0.0"),
    Case(GetsShare, "5.8", "isolation", SHARED + "fork p0 p1; get p1 a0.0 read h0"),
    Case(ExclusiveFiles, "6.12", "exclusive", "map p0 a0 memfd0 shared; fault p0 a0.0 read"),
    Case(RefusalUnmaps, "6.18", "outcome", HUGE + "get p0 a0.0 read h0; split p0 a0.0"),
    Case(ZeroesAtSplit, "6.10", "outcome", HUGE + "split p0 a0.0"),
    Case(WholeToSwap, "4.5", "outcome", HUGE + "drain; swap_out p0 a0.0"),
    Case(TakesCachedAndShared, "5.14", "refusal", SHARED + "fork p0 p1; swap_out p0 a0.0; collapse p0 a0"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kernel.__name__}-{case.version}")
def test_kernel_of_another_era_is_seen(case: Case) -> None:
    ops = parse("mmfuzz 1\n\n" + case.lines.replace("; ", "\n") + "\n").ops
    assert run(ops, Sim(case.version)).violation is None
    found = run(ops, BrokenSim(case.kernel, case.version)).violation
    assert found is not None
    assert found.property == case.property, found.report()
