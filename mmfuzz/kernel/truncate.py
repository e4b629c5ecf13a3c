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
        self.down_write(file.inode)
        self.critical("i_size")
        old = file.size
        file.size = size
        if size <= old:
            span = range(size, self.nr_huge)
            self.unmap_mapping_range(file, span, even_cows=True)
            self.truncate_inode_pages(file, span)
        self.up_write(file.inode)

    def punch_hole(self, file: File, span: range) -> None:
        """Pages become holes; private copies of them stay."""
        self.down_write(file.inode)
        self.unmap_mapping_range(file, span, even_cows=False)
        self.truncate_inode_pages(file, span)
        self.up_write(file.inode)

    def unmap_mapping_range(self, file: File, span: range, *, even_cows: bool) -> None:
        """Unmap a range of a file everywhere."""
        self.down_read(file)
        for mm, vma in list(file.mappers):
            if type(vma.pmd) is Pte:
                self.unmap_huge_file(mm, vma)
            self.unmap_from(mm, vma, span, even_cows)
        self.up_read(file)

    def unmap_from(self, mm: Mm, vma: Vma, span: range, even_cows: bool) -> None:
        """Unmap a range from one mapping."""
        self.spin_lock(vma)
        if vma.pmd is TABLE:
            for number in span:
                entry = vma.ptes[number]
                is_files = type(entry) is Pte and type(entry.page.head.mapping) is File
                if entry is not None and (even_cows or is_files):
                    self.zap_pte(mm, vma, number, number + 1)
        self.spin_unlock(vma)

    def truncate_inode_pages(self, file: File, span: range) -> None:
        """Take a range out of the page cache, and out of swap, once none of it is being written."""
        for folio in self.find_get_folios(file, span):
            self.folio_lock(folio)
            self.wait_on_writeback(folio)
            self.folio_unlock(folio)
            self.folio_put(folio)
        for index in span:
            entry = file.pages.get(index)
            if type(entry) is int and not self.swapped_in_part(file, index, entry, span):
                self.shmem_free_swap(file, index, entry)
            file.disk.pop(index, None)
        for folio in self.find_get_folios(file, span):
            self.folio_lock(folio)
            if folio.mapping is not file:
                self.truncated_already(folio)
            elif folio.index in span and folio.index + len(folio.pages) - 1 in span:
                self.truncate_folio(folio)
            else:
                self.truncate_partial_folio(folio, span)

    def shmem_free_swap(self, file: File, index: int, slot: int) -> None:
        """shmem_free_swap(): the entry and its slot, if it is what was seen."""
        self.spin_lock(file)
        found = file.pages.get(index) == slot
        if found:
            self.set_cached(file, index, None)
        self.spin_unlock(file)
        if found:
            self.free_swap_and_cache(slot)

    def swapped_in_part(self, file: File, index: int, slot: int, span: range) -> bool:
        """shmem_get_partial_folio(): what the swap cache has of a folio that stays in part is brought back first."""
        page = self.swap_cache.get(slot)
        if page is None or not page.head.order:
            return False
        first = index - page.number
        if first in span and first + len(page.head.pages) - 1 in span:
            return False
        return not self.shmem_swapin(file, index, slot)

    def truncated_already(self, folio: Folio) -> None:
        """Somebody else took it out of the page cache before it was locked."""
        self.folio_unlock(folio)
        self.folio_put(folio)

    def truncate_folio(self, folio: Folio) -> None:
        """A whole folio, locked and with the caller's reference, leaves; whoever holds it keeps it."""
        file = folio.mapping
        if self.folio_mapped(folio) and type(file) is File:
            # A fault was faster than the lock.
            span = range(folio.index, folio.index + len(folio.pages))
            self.unmap_mapping_range(file, span, even_cows=False)
        folio.dirty = False
        self.filemap_remove_folio(folio)
        self.folio_unlock(folio)
        self.folio_put(folio)

    def truncate_partial_folio(self, folio: Folio, span: range) -> None:
        """truncate_inode_partial_folio(): zero what is cut off, and split so that it can go; else it stays, zeroed.

        The caller's reference goes, and its lock. A split leaves the lock of the first piece.
        """
        pages, first = folio.pages, folio.index
        for page in pages:
            if first + page.number in span:
                page.content = 0
        self.touched[folio] = None
        self.split_folio(folio, folio)
        self.folio_unlock(folio)
        split = not folio.order
        self.folio_put(folio)
        if split:
            self.truncate_pieces([page for page in pages if first + page.pfn - pages[0].pfn in span])

    def truncate_pieces(self, pages: list[Page]) -> None:
        """What a split has made of a folio that is to go in part."""
        for page in pages:
            file = page.mapping
            if type(file) is not File or not page.ref_add_unless_zero():
                continue
            self.touched[page] = None
            self.folio_lock(page)
            if page.mapping is file:
                self.truncate_folio(page)
            else:
                self.truncated_already(page)
