"""PMD-mapped folios: splitting the mapping, which never fails and never looks at pins."""

from __future__ import annotations

from mmfuzz.kernel.mm import Mm, Pte, Vma
from mmfuzz.kernel.page import Folio
from mmfuzz.kernel.rmap import Rmap
from mmfuzz.observation import TABLE, ZERO


class HugeMappings(Rmap):
    """__split_huge_pmd() and what belongs to it."""

    def split_huge_pmd(self, mm: Mm, vma: Vma) -> None:
        """Replace a PMD mapping by PTEs; the folio stays whole."""
        entry = vma.pmd
        self.set_pmd(mm, vma, TABLE)
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

    def split_pmd_maps(self, folio: Folio, mm: Mm) -> None:
        """One PMD map becomes a PTE map of each page; never less than one in between."""
        self.folio_add_anon_rmap_ptes(folio, folio.pages, mm)
        self.folio_remove_rmap_pmd(folio, mm)

    def pmd_split_refs(self, folio: Folio) -> None:
        """The PMD's one reference becomes one for each PTE."""
        self.folio_get(folio, len(folio.pages) - 1)
