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

    def set_cached(self, file: File, index: int, entry: Page | int | None) -> None:
        """Write one entry of i_pages."""
        if entry is None:
            del file.pages[index]
        else:
            file.pages[index] = entry
        self.file_moves[file, index] = None

    def filemap_alloc_folio(self, file: File, index: int) -> Folio | None:
        """A folio for an index, of the file's order where that fits; None when memory is short."""
        first = index & -(1 << file.order)
        span = range(first, first + (1 << file.order))
        if file.order != BASE and span.stop <= file.size and not any(i in file.pages for i in span):
            folio = self.alloc_folio(file.order)
            if folio is not None:
                return self.filemap_fill(file, folio, first)
        folio = self.alloc_folio(0)
        return self.filemap_fill(file, folio, index) if folio is not None else None

    def filemap_fill(self, file: File, folio: Folio, index: int) -> Folio:
        """A fresh folio is the page cache's now, and nobody else's."""
        self.filemap_add_folio(file, folio, index)
        self.folio_put(folio)
        return folio

    def filemap_add_folio(self, file: File, folio: Folio, index: int) -> None:
        """A fresh folio enters the page cache with what is on disk; large ones keep the state of their blocks."""
        self.folio_get(folio, len(folio.pages))
        folio.mapping = file
        folio.index = index
        for page in folio.pages:
            page.content = file.disk.get(index + page.number, 0)
            self.set_cached(file, index + page.number, page)
        if folio.order and not file.shmem:
            self.attach_private(folio)
        self.folio_add_lru(folio)

    def filemap_remove_folio(self, folio: Folio) -> None:
        """A folio leaves the page cache, and with it what the file system keeps."""
        self.release_private(folio)
        self.uncache_file(folio)
        self.folio_put(folio, self.page_cache_refs(folio))

    def uncache_file(self, folio: Folio) -> None:
        """Clear the entries of a folio, without the references."""
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
