"""Collapse of what a file has in memory: its base pages become one huge page in the page cache.

f3f0e1d2150b ("khugepaged: add support of collapse for tmpfs/shmem pages", v4.8). A source is taken when nothing
refers to it but the page cache, its mappings and the file system; once all are locked, isolated and unmapped, their
counts are frozen, and what is in the page cache replaced, under one lock.
"""

from __future__ import annotations

from mmfuzz.kernel.file import File
from mmfuzz.kernel.migrate import Migrate
from mmfuzz.kernel.mm import Mm, PageTable, Pte, Vma
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
        self.folio_lock(huge)
        error = self.collapse_file_swapin(file) or self.collapse_sources(file, huge)
        self.folio_unlock(huge)
        self.folio_put(huge)
        if not error:
            self.retract_page_tables(file)
        return error

    def file_refs_suitable(self, folio: Folio) -> bool:
        """The first look, at what is in memory: page cache or swap cache, mappings, private data."""
        return folio._refcount == self.expected_ref_count(folio)

    def collapse_file_swapin(self, file: File) -> str:
        """Bring back what shmem has swapped out."""
        for index in range(self.nr_huge):
            if type(file.pages.get(index)) is int:
                page = self.file_page(file, index)
                if isinstance(page, str):
                    return page if page == "ENOMEM" else "EAGAIN"
                self.put_found(page)
        return ""

    def collapse_sources(self, file: File, huge: Folio) -> str:
        """Lock and isolate each source, and put the huge page in the place of all; EAGAIN, and nothing done."""
        self.lru_add_drain_all()
        sources: list[Folio] = []
        error = ""
        for folio in self.find_get_folios(file, range(self.nr_huge)):
            if error or not self.isolate_source(file, folio):
                self.folio_put(folio)
                error = "EAGAIN"
            else:
                sources.append(folio)
        if not error:
            self.spin_lock(file)
            error = self.freeze_sources(sources)
            if not error:
                self.replace_sources(file, huge, sources)
            self.spin_unlock(file)
        for folio in sources:
            self.lruvec_add_folio(folio)
            self.folio_unlock(folio)
            self.folio_put(folio, 2)
        if not error:
            self.mark_dirty(huge)
            self.folio_add_lru(huge)
        return error

    def isolate_source(self, file: File, folio: Folio) -> bool:
        """A source is locked, off the LRU and unmapped; false, and as it was, where that cannot be.

        Where the kernel gives up on a lock that is taken, this waits: locks are taken in the order of indices.
        """
        self.folio_lock(folio)
        if not self.is_in_cache(file, folio) or not self.folio_isolate_lru(folio):
            self.folio_unlock(folio)
            return False
        self.unmap_file_folio(folio)
        return True

    def freeze_sources(self, sources: list[Folio]) -> str:
        """Only the cache, the look-up and the isolation may be left of the references of each."""
        frozen: list[Folio] = []
        for folio in sources:
            if not self.ref_freeze(folio, 2 + self.cache_refs(folio)):
                for other in frozen:
                    self.ref_unfreeze(other, 2 + self.cache_refs(other))
                return "EAGAIN"
            frozen.append(folio)
        return ""

    def replace_sources(self, file: File, huge: Folio, sources: list[Folio]) -> None:
        """Contents and entries go over, with i_pages locked; a hole is filled."""
        for page in huge.pages:
            source = file.cached(page.number)
            page.content = source.content if source is not None else 0
        for folio in sources:
            self.uncache_file(folio)
            self.ref_unfreeze(folio, 2)
        self.folio_get(huge, len(huge.pages))
        huge.mapping = file
        huge.index = 0
        self.smp_wmb()
        for page in huge.pages:
            self.set_cached(file, page.number, page)

    def retract_page_tables(self, file: File) -> None:
        """Page tables without private copies in them are of no use any more."""
        self.down_read(file)
        for mm, vma in list(file.mappers):
            if vma.pmd is TABLE:
                self.spin_lock(vma)
                table = self.clear_table(mm, vma) if vma.pmd is TABLE and not any(vma.ptes) else None
                self.spin_unlock(vma)
                if table is not None:
                    self.pte_free(table)
        self.up_read(file)

    def clear_table(self, mm: Mm, vma: Vma) -> PageTable:
        """pmdp_collapse_flush() of a table without entries: nobody walks it any more when this returns.

        Walks with interrupts off are waited for by 2ba99c5e0881 ("mm/khugepaged: fix GUP-fast interaction by sending
        IPI", v6.1).
        """
        table = vma.table
        assert table is not None
        vma.table = None
        self.set_pmd(mm, vma, None)
        self.smp_call_function()
        return table

    def map_collapsed(self, mm: Mm, vma: Vma, file: File) -> None:
        """collapse_pte_mapped_thp(): map the huge page by a PMD where nothing private is in the way."""
        page = self.filemap_get_entry(file, 0)
        if not isinstance(page, Page):
            return
        folio = page.head
        self.folio_lock(folio)
        if self.is_in_cache(file, folio) and folio.order == self.huge_order:
            self.spin_lock(vma)
            table = self.zap_table_of(mm, vma, folio) if vma.pmd is TABLE else None
            if vma.pmd is None:
                self.folio_get(folio)
                self.folio_add_file_rmap_pmd(folio, mm)
                self.mapped_file(mm, len(folio.pages))
                self.set_pmd(mm, vma, Pte(folio, False))
            self.spin_unlock(vma)
            if table is not None:
                self.pte_free(table)
        self.folio_unlock(folio)
        self.folio_put(folio)

    def zap_table_of(self, mm: Mm, vma: Vma, folio: Folio) -> PageTable | None:
        """The page table, for the caller to free, where it maps nothing but pages of the folio."""
        if any(type(e) is not Pte or e.page.head is not folio for e in vma.ptes if e is not None):
            return None
        number = 0
        while number < self.nr_huge:
            mapped = vma.ptes[number] is not None
            number += self.zap_pte(mm, vma, number, self.nr_huge) if mapped else 1
        return self.clear_table(mm, vma)
