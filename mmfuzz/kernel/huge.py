"""PMD-mapped folios: splitting the mapping, which never fails and never looks at pins."""

from __future__ import annotations

from mmfuzz.kernel.mm import Mm, Pte, Vma
from mmfuzz.kernel.page import Folio
from mmfuzz.kernel.rmap import Rmap
from mmfuzz.observation import ZERO


class HugeMappings(Rmap):
    """__split_huge_pmd() and what belongs to it."""

    def split_huge_pmd(self, mm: Mm, vma: Vma) -> None:
        """Replace a PMD mapping by PTEs; the folio stays whole."""
        entry = vma.pmd
        if vma.file is not None:
            self.unmap_huge_file(mm, vma)
            return
        self.pmd_install(mm, vma, self.withdraw_table(vma))
        if type(entry) is not Pte:
            for number in range(self.nr_huge):
                self.set_pte(mm, vma, number, ZERO)
            return
        folio = entry.page
        self.pmd_split_refs(folio)
        for page in folio.pages:
            page.anon_exclusive = folio.anon_exclusive
        self.split_pmd_maps(folio, mm)
        for page in folio.pages:
            self.set_pte(mm, vma, page.number, Pte(page, entry.writable))

    def unmap_huge_file(self, mm: Mm, vma: Vma) -> None:
        """The PMD mapping of a file's huge page just goes: faults bring it back, page by page or whole."""
        entry = vma.pmd
        assert type(entry) is Pte
        self.set_pmd(mm, vma, None)
        self.folio_remove_rmap_pmd(entry.page, mm)
        self.unmapped_file(mm, entry.page, len(entry.page.pages))
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
