"""The page cache: folios that a file has in memory, n references on a folio of n pages."""

from __future__ import annotations

from collections.abc import Iterator

from mmfuzz.kernel.file import File
from mmfuzz.kernel.mm import AddressSpaces
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.ops import BASE, FILES, HUGE
from mmfuzz.profiles import Profile


class Filemap(AddressSpaces):
    """Every file, and what goes into its page cache and leaves it."""

    def __init__(self, profile: Profile, frames: int, huge_order: int) -> None:
        super().__init__(profile, frames, huge_order)
        self.files: dict[int, File] = {}
        """Files by number; one that was never used costs nothing."""
        self.file_moves: dict[tuple[File, int], None] = {}
        """Entries of page caches that this step wrote."""
        self.writebacks: dict[Folio, None] = {}
        """Folios that are being written to disk."""
        self.writing: list[tuple[File, int]] = []
        """(file, index) of each page whose write this step began."""
        self.written: list[tuple[File, int, int]] = []
        """(file, index, contents) of each page that reached its disk in this step."""
        self.private_moves: dict[Folio, None] = {}
        """Folios that got or lost private data in this step."""

    def file(self, number: int) -> File:
        """A file by its number: see `mmfuzz.ops.FILES`."""
        found = self.files.get(number)
        if found is None:
            kind = FILES[number]
            order = self.huge_order if kind.order == HUGE else min(kind.order, self.huge_order - 1)
            found = self.files[number] = File(number, self.cache_order(order), self.nr_huge, shmem=kind.shmem)
            if kind.dax:
                found.pgmap = self.memremap_dax(kind.dax, self.nr_huge)
        return found

    def cache_order(self, order: int) -> int:
        """The order of folios that a page cache may have where a file would like `order`."""
        return order

    def folios_of(self, file: File, span: range) -> Iterator[Folio]:
        """The folios in memory of a range, in the page cache or on their way through the swap cache."""
        for index in span:
            entry = file.pages.get(index)
            page = self.swap_cache.get(entry) if type(entry) is int else entry
            if isinstance(page, Page):
                yield page.head

    # Looking up, without a lock

    def filemap_get_entry(self, file: File, index: int) -> Page | int | None:
        """filemap_get_entry(), find_get_entry() once: what i_pages has at an index; a page comes with a reference.

        Nothing keeps the page from leaving or being split meanwhile, so what was found is only relied upon when a
        reference could be had and the entry is still the same then. (Here an entry is the page of its index, whose
        head is read next, as until large folios were entries of several indices: 6b24ca4a1a8d, v5.17.)
        """
        self.rcu_read_lock()
        while True:
            page = file.pages.get(index)
            if not isinstance(page, Page):
                break
            folio = page.head
            if not folio.ref_add_unless_zero():
                self.wait_for_unfreeze(file)
                continue
            self.touched[folio] = None
            if self.entry_is_same(file, index, page, folio):
                self.check_found(folio, page, index)
                break
            self.folio_put(folio)
        self.rcu_read_unlock()
        return page

    def wait_for_unfreeze(self, file: File) -> None:
        """A look-up tries again until a folio without references is frozen no more, or its entry is gone.

        Both happen under the lock of i_pages, so waiting for that is as good, and cannot go on for ever.
        """
        self.spin_lock(file)
        self.spin_unlock(file)

    def entry_is_same(self, file: File, index: int, page: Page, folio: Folio) -> bool:
        """Whether the page has neither moved nor been split before its reference was there: xas_reload()."""
        return file.pages.get(index) is page and page.head is folio

    def check_found(self, folio: Folio, page: Page, index: int) -> None:
        """What is in the page cache, and referred to, is all that it should be: a split must not show less.

        173d9d9fd3dd ("mm/huge_memory: splitting set mapping+index before unfreeze", v4.20).
        """
        if folio.index + page.pfn - folio.pfn != index:
            raise self.vm_bug_on("VM_BUG_ON_PAGE(page_to_pgoff(page) != index)", folio, f"index {index}")

    def find_get_folios(self, file: File, span: range) -> list[Folio]:
        """The folios in memory of a range, as folios_of(), with a reference on each."""
        found: dict[Folio, None] = {}
        for index in span:
            entry = self.filemap_get_entry(file, index)
            page = self.swap_cache_get(entry) if type(entry) is int else entry
            if isinstance(page, Page):
                folio = page.head
                if folio in found:
                    self.folio_put(folio)
                found[folio] = None
        return list(found)

    # Writing, with the lock of i_pages

    def set_cached(self, file: File, index: int, entry: Page | int | None) -> None:
        """Write one entry of i_pages."""
        if entry is None:
            del file.pages[index]
        else:
            file.pages[index] = entry
        self.file_moves[file, index] = None

    def filemap_alloc_folio(self, file: File, index: int) -> bool:
        """Have the page cache hold a folio for an index, of the file's order where that fits.

        Whether there is one now: the new one, or that of somebody who was faster; false when memory is short.
        """
        first = index & -(1 << file.order)
        span = range(first, first + (1 << file.order))
        if file.order != BASE and span.stop <= file.size and not any(i in file.pages for i in span):
            folio = self.alloc_folio(file.order)
            if folio is not None:
                self.filemap_fill(file, folio, first)
                return True
        folio = self.alloc_folio(0)
        if folio is not None:
            self.filemap_fill(file, folio, index)
        return folio is not None

    def filemap_fill(self, file: File, folio: Folio, index: int) -> None:
        """A fresh folio is the page cache's now, and nobody else's; or it goes, where there is one already."""
        self.folio_lock(folio)
        self.filemap_add_folio(file, folio, index)
        self.folio_unlock(folio)
        self.folio_put(folio)

    def filemap_add_folio(self, file: File, folio: Folio, index: int) -> bool:
        """A fresh, locked folio enters the page cache with what is on disk; false where something is there already.

        Large ones keep the state of their blocks.
        """
        self.folio_get(folio, len(folio.pages))
        folio.mapping = file
        folio.index = index
        self.spin_lock(file)
        if any(index + page.number in file.pages for page in folio.pages):
            self.spin_unlock(file)
            folio.mapping = None
            self.folio_put(folio, self.page_cache_refs(folio))
            return False
        for page in folio.pages:
            page.content = file.disk.get(index + page.number, 0)
        self.smp_wmb()
        for page in folio.pages:
            self.set_cached(file, index + page.number, page)
        self.spin_unlock(file)
        if folio.order and not file.shmem:
            self.attach_private(folio)
        self.folio_add_lru(folio)
        return True

    def filemap_remove_folio(self, folio: Folio) -> None:
        """A locked folio leaves the page cache, and with it what the file system keeps."""
        self.release_private(folio)
        file = folio.mapping
        self.spin_lock(file)
        self.uncache_file(folio)
        self.spin_unlock(file)
        self.folio_put(folio, self.page_cache_refs(folio))

    def uncache_file(self, folio: Folio) -> None:
        """Clear the entries of a folio, with i_pages locked, without the references."""
        file = folio.mapping
        assert type(file) is File
        for page in folio.pages:
            index = folio.index + page.number
            if file.pages.get(index) is not page:
                raise self.vm_bug_on("VM_BUG_ON_FOLIO(entry != folio)", folio, f"index {index}")
            self.set_cached(file, index, None)
        folio.mapping = None
        self.touched[folio] = None

    def page_cache_refs(self, folio: Folio) -> int:
        """What the page cache holds of a folio."""
        return len(folio.pages)

    def attach_private(self, folio: Folio) -> None:
        """folio_attach_private(): the file system keeps something with the folio, and a reference."""
        if not folio.private and folio.pgmap is None:
            self.folio_get(folio)
            folio.private = True
            self.private_moves[folio] = None

    def release_private(self, folio: Folio) -> None:
        """folio_detach_private(), which waits for write-back."""
        self.wait_on_writeback(folio)
        if folio.private:
            folio.private = False
            self.private_moves[folio] = None
            self.folio_put(folio)

    def mark_dirty(self, folio: Folio) -> None:
        """A dirty folio of a disk file has buffers."""
        super().mark_dirty(folio)
        file = folio.mapping
        if type(file) is File and not file.shmem:
            self.attach_private(folio)

    def wait_on_writeback(self, folio: Folio) -> None:
        """folio_wait_writeback(): time passes until the folio is on disk."""
        if folio in self.writebacks:
            self.end_writeback(folio)

    def end_writeback(self, folio: Folio) -> None:
        """The disk has read what the folio holds by now."""
        del self.writebacks[folio]
        file = folio.mapping
        assert type(file) is File
        for page in folio.pages:
            index = folio.index + page.number
            file.disk[index] = page.content
            self.written.append((file, index, page.content))

    def end_writebacks(self, file: File) -> None:
        """Everything of a file that is being written is on disk."""
        for folio in [folio for folio in self.writebacks if folio.mapping is file]:
            self.end_writeback(folio)

    def move_in_page_cache(self, folio: Folio, fresh: Folio) -> None:
        """The n entries of the page cache, and what the file system keeps, go over to another folio."""
        self.wait_on_writeback(folio)
        file = folio.mapping
        assert type(file) is File
        self.folio_get(fresh, len(fresh.pages))
        self.smp_wmb()
        for page in fresh.pages:
            self.set_cached(file, folio.index + page.number, page)
        if folio.private:
            self.release_private(folio)
            self.attach_private(fresh)
        folio.mapping = None
        self.folio_put(folio, self.page_cache_refs(folio))

    def drop_beyond_eof(self, pages: list[Page]) -> None:
        """Pieces of a split folio that are behind the end of their file leave the page cache."""
        for page in pages:
            file = page.mapping
            if type(file) is File and page.index >= file.size:
                self.filemap_remove_folio(page)
