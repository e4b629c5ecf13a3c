"""Cutting off and punching holes: pages leave the mappings first, then the page cache."""

from __future__ import annotations

from mmfuzz.kernel.file import File
from mmfuzz.kernel.mm import Mm, Pte, Vma
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.kernel.split import Split
from mmfuzz.observation import TABLE


class Truncate(Split):
    """truncate_pagecache(), and fallocate(FALLOC_FL_PUNCH_HOLE)."""

    def truncate(self, file: File, size: int) -> None:
        """Set the size of a file. What is cut off is gone for good, and so are private copies of it."""
        old = file.size
        file.size = size
        if size <= old:
            span = range(size, self.nr_huge)
            self.unmap_mapping_range(file, span, even_cows=True)
            self.truncate_inode_pages(file, span)

    def punch_hole(self, file: File, span: range) -> None:
        """Pages become holes; private copies of them stay."""
        self.unmap_mapping_range(file, span, even_cows=False)
        self.truncate_inode_pages(file, span)

    def unmap_mapping_range(self, file: File, span: range, *, even_cows: bool) -> None:
        """Unmap a range of a file everywhere."""
        for mm, vma in list(file.mappers):
            if type(vma.pmd) is Pte:
                self.unmap_huge_file(mm, vma)
            elif vma.pmd is TABLE:
                self.unmap_from(mm, vma, span, even_cows)

    def unmap_from(self, mm: Mm, vma: Vma, span: range, even_cows: bool) -> None:
        """Unmap a range from one mapping."""
        for number in span:
            entry = vma.ptes[number]
            is_files = type(entry) is Pte and type(entry.page.head.mapping) is File
            if entry is not None and (even_cows or is_files):
                self.zap_pte(mm, vma, number, number + 1)

    def truncate_inode_pages(self, file: File, span: range) -> None:
        """Take a range out of the page cache, and out of swap, once none of it is being written."""
        for folio in dict.fromkeys(self.folios_of(file, span)):
            self.wait_on_writeback(folio)
        for index in span:
            entry = file.pages.get(index)
            if type(entry) is int and not self.swapped_in_part(file, index, entry, span):
                self.set_cached(file, index, None)
                self.free_swap_and_cache(entry)
            file.disk.pop(index, None)
        for folio in dict.fromkeys(self.folios_of(file, span)):
            if folio.index in span and folio.index + len(folio.pages) - 1 in span:
                self.truncate_folio(folio)
            else:
                self.truncate_partial_folio(folio, span)

    def swapped_in_part(self, file: File, index: int, slot: int, span: range) -> bool:
        """shmem_get_partial_folio(): what the swap cache has of a folio that stays in part is brought back first."""
        page = self.swap_cache.get(slot)
        if page is None or not page.head.order:
            return False
        first = index - page.number
        if first in span and first + len(page.head.pages) - 1 in span:
            return False
        return isinstance(self.shmem_swapin(file, index, slot), Page)

    def truncate_folio(self, folio: Folio) -> None:
        """A whole folio leaves; whoever holds it keeps it."""
        folio.dirty = False
        self.folio_get(folio)
        self.filemap_remove_folio(folio)
        self.folio_put(folio)

    def truncate_partial_folio(self, folio: Folio, span: range) -> None:
        """truncate_inode_partial_folio(): zero what is cut off, and split so that it can go; else it stays, zeroed."""
        pages = folio.pages
        for page in pages:
            if folio.index + page.number in span:
                page.content = 0
        self.touched[folio] = None
        self.get_page(folio)
        self.split_folio(folio, folio)
        self.folio_put(folio)
        if folio.order:
            return
        for page in pages:
            if type(page.mapping) is File and page.index in span:
                self.truncate_folio(page)
