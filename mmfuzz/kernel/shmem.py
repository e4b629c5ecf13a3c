"""Files that live in memory and swap alone: memfd and tmpfs."""

from __future__ import annotations

from mmfuzz.kernel.fault import ENOMEM, Fault
from mmfuzz.kernel.file import File
from mmfuzz.kernel.page import Folio, Page

EIO = "EIO"


class Shmem(Fault):
    """shmem_get_folio(), and the way out to swap and back."""

    def file_page(self, file: File, index: int) -> Page | str:
        """The page of a file, brought into the page cache if it is not there, or an errno name."""
        entry = file.pages.get(index)
        if type(entry) is int:
            return self.shmem_swapin(file, index, entry)
        if isinstance(entry, Page):
            return entry
        folio = self.filemap_alloc_folio(file, index)
        return folio.pages[index - folio.index] if folio is not None else ENOMEM

    def shmem_swapin(self, file: File, index: int, slot: int) -> Page | str:
        """shmem_swapin_folio(): out of the swap cache, into the page cache, and the slots are free."""
        page = self.swap_cache.get(slot)
        if page is not None:
            self.get_page(page)
        else:
            page = self.swapin_shmem(slot)
            if page is None:
                return ENOMEM
        folio = page.head
        if self.swapin_failed(folio):
            self.folio_put(folio)
            return EIO
        first = index - page.number
        slots = folio.swap
        self.folio_get(folio, len(folio.pages))
        folio.mapping = file
        folio.index = first
        for part in folio.pages:
            if file.pages.get(first + part.number) == slots + part.number:
                self.set_cached(file, first + part.number, part)
        self.delete_from_swap_cache(folio)
        for part in folio.pages:
            self.swap_free(slots + part.number)
        self.mark_dirty(folio)
        self.folio_put(folio)
        return page

    def swapin_shmem(self, slot: int) -> Folio | None:
        """What shmem reads goes by the swap cache."""
        return self.swapin_read(slot)

    def shmem_writeout(self, file: File, folio: Folio) -> bool:
        """shmem_writeout(): the entries of the page cache become swap entries; false when slots are short."""
        if not self.add_to_swap(folio):
            return False
        for page in folio.pages:
            slot = folio.swap + page.number
            self.swap_duplicate(slot)
            self.set_cached(file, folio.index + page.number, slot)
        folio.mapping = None
        self.folio_put(folio, self.page_cache_refs(folio))
        self.write_out(folio)
        return True
