"""Splitting a folio into base pages: refuse, unmap, freeze, rebuild, unfreeze, map again."""

from __future__ import annotations

from mmfuzz.kernel.file import File
from mmfuzz.kernel.fork import Fork
from mmfuzz.kernel.mm import MigrationPte, Mm, Pte, Vma
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.observation import TABLE, ZERO

EAGAIN = "EAGAIN"
Unmapped = list[tuple[Mm, Vma, int]]
"""Where migration entries stand: (mm, area, page)."""


class Split(Fork):
    """split_huge_page(). The caller holds one reference, which stays with the page that it asked for."""

    split_uses_zero_page = True
    """The shared zero page takes the place of zero-filled pages (b1f202060afe, v6.12)."""

    def split_folio(self, folio: Folio, keep: Page) -> str:
        """Split `folio`; the caller's reference ends on `keep`. An errno name when it was refused."""
        self.release_private(folio)
        if not self.can_split_folio(folio):
            return EAGAIN
        unmapped = self.unmap_folio(folio)
        if not self.ref_freeze(folio, self.split_frozen_refs(folio)):
            self.remap(unmapped, use_zero_page=False)
            return EAGAIN
        pages = self.rebuild(folio)
        self.drop_beyond_eof(pages)
        self.remap(unmapped, use_zero_page=self.split_uses_zero_page)
        for page in pages:
            if page is not keep:
                self.free_swap_cache(page)
                self.folio_put(page)
        return ""

    def can_split_folio(self, folio: Folio) -> bool:
        """The first look: d77a28e053ae made it folio_expected_ref_count() in v6.18."""
        return self.expected_ref_count(folio) == folio._refcount - 1

    def split_frozen_refs(self, folio: Folio) -> int:
        """What is left once everything is unmapped: the caller and the swap cache."""
        return 1 + self.cache_refs(folio)

    def unmap_folio(self, folio: Folio) -> Unmapped:
        """Replace every mapping by migration entries; PMD mappings are split, and stay so. A file's just go."""
        if type(folio.mapping) is File:
            self.unmap_file_folio(folio)
            return []
        for mm, vma in self.rmap_walk(folio):
            if type(vma.pmd) is Pte and vma.pmd.page is folio:
                self.split_huge_pmd(mm, vma)
        return self.unmap_ptes(folio)

    def unmap_file_folio(self, folio: Folio) -> None:
        """try_to_unmap() for pages of a file: whoever needs one has it back by a fault."""
        for mm, vma in self.rmap_walk(folio):
            if type(vma.pmd) is Pte and vma.pmd.page is folio:
                self.unmap_huge_file(mm, vma)
            pages = self.ptes_mapping(folio, vma)
            for page in pages:
                self.set_pte(mm, vma, page, None)
            if pages:
                self.folio_remove_rmap_ptes(folio, [folio.pages[page - folio.index] for page in pages], mm)
                self.unmapped_file(mm, folio, len(pages))
                self.folio_put(folio, len(pages))

    def unmap_ptes(self, folio: Folio) -> Unmapped:
        """Replace every PTE that maps the folio by a migration entry."""
        unmapped: Unmapped = []
        for mm, vma in self.rmap_walk(folio):
            pages = self.ptes_mapping(folio, vma)
            for page in pages:
                entry = vma.ptes[page]
                assert type(entry) is Pte
                moving = MigrationPte(entry.page, entry.writable, entry.page.anon_exclusive)
                self.set_pte(mm, vma, page, moving)
                unmapped.append((mm, vma, page))
            if pages:
                self.folio_remove_rmap_ptes(folio, [folio.pages[page - folio.index] for page in pages], mm)
                self.folio_put(folio, len(pages))
        return unmapped

    def rebuild(self, folio: Folio) -> list[Page]:
        """__split_unmapped_folio(): every page a folio of its own, with its share of the swap cache."""
        pages = folio.pages
        slot, index = folio.swap, folio.index
        folio.order = 0
        folio.partially_mapped = False
        for page in pages:
            page.head = page
            page.pages = [page]
            page.number = 0
            page.mapping = folio.mapping
            page.index = index + page.pfn - folio.pfn
            page.swapcache = folio.swapcache
            page.dirty = folio.dirty
            self.lruvec_add_folio(page)
            if folio.swapcache:
                page.swap = slot + page.pfn - folio.pfn
            self.ref_unfreeze(page, self.piece_refs(page))
            self.touched[page] = None
            self.made[page] = None
        return pages

    def piece_refs(self, page: Page) -> int:
        """A piece begins with the caller's reference and, if it is cached, the swap cache's."""
        return 1 + self.cache_refs(page)

    def remap(self, unmapped: Unmapped, *, use_zero_page: bool) -> None:
        """Turn migration entries back into mappings."""
        for mm, vma, number in unmapped:
            entry = vma.ptes[number]
            assert type(entry) is MigrationPte
            page = entry.page
            if use_zero_page and not page.content and not page.head.swapcache:
                self.set_pte(mm, vma, number, ZERO)
                continue
            self.remove_migration_pte(mm, vma, number, entry, page)

    def remove_migration_pte(self, mm: Mm, vma: Vma, number: int, entry: MigrationPte, page: Page) -> None:
        """Map a page where a migration entry stood."""
        self.folio_get(page.head)
        if entry.exclusive:
            self.set_exclusive(page)
        if type(page.head.mapping) is File:
            self.folio_add_file_rmap_ptes(page.head, (page,), mm)
        else:
            self.folio_add_anon_rmap_ptes(page.head, (page,), mm)
        self.set_pte(mm, vma, number, Pte(page, entry.writable))

    def split_mapped_page(self, vma: Vma, number: int) -> str:
        """What a caller does that found the folio through a page table."""
        entry = vma.ptes[number] if vma.pmd is TABLE else vma.pmd
        assert type(entry) is Pte
        page = entry.page if vma.pmd is TABLE else entry.page.pages[number]
        self.lru_add_drain()
        return self.get_and_split(page)

    def get_and_split(self, page: Page) -> str:
        """Split the folio of a page with a reference of one's own, which is dropped again."""
        self.get_page(page)
        if not self.folio_trylock(page.head):
            return self.split_bails_out(page)
        error = self.split_folio(page.head, page)
        self.zap_put(page.head, 1)
        return error

    def split_bails_out(self, page: Page) -> str:
        """Nothing was done, and the caller's reference goes all the same."""
        self.zap_put(page.head, 1)
        return EAGAIN
