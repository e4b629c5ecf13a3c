"""Write-protect faults: reuse a page in place, or copy it."""

from __future__ import annotations

from mmfuzz.kernel.file import File
from mmfuzz.kernel.mm import Mm, Pte, Vma
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.kernel.writeback import WriteBack
from mmfuzz.observation import ZERO


class Cow(WriteBack):
    """do_wp_page() and do_huge_pmd_wp_page(). With `unshare` the page becomes exclusive, not writable."""

    def do_wp_page(self, mm: Mm, vma: Vma, page: int, *, unshare: bool = False) -> bool:
        """Break sharing at a PTE that maps a page or the zero page; false when no copy can be made."""
        entry = vma.ptes[page]
        if type(entry) is Pte:
            folio = entry.page.head
            if vma.file is not None and type(folio.mapping) is File:
                if vma.shared:
                    return self.wp_page_shared(mm, vma, page)
            elif self.can_reuse_page(entry.page):
                self.set_exclusive(entry.page)
                self.touched[folio] = None
                if not unshare:
                    self.set_pte(mm, vma, page, Pte(entry.page, True))
                return True
        return self.wp_page_copy(mm, vma, page, writable=not unshare)

    def wp_page_shared(self, mm: Mm, vma: Vma, page: int) -> bool:
        """The first write to a page of a file that is mapped shared: the file system hears of it."""
        entry = vma.ptes[page]
        assert type(entry) is Pte
        self.page_mkwrite(entry.page)
        self.set_pte(mm, vma, page, Pte(entry.page, True))
        return True

    def can_reuse_page(self, page: Page) -> bool:
        """Whether a page is written where it is: it is exclusive, or nobody else is left to see it."""
        return page.anon_exclusive or self.can_reuse_anon_folio(page.head)

    def can_reuse_anon_folio(self, folio: Folio) -> bool:
        """wp_can_reuse_anon_folio(): whether nobody else can see the page any more.

        53a05ad9f21d ("mm: optimize do_wp_page() for fresh pages in local LRU pagevecs", v5.18) and
        1da190f4d0a6 ("mm: Copy-on-Write (COW) reuse support for PTE-mapped THP", v6.15).
        """
        if folio.order:
            return self.can_reuse_large(folio)
        if folio._refcount > 3:
            return False
        if not folio.lru:
            self.lru_add_drain()
        if folio._refcount > 1 + folio.swapcache or not self.folio_trylock(folio):
            return False
        if folio.swapcache:
            self.folio_free_swap(folio)
        return folio._refcount == 1

    def can_reuse_large(self, folio: Folio) -> bool:
        """A PTE-mapped folio all of whose references are one process's mappings, more than one of them."""
        if self.maybe_mapped_shared(folio) or folio._large_mapcount <= 0:
            return False
        if folio.swapcache:
            if not self.folio_trylock(folio):
                return False
            self.folio_free_swap(folio)
        return self.folio_mapcount(folio) == folio._refcount

    def wp_page_copy(self, mm: Mm, vma: Vma, page: int, *, writable: bool) -> bool:
        """A fresh base page with the contents of what the PTE maps in its place; false without one, or them."""
        entry = vma.ptes[page]
        fresh = self.alloc_folio(0)
        if fresh is None:
            return False
        if type(entry) is Pte:
            if not self.copy_page(fresh, entry.page):
                self.folio_put(fresh)
                return False
            self.folio_remove_rmap_ptes(entry.page.head, (entry.page,), mm)
            if type(entry.page.head.mapping) is File:
                self.unmapped_file(mm, entry.page.head, 1)
        self.folio_add_new_anon_rmap(fresh, mm, vma, page)
        self.folio_add_lru(fresh)
        self.set_pte(mm, vma, page, Pte(fresh, writable))
        if type(entry) is Pte:
            self.wp_put(entry.page.head)
        return True

    def wp_put(self, folio: Folio) -> None:
        """What was copied is left, and its swap cache with it where nobody else needs that (f4c4a3f48480, v5.14)."""
        self.zap_put(folio, 1)

    def do_huge_pmd_wp_page(self, mm: Mm, vma: Vma, *, unshare: bool = False) -> None:
        """Reuse a PMD-mapped folio, replace the huge zero page, or fall back to PTEs."""
        entry = vma.pmd
        if entry is ZERO:
            if not self.map_huge_page(mm, vma):
                self.split_huge_pmd(mm, vma)
            return
        assert type(entry) is Pte
        folio = entry.page
        if folio.anon_exclusive or self.can_reuse_huge(folio):
            self.set_exclusive(folio)
            self.touched[folio] = None
            if not unshare:
                self.set_pmd(mm, vma, Pte(folio, True))
            return
        self.split_huge_pmd(mm, vma)

    def can_reuse_huge(self, folio: Folio) -> bool:
        """3bff7e3f1f16 ("mm/huge_memory: streamline COW logic in do_huge_pmd_wp_page()", v5.18)."""
        if folio._refcount > 1 + (len(folio.pages) if folio.swapcache else 0):
            return False
        if folio.swapcache:
            self.folio_free_swap(folio)
        return folio._refcount == 1

    def map_huge_page(self, mm: Mm, vma: Vma) -> bool:
        """A fresh, zero-filled huge page for an area; false when there is no block for it."""
        folio = self.alloc_folio(self.huge_order)
        if folio is None:
            return False
        self.folio_add_new_anon_rmap_pmd(folio, mm, vma)
        self.folio_add_lru(folio)
        if vma.deposit is None:
            self.deposit_table(vma, self.pte_alloc_one())
        self.set_pmd(mm, vma, Pte(folio, True))
        return True
