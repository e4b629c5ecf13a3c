"""Files that live in memory and swap alone: memfd and tmpfs."""

from __future__ import annotations

from mmfuzz.kernel.fault import ENOMEM, Fault
from mmfuzz.kernel.file import File
from mmfuzz.kernel.page import Folio, Page

EIO = "EIO"


class Shmem(Fault):
    """shmem_get_folio(), and the way out to swap and back."""

    def file_page(self, file: File, index: int) -> Page | str:
        """The page of a file, brought into the page cache if it is not there, with a reference; or an errno name."""
        while True:
            entry = self.filemap_get_entry(file, index)
            if isinstance(entry, Page):
                return entry
            if type(entry) is int:
                error = self.shmem_swapin(file, index, entry)
            else:
                error = "" if self.filemap_alloc_folio(file, index) else ENOMEM
            if error:
                return error

    def shmem_swapin(self, file: File, index: int, slot: int) -> str:
        """shmem_swapin_folio(): out of the swap cache, into the page cache, and the slots are free.

        Without an error the entry is worth another look: it has a page now, or has changed meanwhile.
        """
        page = self.swap_cache_get(slot)
        if page is None:
            page = self.swapin_shmem(slot)
            if page is None:
                return ENOMEM
        folio = page.head
        self.folio_lock(folio)
        error = ""
        if self.swapin_failed(folio):
            error = EIO
        elif self.is_cached_for(folio, page, slot):
            self.shmem_cache_folio(file, folio, index - page.number)
        self.folio_unlock(folio)
        self.folio_put(folio)
        return error

    def is_cached_for(self, folio: Folio, page: Page, slot: int) -> bool:
        """Whether the swap cache has a locked folio still for what it was found by."""
        return folio.swapcache and folio.swap + page.number == slot

    def shmem_cache_folio(self, file: File, folio: Folio, first: int) -> None:
        """A locked folio goes from the swap cache to the page cache."""
        slots = folio.swap
        self.folio_get(folio, len(folio.pages))
        folio.mapping = file
        folio.index = first
        self.spin_lock(file)
        self.smp_wmb()
        for part in folio.pages:
            if file.pages.get(first + part.number) == slots + part.number:
                self.set_cached(file, first + part.number, part)
        self.spin_unlock(file)
        self.delete_from_swap_cache(folio)
        for part in folio.pages:
            self.swap_free(slots + part.number)
        self.mark_dirty(folio)

    def swapin_shmem(self, slot: int) -> Folio | None:
        """What shmem reads goes by the swap cache."""
        return self.swapin_read(slot)

    def shmem_writeout(self, file: File, folio: Folio) -> bool:
        """shmem_writeout(): the entries of the page cache become swap entries; false when slots are short."""
        if not self.add_to_swap(folio):
            return False
        self.spin_lock(file)
        for page in folio.pages:
            slot = folio.swap + page.number
            self.swap_duplicate(slot)
            self.set_cached(file, folio.index + page.number, slot)
        folio.mapping = None
        self.spin_unlock(file)
        self.folio_put(folio, self.page_cache_refs(folio))
        self.write_out(folio)
        return True
