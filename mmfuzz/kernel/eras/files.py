"""Files in other eras: what the page cache holds, and who installs the entry of a fault."""

from __future__ import annotations

from mmfuzz.kernel.context import FaultContext
from mmfuzz.kernel.file import File
from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.mm import Pte
from mmfuzz.kernel.page import Folio, Page


class NoHugeFiles(Kernel):
    """No huge page in any page cache (until dd78fedde4b9 and f3f0e1d2150b, v4.8)."""

    def cache_order(self, order: int) -> int:
        """Base pages in place of huge ones."""
        return 0 if order == self.huge_order else super().cache_order(order)

    def can_collapse_file(self, file: File) -> bool:
        """There is nothing to collapse to."""
        return False


class NoLargeCache(Kernel):
    """No folios of the orders between in any page cache (until v5.18)."""

    def cache_order(self, order: int) -> int:
        """Base pages in place of those."""
        return super().cache_order(order) if order == self.huge_order else 0


class ShmemSplitBeforeSwap(Kernel):
    """A large shmem folio goes to swap in pieces (until 809bc86517cc, v6.12)."""

    def file_reclaim_splits(self, file: File, folio: Folio) -> bool:
        """Also those that are inside their file."""
        return (folio.order > 0 and file.shmem) or super().file_reclaim_splits(file, folio)


class FinishMapsOnePage(Kernel):
    """A fault maps the page that was asked for (until 43e027e41423, v6.11)."""

    def finish_span(self, vmf: FaultContext, page: Page) -> range:
        """That page."""
        return range(vmf.address, vmf.address + 1)


class FinishMapsShmem(Kernel):
    """A fault maps all that fits of a folio of shmem, and one page of others (until 19773df031bc, v6.18)."""

    def finish_span(self, vmf: FaultContext, page: Page) -> range:
        """By the kind of file."""
        file = vmf.vma.file
        assert file is not None
        return super().finish_span(vmf, page) if file.shmem else range(vmf.address, vmf.address + 1)


class EarlyTable(Kernel):
    """The page table is there before a handler runs (until 7267ec008b5c, v4.8)."""

    def do_fault(self, vmf: FaultContext) -> str:
        """__handle_mm_fault() allocates it."""
        self.need_table(vmf.mm, vmf.vma)
        return super().do_fault(vmf)


class AllocSetPte(Kernel):
    """One routine finds or installs the page table and writes the entry (7267ec008b5c, v4.8, to v5.11).

    "mm: postpone page table allocation until do_set_pte()": the table is allocated as late as possible, the
    pages around share the context, and a huge page that gets mapped, by this fault or under it, ends the walk.
    """

    def filemap_map_pages(self, vmf: FaultContext, window: range) -> bool:
        """Map every cached page of the window whose entry is empty; a huge mapping ends it."""
        ended = False
        for pages in self.next_uptodate(vmf, window):
            for page in pages:
                ended = self.map_one_around(vmf, page)
                if ended:
                    break
            self.end_around(pages[0])
            if ended:
                break
        solved = self.is_solved(vmf)
        self.back_to_asked(vmf)
        if vmf.ptl is not None:
            self.pte_unmap_unlock(vmf)
        return solved

    def map_one_around(self, vmf: FaultContext, page: Page) -> bool:
        """One of the pages around, with a reference of its own: whether it is the last."""
        self.move_to(vmf, page.head.index + page.number)
        self.get_page(page)
        if not self.alloc_set_pte(vmf, page, prefault=True):
            self.put_page(page)
        if self.ends_walk(vmf):
            return True
        if vmf.pte is None and not vmf.found_table:
            raise vmf.broken("VM_BUG_ON(!fe->pte)", "filemap_map_pages")
        return vmf.pte is None

    def move_to(self, vmf: FaultContext, index: int) -> None:
        """The context goes on to another page; the entry goes along where there is a table."""
        vmf.address = index
        if vmf.pte is not None:
            vmf.pte = index

    def ends_walk(self, vmf: FaultContext) -> bool:
        """A huge page is mapped: there are no entries to go on with."""
        return type(vmf.vma.pmd) is Pte

    def is_solved(self, vmf: FaultContext) -> bool:
        """Whether the page that faulted is mapped now, by a PMD or by its entry."""
        return type(vmf.vma.pmd) is Pte or vmf.vma.ptes[vmf.asked] is not None

    def alloc_set_pte(self, vmf: FaultContext, page: Page, *, prefault: bool = False) -> bool:
        """Map a page by whatever fits: whether its reference was taken over."""
        vmf.check("alloc_set_pte")
        vma = vmf.vma
        huge = vma.pmd is None and vmf.cow_page is None and self.can_map_huge(vmf, page)
        if huge and self.do_set_pmd(vmf, page):
            return True
        if vmf.pte is None and not self.pte_alloc_one_map(vmf):
            return False
        if not self.ptes_are_none(vmf, range(vmf.address, vmf.address + 1)):
            return False
        self.set_pte_range(vmf, page, 1, prefault=prefault)
        return True

    def pte_alloc_one_map(self, vmf: FaultContext) -> bool:
        """The table under the PMD, the preallocated one if there is none; with its lock.

        False where a huge page is mapped, be it under us: the fault is solved then, or tried again.
        """
        if vmf.vma.pmd is None:
            self.install_prealloc(vmf)
        return self.pte_map_lock(vmf)

    def finish_fault(self, vmf: FaultContext) -> None:
        """Map what was found, its reference going over to the mapping."""
        page = vmf.cow_page or vmf.page
        assert page is not None
        if self.alloc_set_pte(vmf, page):
            if vmf.cow_page is not None:
                vmf.cow_page = None
            else:
                vmf.page = None
        self.back_to_asked(vmf)
        if vmf.ptl is not None:
            self.pte_unmap_unlock(vmf)
