"""Planted bugs in faults of file mappings: who owns the page table, where the walk ends, what may be mapped.

Most are about the rules that "[PATCHv2 08/28] mm: postpone page table allocation until do_set_pte()" (February
2016) was asked to spell out.
"""

from __future__ import annotations

from mmfuzz.kernel.context import FaultContext
from mmfuzz.kernel.eras.files import AllocSetPte
from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.mm import Pte
from mmfuzz.kernel.page import Page
from mmfuzz.planted.catalogue import bug

POSTPONED = "page tables are allocated as late as the entry is set since 7267ec008b5c (v4.8)"
ONE_ROUTINE = "alloc_set_pte() came with 7267ec008b5c (v4.8) and went with f9ce0be71d1f (v5.12)"


@bug(
    "prealloc-leak",
    "fault-context",
    summary="a page table that was preallocated for the pages around, and not used, is never freed",
    reached="fault a page of a file in, with no page table there and nothing in the page cache",
    fix='b0b9b3df27d1 ("mm: stop leaking PageTables", v4.10)',
    since="4.8",
    because=POSTPONED,
)
class PreallocLeak(Kernel):
    """do_fault() that forgets its reserve."""

    def free_prealloc(self, vmf: FaultContext) -> None:
        """Nobody frees it."""


@bug(
    "table-under-page-lock",
    "fault-context",
    summary="no page table is preallocated before the page is locked, so one has to be allocated while it is",
    reached="write to a page of a private file mapping where no page table is",
    fix='63f3655f9501 ("mm, memcg: fix reclaim deadlock with writeback", v5.0)',
    since="4.8",
    because=POSTPONED,
)
class TableUnderPageLock(Kernel):
    """__do_fault() without its first lines."""

    def find_page(self, vmf: FaultContext) -> str:
        """What was preallocated is not there any more when it is needed."""
        error = super().find_page(vmf)
        self.free_prealloc(vmf)
        return error


@bug(
    "around-past-huge",
    "fault-context",
    summary="the walk over the pages around goes on after a huge page was mapped, as if there were a page table",
    reached="have a huge page in the page cache of a file and read it through a mapping",
    fix='none: found in review of "mm: postpone page table allocation until do_set_pte()" (February 2016)',
    since="4.8",
    until="5.10",
    because=ONE_ROUTINE,
)
class AroundPastHuge(AllocSetPte):
    """filemap_map_pages() of the thread: what a huge mapping amounts to was no result any more."""

    def ends_walk(self, vmf: FaultContext) -> bool:
        """Never."""
        return False

    def alloc_set_pte(self, vmf: FaultContext, page: Page, *, prefault: bool = False) -> bool:
        """An entry is looked for below the PMD, whatever that is."""
        if type(vmf.vma.pmd) is Pte:
            vmf.pte, vmf.ptl = vmf.address, "pte"
        return super().alloc_set_pte(vmf, page, prefault=prefault)


@bug(
    "around-without-result",
    "outcome",
    summary="the pages around are taken to have solved the fault, whether the faulting one was among them or not",
    reached="fault a page of a file in that the page cache does not have",
    fix='none: found in review of "mm: postpone page table allocation until do_set_pte()" (February 2016)',
    since="4.8",
    until="5.10",
    because=ONE_ROUTINE,
)
class AroundWithoutResult(AllocSetPte):
    """do_fault_around() that does not look at the entry."""

    def is_solved(self, vmf: FaultContext) -> bool:
        """Always."""
        return True


@bug(
    "deposit-for-file",
    "page-table",
    summary="a huge mapping of a file deposits a page table, and what unmaps it does not know of that",
    reached="map a huge page of a file, and unmap it",
    fix='953c66c2b22a ("mm: THP page cache support for ppc64", v4.10), where an architecture needs the deposit',
    since="4.8",
    because="huge pages of files came with v4.8",
)
class DepositForFile(Kernel):
    """do_set_pmd() as on an architecture that deposits for every huge mapping."""

    def do_set_pmd(self, vmf: FaultContext, page: Page) -> bool:
        """One more table, for nobody."""
        mapped = super().do_set_pmd(vmf, page)
        if mapped:
            self.deposit_table(vmf.vma, self.pte_alloc_one())
        return mapped


@bug(
    "finish-outside-vma",
    "fault-context",
    summary="a fault maps all of a large folio, though the mapping has only a part of it",
    reached="unmap the first page of a file mapping and fault another one of the same folio in",
    fix='34b82f33cf3f ("mm: fix finish_fault() handling for large folios", v6.14)',
    since="6.12",
    because="a fault maps more than one page of a folio since 43e027e41423 (v6.11)",
)
class FinishOutsideVma(Kernel):
    """finish_fault() whose arithmetic leaves the VMA."""

    def clipped(self, vmf: FaultContext, span: range) -> range:
        """The whole folio."""
        return span


@bug(
    "ptes-beyond-eof",
    "fault-context",
    summary="a fault maps all of a large folio although the file ends in the midst of it",
    reached="hold a large folio of a file while the file is truncated, and fault a page of it in again",
    fix='74207de2ba10 ("mm/memory: do not populate page table entries beyond i_size", v6.18)',
    since="6.18",
    because="a fault maps all of any file's folio since 19773df031bc (v6.18)",
)
class PtesBeyondEof(Kernel):
    """finish_fault() that knows the VMA and the page table, and not the file."""

    def clipped(self, vmf: FaultContext, span: range) -> range:
        """As far as the VMA goes."""
        present = vmf.vma.present
        return range(span.start, span.stop) if all(present[i] for i in span) else super().clipped(vmf, span)
