"""Collapse: what an area maps by PTEs becomes one huge page, unless somebody refers to one of the pages.

Seed of the rule: "khugepaged: allow to collapse a page shared across fork" (9445689f3b61, v5.8). The
references are compared twice: while scanning, and again once the page table is out of reach.
"""

from __future__ import annotations

from mmfuzz.kernel.fault import ENOMEM
from mmfuzz.kernel.filecollapse import FileCollapse
from mmfuzz.kernel.mm import DevicePte, Mm, PageTable, Pte, SwapPte, Vma
from mmfuzz.kernel.page import Folio
from mmfuzz.observation import TABLE, ZERO


class Collapse(FileCollapse):
    """madvise(MADV_COLLAPSE)."""

    def collapse_area(self, mm: Mm, vma: Vma) -> str:
        """An errno name when it was refused: EAGAIN for references, ENOMEM, EINVAL for what cannot be collapsed.

        The mmap_lock is taken here: for reading while looking and swapping in, for writing while collapsing.
        """
        self.lru_add_drain_all()
        if vma.file is not None:
            self.down_read(mm)
            error = self.collapse_file(mm, vma) if mm.vmas.get(vma.area) is vma else "EINVAL"
            self.up_read(mm)
            return error
        self.down_read(mm)
        error = self.scan_pmd(vma) if mm.vmas.get(vma.area) is vma else "EINVAL"
        self.up_read(mm)
        return error or self.collapse_huge_page(mm, vma)

    def collapse_huge_page(self, mm: Mm, vma: Vma) -> str:
        """Swap in what is swapped out, and then, alone in the address space, put a huge page in the place of all."""
        huge = self.alloc_folio(self.huge_order)
        if huge is None:
            return "ENOMEM"
        self.down_read(mm)
        error = self.collapse_swapin(mm, vma) if self.can_collapse(mm, vma) else "EINVAL"
        self.up_read(mm)
        if not error:
            self.lru_add_drain_all()
            self.down_write(mm)
            error = self.collapse_alone(mm, vma, huge) if self.can_collapse(mm, vma) else "EINVAL"
            self.up_write(mm)
        if error:
            self.folio_put(huge)
        return error

    def can_collapse(self, mm: Mm, vma: Vma) -> bool:
        """hugepage_vma_revalidate() and check_pmd_still_valid(), once the mmap_lock is had again."""
        return mm.vmas.get(vma.area) is vma and all(vma.present) and vma.pmd is TABLE

    def collapse_alone(self, mm: Mm, vma: Vma, huge: Folio) -> str:
        """Nobody else faults, maps or unmaps in the address space; who walks without locks is dealt with here."""
        self.anon_vma_prepare(mm, vma)
        anon_vma = vma.anon_vma
        assert anon_vma is not None
        self.down_write(anon_vma)
        isolated: dict[Folio, None] = {}
        table = self.pmdp_collapse_flush(mm, vma)
        self.spin_lock(vma)
        error = self.isolate_sources(vma, isolated)
        self.spin_unlock(vma)
        if error:
            self.collapse_populate(mm, vma, table)
        self.up_write(anon_vma)
        if not error and not self.copy_sources(vma, huge):
            self.collapse_populate(mm, vma, table)
            error = "EINVAL"
        if error:
            for folio in isolated:
                self.folio_unlock(folio)
                self.folio_putback_lru(folio)
            return error
        self.drop_sources(mm, vma)
        for folio in isolated:
            self.folio_unlock(folio)
            self.lruvec_add_folio(folio)
            self.zap_put(folio, 1)
        self.folio_mark_uptodate(huge)
        self.collapse_install(mm, vma, huge, table)
        return ""

    def pmdp_collapse_flush(self, mm: Mm, vma: Vma) -> PageTable:
        """Take the page table from under the PMD, with all that is in it: nobody comes to it any more but GUP-fast.

        GUP-fast may have been there before. What it takes is seen in the counts, or it sees that the PMD has changed
        (70cbc3cc78a9, "mm: gup: fix the fast GUP race against THP collapse", v6.1); and as the table is to be used for
        something else, it is waited for (2ba99c5e0881, "mm/khugepaged: fix GUP-fast interaction by sending IPI", v6.1).
        """
        self.spin_lock(vma)
        table = vma.table
        assert table is not None
        vma.table = None
        self.set_pmd(mm, vma, None)
        self.spin_unlock(vma)
        self.tlb_flush_barrier()
        self.tlb_remove_table_sync_one()
        return table

    def tlb_flush_barrier(self) -> None:
        """A flush of the TLBs orders the write of the entry before everything after it."""
        self.smp_mb()

    def tlb_remove_table_sync_one(self) -> None:
        """An interrupt to all CPUs: whoever walked without a lock is through."""
        self.smp_call_function()

    def collapse_populate(self, mm: Mm, vma: Vma, table: PageTable) -> None:
        """The page table goes back to where it was."""
        self.spin_lock(vma)
        self.pmd_install(mm, vma, table)
        self.spin_unlock(vma)

    def collapse_install(self, mm: Mm, vma: Vma, huge: Folio, table: PageTable) -> None:
        """Map the huge page; the page table, empty now, is deposited for the day when it is split."""
        self.spin_lock(vma)
        self.folio_add_new_anon_rmap_pmd(huge, mm, vma)
        self.folio_add_lru(huge)
        self.deposit_table(vma, table)
        self.set_pmd(mm, vma, Pte(huge, True))
        self.spin_unlock(vma)

    def scan_pmd(self, vma: Vma) -> str:
        """hpage_collapse_scan_pmd(): the first, racy look."""
        if not self.pte_offset_map_lock(vma):
            return "EINVAL"
        found, error = False, ""
        for entry in vma.ptes:
            if type(entry) is Pte:
                found = True
                if not self.collapse_refs_suitable(entry.page.head):
                    error = "EAGAIN"
                    break
            elif entry is not None and entry is not ZERO:
                found = True
        self.spin_unlock(vma)
        return error if found else "EINVAL"

    def collapse_refs_suitable(self, folio: Folio) -> bool:
        """is_refcount_suitable(): nothing but mappings and swap cache, n for a folio of n pages."""
        return self.expected_ref_count(folio) == folio._refcount

    def collapse_swapin(self, mm: Mm, vma: Vma) -> str:
        """__collapse_huge_page_swapin(): by read faults."""
        for page in range(self.nr_huge):
            entry = vma.ptes[page]
            if type(entry) is SwapPte:
                error = self.do_swap_page(mm, vma, page, entry, False)
                if error:
                    return error if error == ENOMEM else "EINVAL"
            elif type(entry) is DevicePte:
                error = self.migrate_to_ram(mm, vma, page)
                if error:
                    return error if error == ENOMEM else "EINVAL"
        return ""

    def isolate_sources(self, vma: Vma, isolated: dict[Folio, None]) -> str:
        """__collapse_huge_page_isolate(): each source locked, looked at for the second time, and off the LRU.

        The page table is locked, and out of reach already.
        """
        for entry in vma.ptes:
            if type(entry) is Pte:
                folio = entry.page.head
                if folio not in isolated and not self.isolate_one(folio, isolated):
                    return "EAGAIN"
            elif entry is not None and entry is not ZERO:
                return "EINVAL"
        return ""

    def isolate_one(self, folio: Folio, isolated: dict[Folio, None]) -> bool:
        """One source: false, and as it was, where somebody has it locked, refers to it, or has taken it off the LRU."""
        if not self.folio_trylock(folio):
            return False
        if not self.collapse_refs_suitable(folio) or not self.folio_isolate_lru(folio):
            self.folio_unlock(folio)
            return False
        isolated[folio] = None
        return True

    def copy_sources(self, vma: Vma, huge: Folio) -> bool:
        """__collapse_huge_page_copy(): false when contents are lost, while every source is still mapped."""
        return all(
            self.copy_page(huge.pages[number], entry.page)
            for number, entry in enumerate(vma.ptes)
            if type(entry) is Pte
        )

    def drop_sources(self, mm: Mm, vma: Vma) -> None:
        """Drop the mapping of each page that was copied; others that map it keep it."""
        for number in range(self.nr_huge):
            entry = vma.ptes[number]
            if entry is None:
                continue
            self.spin_lock(vma)
            vma.ptes[number] = None
            if type(entry) is Pte:
                self.folio_remove_rmap_ptes(entry.page.head, (entry.page,), mm)
            self.spin_unlock(vma)
            if type(entry) is Pte:
                self.zap_put(entry.page.head, 1)
