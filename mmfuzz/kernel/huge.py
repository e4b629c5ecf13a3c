"""PMD-mapped folios: splitting the mapping, which never fails and never looks at pins."""

from __future__ import annotations

from mmfuzz.kernel.mm import MigrationPte, Mm, PmdEntry, Pte, PteEntry, Vma
from mmfuzz.kernel.page import Folio
from mmfuzz.kernel.rmap import Rmap
from mmfuzz.observation import TABLE, ZERO


class HugeMappings(Rmap):
    """__split_huge_pmd() and what belongs to it."""

    def split_huge_pmd(self, mm: Mm, vma: Vma) -> None:
        """Replace a PMD mapping by PTEs; the folio stays whole. Nothing to do where somebody was faster."""
        if vma.file is not None:
            self.unmap_huge_file(mm, vma)
            return
        self.spin_lock(vma)
        entry = vma.pmd
        if entry is not None and entry is not TABLE:
            self.split_huge_pmd_locked(mm, vma, entry)
        self.spin_unlock(vma)

    def split_huge_pmd_locked(self, mm: Mm, vma: Vma, entry: PmdEntry) -> None:
        """__split_huge_pmd_locked(): the PMD maps nothing until the page table is complete that takes its place."""
        vma.pmd = None
        if type(entry) is Pte:
            self.split_present_pmd(mm, vma, entry)
        else:
            for number in range(self.nr_huge):
                self.set_pte(mm, vma, number, self.split_other_pmd(entry, number))
        self.pmd_install(mm, vma, self.withdraw_table(vma))

    def split_present_pmd(self, mm: Mm, vma: Vma, entry: Pte) -> None:
        """References and maps for the PTEs first, then those, and at last the PMD's own map goes."""
        folio = entry.page
        exclusive = folio.anon_exclusive
        self.pmd_split_refs(folio)
        for page in folio.pages:
            page.anon_exclusive = exclusive
        self.split_pmd_maps(folio, mm)
        for page in folio.pages:
            self.set_pte(mm, vma, page.number, Pte(page, entry.writable))

    def split_other_pmd(self, entry: PmdEntry, number: int) -> PteEntry:
        """What stands for a page of the huge zero page, or of a huge page that is being moved."""
        if type(entry) is MigrationPte:
            return MigrationPte(entry.page.pages[number], entry.writable, entry.exclusive)
        return ZERO

    def unmap_huge_file(self, mm: Mm, vma: Vma) -> None:
        """The PMD mapping of a file's huge page just goes: faults bring it back, page by page or whole."""
        self.spin_lock(vma)
        entry = vma.pmd
        if type(entry) is Pte or type(entry) is MigrationPte:
            self.set_pmd(mm, vma, None)
        if type(entry) is Pte:
            self.folio_remove_rmap_pmd(entry.page, mm)
            self.unmapped_file(mm, entry.page, len(entry.page.pages))
        self.spin_unlock(vma)
        if type(entry) is Pte:
            self.folio_put(entry.page)

    def unmapped_file(self, mm: Mm, folio: Folio, pages: int) -> None:
        """Pages of a file are mapped no more: MM_FILEPAGES."""
        mm.file_pages -= pages

    def split_pmd_maps(self, folio: Folio, mm: Mm) -> None:
        """One PMD map becomes a PTE map of each page; never less than one in between."""
        self.folio_add_anon_rmap_ptes(folio, folio.pages, mm)
        self.folio_remove_rmap_pmd(folio, mm)

    def pmd_split_refs(self, folio: Folio) -> None:
        """The PMD's one reference becomes one for each PTE."""
        self.folio_get(folio, len(folio.pages) - 1)
