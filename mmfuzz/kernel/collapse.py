"""Collapse: what an area maps by PTEs becomes one huge page, unless somebody refers to one of the pages.

Seed of the rule: "khugepaged: allow to collapse a page shared across fork" (9445689f3b61, v5.8). The
references are compared twice: while scanning, and again once the page table is out of reach.
"""

from __future__ import annotations

from mmfuzz.kernel.fault import ENOMEM
from mmfuzz.kernel.filecollapse import FileCollapse
from mmfuzz.kernel.mm import DevicePte, Mm, Pte, SwapPte, Vma
from mmfuzz.kernel.page import Folio
from mmfuzz.observation import TABLE


class Collapse(FileCollapse):
    """madvise(MADV_COLLAPSE)."""

    def collapse_area(self, mm: Mm, vma: Vma) -> str:
        """An errno name when it was refused: EAGAIN for references, ENOMEM, EINVAL for what cannot be collapsed."""
        self.lru_add_drain_all()
        if vma.file is not None:
            return self.collapse_file(mm, vma)
        error = self.scan_pmd(vma)
        if error:
            return error
        huge = self.alloc_folio(self.huge_order)
        if huge is None:
            return "ENOMEM"
        error = self.collapse_swapin(mm, vma)
        isolated: dict[Folio, None] = {}
        if not error:
            self.lru_add_drain_all()
            error = self.isolate_sources(vma, isolated)
        if not error and not self.copy_sources(vma, huge):
            error = "EINVAL"
        if error:
            for folio in isolated:
                self.folio_putback_lru(folio)
            self.folio_put(huge)
            return error
        self.drop_sources(mm, vma)
        for folio in isolated:
            self.lruvec_add_folio(folio)
            self.zap_put(folio, 1)
        self.folio_add_new_anon_rmap_pmd(huge, mm, vma)
        self.folio_add_lru(huge)
        if vma.table is not None:
            self.deposit_table(vma, vma.table)
            vma.table = None
        self.set_pmd(mm, vma, Pte(huge, True))
        return ""

    def scan_pmd(self, vma: Vma) -> str:
        """hpage_collapse_scan_pmd(): the first, racy look."""
        found = False
        for entry in vma.ptes:
            if type(entry) is Pte:
                found = True
                if not self.collapse_refs_suitable(entry.page.head):
                    return "EAGAIN"
            elif type(entry) is SwapPte or type(entry) is DevicePte:
                found = True
        return "" if found else "EINVAL"

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
        """__collapse_huge_page_isolate(): the second look, and a reference on each source."""
        for entry in vma.ptes:
            if type(entry) is Pte and entry.page.head not in isolated:
                folio = entry.page.head
                if not self.collapse_refs_suitable(folio) or not self.folio_trylock(folio):
                    return "EAGAIN"
                if not self.folio_isolate_lru(folio):
                    return "EAGAIN"
                isolated[folio] = None
        return ""

    def copy_sources(self, vma: Vma, huge: Folio) -> bool:
        """__collapse_huge_page_copy(): false when contents are lost, while every source is still mapped."""
        return all(
            self.copy_page(huge.pages[number], entry.page)
            for number, entry in enumerate(vma.ptes)
            if type(entry) is Pte
        )

    def drop_sources(self, mm: Mm, vma: Vma) -> None:
        """Drop the mapping of each page that was copied; others that map it keep it."""
        for number, entry in enumerate(vma.ptes):
            vma.ptes[number] = None
            if type(entry) is Pte:
                folio = entry.page.head
                self.folio_remove_rmap_ptes(folio, (entry.page,), mm)
                self.zap_put(folio, 1)
        assert vma.pmd is TABLE
