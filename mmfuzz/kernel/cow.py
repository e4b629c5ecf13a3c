"""Write-protect faults: reuse a page in place, or copy it."""

from __future__ import annotations

from mmfuzz.kernel.file import File
from mmfuzz.kernel.mm import Mm, PmdEntry, Pte, PteEntry, Vma, pte_same
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.kernel.writeback import WriteBack
from mmfuzz.observation import ZERO


class Cow(WriteBack):
    """do_wp_page() and do_huge_pmd_wp_page(). With `unshare` the page becomes exclusive, not writable."""

    def do_wp_page(self, mm: Mm, vma: Vma, page: int, *, unshare: bool = False) -> bool:
        """Break sharing at a PTE that maps a page or the zero page; false when no copy can be made.

        Where the entry is something else by now, the access that faulted finds out by itself.
        """
        if not self.pte_offset_map_lock(vma):
            return True
        entry = vma.ptes[page]
        if type(entry) is Pte:
            folio = entry.page.head
            if entry.writable:
                self.spin_unlock(vma)
                return True
            if vma.file is not None and type(folio.mapping) is File:
                if vma.shared:
                    return self.wp_page_shared(mm, vma, page, entry)
            elif self.can_reuse_page(entry.page):
                self.set_exclusive(entry.page)
                self.touched[folio] = None
                if not unshare:
                    self.set_pte(mm, vma, page, Pte(entry.page, True))
                self.spin_unlock(vma)
                return True
        elif entry is not ZERO:
            self.spin_unlock(vma)
            return True
        return self.wp_page_copy(mm, vma, page, entry, writable=not unshare)

    def wp_page_shared(self, mm: Mm, vma: Vma, page: int, entry: Pte) -> bool:
        """The first write to a page of a file that is mapped shared: the file system hears of it.

        The page-table lock is held, and not while a file system may sleep.
        """
        folio = entry.page.head
        self.fault_get(folio)
        self.spin_unlock(vma)
        self.folio_lock(folio)
        if type(folio.mapping) is File:
            self.page_mkwrite(entry.page)
            if self.pte_offset_map_lock(vma):
                if pte_same(vma.ptes[page], entry):
                    self.set_pte(mm, vma, page, Pte(entry.page, True))
                self.spin_unlock(vma)
        self.folio_unlock(folio)
        self.fault_put(folio)
        return True

    def fault_get(self, folio: Folio) -> None:
        """A fault that has to sleep keeps the page that it is about; a page of a device is its file's anyway."""
        if folio.pgmap is None:
            self.folio_get(folio)

    def fault_put(self, folio: Folio) -> None:
        """The end of fault_get()."""
        if folio.pgmap is None:
            self.folio_put(folio)

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
        alone = folio._refcount == 1
        self.folio_unlock(folio)
        return alone

    def can_reuse_large(self, folio: Folio) -> bool:
        """A PTE-mapped folio all of whose references are one process's mappings, more than one of them."""
        if self.maybe_mapped_shared(folio) or folio._large_mapcount <= 0:
            return False
        if folio.swapcache:
            if not self.folio_trylock(folio):
                return False
            self.folio_free_swap(folio)
            self.folio_unlock(folio)
        if self.folio_mapcount(folio) != folio._refcount:
            return False
        # Maps do not come and go while their lock is held, so a count that is the same now is the same for good.
        self.bit_spin_lock(folio, "mm_ids_lock")
        alone = not self.maybe_mapped_shared(folio) and self.folio_mapcount(folio) == folio._refcount
        self.bit_spin_unlock(folio, "mm_ids_lock")
        return alone

    def wp_page_copy(self, mm: Mm, vma: Vma, page: int, entry: PteEntry, *, writable: bool) -> bool:
        """A fresh base page with the contents of what the PTE maps in its place; false without one, or them.

        Allocating and copying is done without the page-table lock, which the caller has taken, and then the entry
        must be what it was.
        """
        old = entry.page.head if type(entry) is Pte else None
        if old is not None:
            self.fault_get(old)
        self.spin_unlock(vma)
        self.anon_vma_prepare(mm, vma)
        fresh = self.alloc_folio(0)
        copied = fresh is not None and (type(entry) is not Pte or self.copy_page(fresh, entry.page))
        if copied and fresh is not None:
            self.folio_mark_uptodate(fresh)
            fresh = self.wp_replace(mm, vma, page, entry, Pte(fresh, writable))
        if fresh is not None:
            self.folio_put(fresh)
        if old is not None:
            self.fault_put(old)
        return copied

    def wp_replace(self, mm: Mm, vma: Vma, page: int, old: PteEntry, fresh: Pte) -> Folio | None:
        """Map the copy, and only then take the map of the old page off; what was not mapped is to be put.

        Only after switching the PTE to the new page may the old one be seen as mapped less, as its owner may then
        write in place.
        """
        if not self.pte_offset_map_lock(vma):
            return fresh.page
        if not pte_same(vma.ptes[page], old):
            self.spin_unlock(vma)
            return fresh.page
        self.folio_add_new_anon_rmap(fresh.page, mm, vma, page)
        self.folio_add_lru(fresh.page)
        self.set_pte(mm, vma, page, fresh)
        if type(old) is Pte:
            self.folio_remove_rmap_ptes(old.page.head, (old.page,), mm)
            if type(old.page.head.mapping) is File:
                self.unmapped_file(mm, old.page.head, 1)
        self.spin_unlock(vma)
        if type(old) is Pte:
            self.wp_put(old.page.head)
        return None

    def wp_put(self, folio: Folio) -> None:
        """What was copied is left, and its swap cache with it where nobody else needs that (f4c4a3f48480, v5.14)."""
        self.zap_put(folio, 1)

    def do_huge_pmd_wp_page(self, mm: Mm, vma: Vma, *, unshare: bool = False) -> None:
        """Reuse a PMD-mapped folio, replace the huge zero page, or fall back to PTEs."""
        entry = self.pmd_lock(vma)
        if type(entry) is not Pte or entry.writable:
            self.spin_unlock(vma)
            if entry is ZERO and not self.map_huge_page(mm, vma, ZERO):
                self.split_huge_pmd(mm, vma)
            return
        folio = entry.page
        reused = folio.anon_exclusive
        if not reused:
            if not self.lock_mapped_huge(vma, entry):
                return
            reused = folio.anon_exclusive or self.can_reuse_huge(folio)
            self.folio_unlock(folio)
        if reused:
            self.set_exclusive(folio)
            self.touched[folio] = None
            if not unshare:
                self.set_pmd(mm, vma, Pte(folio, True))
        self.spin_unlock(vma)
        if not reused:
            self.wp_huge_fallback(mm, vma, entry)

    def wp_huge_fallback(self, mm: Mm, vma: Vma, entry: Pte) -> None:
        """A huge page that is not to be written in place is mapped by PTEs, for each to be copied by itself."""
        self.split_huge_pmd(mm, vma)

    def lock_mapped_huge(self, vma: Vma, entry: Pte) -> bool:
        """The page lock of what a PMD maps, beside the page-table lock; false, and no lock, where it changed."""
        folio = entry.page
        if self.folio_trylock(folio):
            return True
        self.folio_get(folio)
        self.spin_unlock(vma)
        self.folio_lock(folio)
        self.spin_lock(vma)
        same = pte_same(vma.pmd, entry)
        if not same:
            self.spin_unlock(vma)
            self.folio_unlock(folio)
        self.folio_put(folio)
        return same

    def can_reuse_huge(self, folio: Folio) -> bool:
        """3bff7e3f1f16 ("mm/huge_memory: streamline COW logic in do_huge_pmd_wp_page()", v5.18)."""
        if folio._refcount > 1 + (len(folio.pages) if folio.swapcache else 0):
            return False
        if folio.swapcache:
            self.folio_free_swap(folio)
        return folio._refcount == 1

    def map_huge_page(self, mm: Mm, vma: Vma, old: PmdEntry = None) -> bool:
        """A fresh, zero-filled huge page for an area in the place of `old`; false when there is no block for it.

        The huge zero page has a table deposited already. Who comes too late has nothing to do.
        """
        self.anon_vma_prepare(mm, vma)
        folio = self.alloc_folio(self.huge_order)
        if folio is None:
            return False
        table = self.pte_alloc_one() if old is None else None
        self.folio_mark_uptodate(folio)
        self.spin_lock(vma)
        lost = vma.pmd is not old
        if not lost:
            self.folio_add_new_anon_rmap_pmd(folio, mm, vma)
            self.folio_add_lru(folio)
            if table is not None:
                self.deposit_table(vma, table)
            self.set_pmd(mm, vma, Pte(folio, True))
        self.spin_unlock(vma)
        if lost:
            self.folio_put(folio)
            if table is not None:
                self.pte_free(table)
        return True
