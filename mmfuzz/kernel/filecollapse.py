"""Collapse of what a file has in memory: its base pages become one huge page in the page cache.

f3f0e1d2150b ("khugepaged: add support of collapse for tmpfs/shmem pages", v4.8). A source is taken when nothing
refers to it but the page cache, its mappings and the file system; once it is isolated and unmapped, its count is
frozen.
"""

from __future__ import annotations

from mmfuzz.kernel.file import File
from mmfuzz.kernel.migrate import Migrate
from mmfuzz.kernel.mm import Mm, Pte, Vma
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.observation import TABLE

EINVAL = "EINVAL"


class FileCollapse(Migrate):
    """collapse_file()."""

    def collapse_file(self, mm: Mm, vma: Vma) -> str:
        """EINVAL for what is no huge range of shmem, EAGAIN for references, ENOMEM."""
        file = vma.file
        assert file is not None
        if not self.can_collapse_file(file) or not all(vma.present):
            return EINVAL
        error = self.collapse_in_cache(file)
        if not error:
            self.map_collapsed(mm, vma, file)
        return error

    def can_collapse_file(self, file: File) -> bool:
        """Whether a huge page of the file makes sense: all of it must be inside."""
        return file.shmem and file.size == self.nr_huge and bool(file.pages)

    def collapse_in_cache(self, file: File) -> str:
        """Replace the sources by one huge page in the page cache; nothing to do where it is there already."""
        cached = file.cached(0)
        if cached is not None and cached.head.order == self.huge_order:
            return ""
        if not all(map(self.file_refs_suitable, self.folios_of(file, range(self.nr_huge)))):
            return "EAGAIN"
        huge = self.alloc_folio(self.huge_order)
        if huge is None:
            return "ENOMEM"
        error = self.collapse_file_swapin(file)
        frozen: dict[Folio, None] = {}
        if not error:
            self.lru_add_drain_all()
            error = self.freeze_sources(file, frozen)
        if error:
            for folio in frozen:
                self.ref_unfreeze(folio, 1 + self.cache_refs(folio))
                self.folio_putback_lru(folio)
            self.folio_put(huge)
            return error
        self.replace_sources(file, huge, frozen)
        return ""

    def file_refs_suitable(self, folio: Folio) -> bool:
        """The first look, at what is in memory: page cache or swap cache, mappings, private data."""
        return folio._refcount == self.expected_ref_count(folio)

    def collapse_file_swapin(self, file: File) -> str:
        """Bring back what shmem has swapped out."""
        for index, entry in list(file.pages.items()):
            if type(entry) is int:
                page = self.file_page(file, index)
                if isinstance(page, str):
                    return page if page == "ENOMEM" else "EAGAIN"
        return ""

    def freeze_sources(self, file: File, frozen: dict[Folio, None]) -> str:
        """Isolate, unmap and freeze each source: only the cache and the isolation may be left."""
        for folio in dict.fromkeys(self.folios_of(file, range(self.nr_huge))):
            if not self.folio_isolate_lru(folio):
                return "EAGAIN"
            self.unmap_file_folio(folio)
            if not self.ref_freeze(folio, 1 + self.cache_refs(folio)):
                self.folio_putback_lru(folio)
                return "EAGAIN"
            frozen[folio] = None
        return ""

    def replace_sources(self, file: File, huge: Folio, frozen: dict[Folio, None]) -> None:
        """Contents and entries go over; the sources are freed, and the page tables that mapped them as well."""
        contents = {index: page.content for index, page in file.pages.items() if isinstance(page, Page)}
        for folio in frozen:
            self.uncache_file(folio)
            self.ref_unfreeze(folio, 1)
            folio.lru = True
            self.folio_put(folio)
        self.filemap_add_folio(file, huge, 0)
        for index, content in contents.items():
            huge.pages[index].content = content
        self.mark_dirty(huge)
        self.folio_put(huge)
        self.retract_page_tables(file)

    def retract_page_tables(self, file: File) -> None:
        """Page tables without private copies in them are of no use any more."""
        for mm, vma in list(file.mappers):
            if vma.pmd is TABLE and not any(vma.ptes):
                self.free_tables(mm, vma)

    def map_collapsed(self, mm: Mm, vma: Vma, file: File) -> None:
        """collapse_pte_mapped_thp(): map the huge page by a PMD where nothing private is in the way."""
        page = file.cached(0)
        assert page is not None
        if vma.pmd is TABLE:
            if any(type(e) is not Pte or e.page.head is not page.head for e in vma.ptes if e is not None):
                return
            self.zap_range(mm, vma, range(self.nr_huge))
            self.free_tables(mm, vma)
        if vma.pmd is None:
            self.get_page(page)
            self.folio_add_file_rmap_pmd(page.head, mm)
            self.mapped_file(mm, len(page.head.pages))
            self.set_pmd(mm, vma, Pte(page.head, False))
