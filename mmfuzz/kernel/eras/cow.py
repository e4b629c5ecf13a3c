"""Copy on write before PG_anon_exclusive: who may write in place was a question of counts."""

from __future__ import annotations

from collections.abc import Sequence

from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.mm import Mm, Pte, Vma, pte_same
from mmfuzz.kernel.page import Folio, Page


class NoExclusiveFlag(Kernel):
    """No page is ever marked exclusive (until 6c287605fd56, v5.19): what asks for the mark finds it clear."""

    def set_exclusive(self, page: Page) -> None:
        """There is no such flag."""

    def must_copy(self, parent: Mm, folio: Folio, pages: Sequence[Page]) -> bool:
        """Fork copies whatever may be pinned."""
        return self.needs_cow_for_dma(parent, folio)

    def must_unshare(self, page: Page) -> bool:
        """A read-only pin takes the page as it is."""
        return False


class ForkSharesPinned(Kernel):
    """Fork shares every page (until 70e806e4e645, v5.9)."""

    def needs_cow_for_dma(self, mm: Mm, folio: Folio) -> bool:
        """Never."""
        return False


class NoLargeReuse(Kernel):
    """A PTE-mapped page of a large folio is always copied (until 1da190f4d0a6, v6.15)."""

    def can_reuse_large(self, folio: Folio) -> bool:
        """Never."""
        return False


class ReuseSwapPage(Kernel):
    """reuse_swap_page(): maps and swap entries decide, other references do not (until 3bff7e3f1f16, v5.18)."""

    def users(self, page: Page) -> int:
        """Maps and swap entries of one page."""
        folio = page.head
        swapped = self.swap_map[folio.swap + page.number] if folio.swapcache else 0
        return self.page_mapcount(page) + swapped

    def reuse_swap_page(self, folio: Folio) -> bool:
        """Whether no page of the folio has more than one user; it leaves the swap cache then, if it can."""
        if max(map(self.users, folio.pages)) > 1:
            return False
        self.folio_free_swap(folio)
        return True

    def can_reuse_huge(self, folio: Folio) -> bool:
        """do_huge_pmd_wp_page()."""
        return self.reuse_swap_page(folio)

    def swapin_reuse(self, folio: Folio, *, exclusive: bool, write: bool) -> bool:
        """do_swap_page(): a write keeps the page where nobody else maps it or could swap it in.

        The entry that is being swapped in is not counted any more, and its map not yet.
        """
        return write and folio.order == 0 and self.users(folio) == 0 and self.reuse_swap_page(folio)


class ReuseByMapcount(ReuseSwapPage):
    """A write fault reuses what one PTE maps (until 09854ba94c6a, v5.9; CVE-2020-29374)."""

    def can_reuse_anon_folio(self, folio: Folio) -> bool:
        """do_wp_page(): with the page lock, which keeps it in the swap cache or out of it."""
        if not self.lock_to_reuse(folio):
            return False
        reused = self.reuse_swap_page(folio)
        self.folio_unlock(folio)
        return reused

    def lock_to_reuse(self, folio: Folio) -> bool:
        """trylock_page(); where the kernel waits for the lock and looks again, a copy is made here."""
        return self.folio_trylock(folio)


class ReuseByCount(ReuseSwapPage):
    """A write fault reuses a base page that has one reference, whatever holds the others (09854ba94c6a, v5.9)."""

    def can_reuse_anon_folio(self, folio: Folio) -> bool:
        """do_wp_page(): neither an LRU batch nor the swap cache is emptied for it."""
        return not folio.order and folio._refcount == 1 and folio._mapcount == 0


class GetBreaksCow(Kernel):
    """get_user_pages() for reading breaks sharing as for writing (17839856fd58, v5.8, undone in v5.9)."""

    def gup(self, mm: Mm, vma: Vma, span: range, *, write: bool, pin: bool) -> tuple[str, list[Page | None]]:
        """should_force_cow_break(): every mapping here is private."""
        return super().gup(mm, vma, span, write=True, pin=pin)


class CopiesHuge(Kernel):
    """A write fault copies a shared huge page to another huge page (until 3917c80280c9, v5.8)."""

    def wp_huge_fallback(self, mm: Mm, vma: Vma, entry: Pte) -> None:
        """Copy it whole, to base pages where there is no block; without those split it."""
        if not pte_same(self.pmd_lock(vma), entry):
            self.spin_unlock(vma)
            return
        folio = entry.page
        self.folio_get(folio)
        self.spin_unlock(vma)
        fresh = self.alloc_folio(self.huge_order)
        if fresh is not None:
            for old, new in zip(folio.pages, fresh.pages, strict=True):
                new.content = old.content
            self.folio_mark_uptodate(fresh)
            self.replace_huge(mm, vma, entry, fresh)
            copied = True
        else:
            copied = self.copy_to_base_pages(mm, vma, entry)
        self.folio_put(folio)
        if not copied:
            self.split_huge_pmd(mm, vma)

    def replace_huge(self, mm: Mm, vma: Vma, entry: Pte, fresh: Folio) -> None:
        """The copy takes the place of what it was made of, if that is still there."""
        if not pte_same(self.pmd_lock(vma), entry):
            self.spin_unlock(vma)
            self.folio_put(fresh)
            return
        self.folio_add_new_anon_rmap_pmd(fresh, mm, vma)
        self.folio_add_lru(fresh)
        self.set_pmd(mm, vma, Pte(fresh, True))
        self.folio_remove_rmap_pmd(entry.page, mm)
        self.spin_unlock(vma)
        self.zap_put(entry.page, 1)

    def copy_to_base_pages(self, mm: Mm, vma: Vma, entry: Pte) -> bool:
        """do_huge_pmd_wp_page_fallback(): others keep the huge page; false, and nothing done, when memory is short."""
        pieces: list[Folio] = []
        for page in entry.page.pages:
            fresh = self.alloc_folio(0)
            if fresh is None:
                self.put_all(pieces)
                return False
            self.copy_page(fresh, page)
            pieces.append(fresh)
        if not pte_same(self.pmd_lock(vma), entry):
            self.spin_unlock(vma)
            self.put_all(pieces)
            return True
        vma.pmd = None
        for number, piece in enumerate(pieces):
            self.folio_add_new_anon_rmap(piece, mm, vma, number)
            self.folio_add_lru(piece)
            self.set_pte(mm, vma, number, Pte(piece, True))
        self.pmd_install(mm, vma, self.withdraw_table(vma))
        self.folio_remove_rmap_pmd(entry.page, mm)
        self.spin_unlock(vma)
        self.zap_put(entry.page, 1)
        return True

    def put_all(self, pieces: list[Folio]) -> None:
        """Copies that are not needed."""
        for piece in pieces:
            self.folio_put(piece)
