"""Huge pages until v4.4: mapped by a PMD by everybody, or split for everybody.

71e3aac0724f ("thp: transparent hugepage core", v2.6.38) until eef1b3ba053a ("thp: implement split_huge_pmd()", v4.5).
What refers to a page of it never keeps a huge page from being split: the references on tails are known.
"""

from __future__ import annotations

from mmfuzz.kernel.eras.compound import CompoundPages
from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.mm import Mm, PmdEntry, Pte, Vma
from mmfuzz.kernel.page import Folio, Page


class HugePagesInBatches(Kernel):
    """Huge pages wait in LRU batches like any other.

    Until 8f182270dfec ("mm/swap.c: flush lru pvecs on compound page arrival", v4.7).
    """

    batches_large = True


class NoHugeZeroPage(Kernel):
    """A read fault maps a huge page of its own ("thp: setup huge zero page on non-write page fault", v3.8)."""

    def do_huge_pmd_anonymous_page(self, mm: Mm, vma: Vma, *, write: bool) -> bool:
        """A fresh one, be it only read."""
        return self.map_huge_page(mm, vma)


class MapsInHead(Kernel):
    """PMD maps are counted in the `_mapcount` of the head: nothing maps a page of a huge page by a PTE."""

    def folio_add_anon_rmap_pmd(self, folio: Folio, mm: Mm) -> None:
        """page_dup_rmap(), page_add_new_anon_rmap()."""
        self.touched[folio] = None
        folio.mapcount_add_return(1)

    def folio_remove_rmap_pmd(self, folio: Folio, mm: Mm) -> None:
        """page_remove_rmap()."""
        self.touched[folio] = None
        if folio.mapcount_add_return(-1) < -1:
            raise self.vm_bug_on("VM_BUG_ON(page_mapcount(page) < 0)", folio)

    def folio_mapcount(self, folio: Folio) -> int:
        """page_mapcount() of a head, or of a single page."""
        return folio._mapcount + 1

    def folio_mapped(self, folio: Folio) -> bool:
        """page_mapped()."""
        return folio._mapcount >= 0

    def page_mapcount(self, page: Page) -> int:
        """page_mapcount(), raw: of a tail it says nothing about maps, and from v3.2 on is its references."""
        return page._mapcount + 1

    def can_reuse_huge(self, folio: Folio) -> bool:
        """do_huge_pmd_wp_page(): one PMD maps it; a huge page is in no swap cache."""
        return folio._mapcount == 0


class SplitsWhole(CompoundPages):
    """split_huge_page(), the only way to split a map."""

    def split_huge_pmd(self, mm: Mm, vma: Vma) -> None:
        """split_huge_page_pmd(): with a reference on the head meanwhile, which needs nothing but to be there."""
        self.spin_lock(vma)
        entry = vma.pmd
        if type(entry) is not Pte:
            self.spin_unlock(vma)
            return
        head = entry.page
        self.get_page(head)
        self.spin_unlock(vma)
        self.split_folio(head, head)
        self.put_page(head)
        pmd = vma.pmd
        if type(pmd) is Pte and pmd.page is head:
            raise self.vm_bug_on("BUG_ON(pmd_trans_huge(*pmd))", head)

    def pmd_lock(self, vma: Vma) -> PmdEntry:
        """wait_split_huge_page(): who would change a PMD waits until the split that it tells of is through."""
        while True:
            entry = super().pmd_lock(vma)
            if type(entry) is not Pte or not entry.splitting:
                return entry
            self.spin_unlock(vma)
            self.down_read(vma.anon_vma)
            self.up_read(vma.anon_vma)

    def is_splitting(self, pmd: Pte) -> bool:
        """What GUP-fast leaves to the slow way."""
        return pmd.splitting

    def try_split(self, page: Page) -> str:
        """Any reference will do, and no page lock is asked for (4d2fa965483f, v4.5)."""
        error = self.split_folio(page.head, page)
        self.put_page(page)
        return error

    def split_folio(self, folio: Folio, keep: Page) -> str:
        """split_huge_page(): in place, while everybody goes on reading and writing; it is never refused.

        The caller's reference stays with the page that it is on, be it a tail. Who comes when somebody else has
        split the page finds that nothing is left to do.
        """
        if not self.page_head(folio):
            return ""
        anon_vma = folio.mapping
        self.down_write(anon_vma)
        if self.page_head(folio):
            self.split_huge_page(folio)
        self.up_write(anon_vma)
        return ""

    def split_huge_page(self, folio: Folio) -> None:
        """__split_huge_page(), with the anon_vma locked: nobody else splits, and no map is added."""
        maps = self.mark_splitting(folio)
        if len(maps) != self.folio_mapcount(folio):
            raise self.page_bug("BUG_ON(mapcount != page_mapcount(page))", folio)
        pages = folio.pages
        self.split_refcount(folio)
        for mm, vma in maps:
            self.map_pieces(mm, vma, pages)

    def mark_splitting(self, folio: Folio) -> list[tuple[Mm, Vma]]:
        """__split_huge_page_splitting(), of each PMD that maps the folio."""
        maps: list[tuple[Mm, Vma]] = []
        for mm, vma in self.rmap_walk(folio):
            self.spin_lock(vma)
            entry = vma.pmd
            if type(entry) is Pte and entry.page is folio:
                self.pmdp_splitting_flush(mm, vma, entry)
                maps.append((mm, vma))
            self.spin_unlock(vma)
        return maps

    def pmdp_splitting_flush(self, mm: Mm, vma: Vma, entry: Pte) -> None:
        """The PMD says that a split is under way: nobody takes references through it from then on.

        CPUs that were about to, with interrupts off, are waited for by the flush of their TLBs.
        """
        self.set_pmd(mm, vma, Pte(entry.page, entry.writable, splitting=True))
        self.smp_call_function()

    def split_refcount(self, head: Folio) -> None:
        """__split_huge_page_refcount(): tails become pages first, then the head a single one."""
        tails = head.pages[1:]
        refs = 0
        self.compound_lock(head)
        for tail in tails:
            refs += self.split_tail_refs(head, tail)
            self.mb_before_page_tail()
            self.clear_page_tail(head, tail)
        self.sub_head_refs(head, refs)
        self.clear_page_head(head)
        self.compound_unlock(head)
        for tail in tails:
            # Freed here if nothing mapped the huge page, as when it is split on its way out.
            if tail._refcount <= 0:
                raise self.page_bug("BUG_ON(page_count(page_tail) <= 0)", tail)
            self.put_page(tail)
        if head._refcount <= 0:
            raise self.page_bug("BUG_ON(page_count(page) <= 0)", head)

    def clear_page_tail(self, head: Folio, tail: Page) -> None:
        """A tail becomes a page, with the head's maps; `first_page` dangles."""
        if tail.mapping is not None:
            raise self.page_bug("BUG_ON(page_tail->mapping)", tail)
        number = tail.number
        tail.number = 0
        tail.head = tail
        self.wmb_after_page_tail()
        tail._mapcount = head._mapcount
        tail.mapping = head.mapping
        tail.index = head.index + number
        tail.dirty = head.dirty
        self.lruvec_add_folio(tail)
        self.touched[tail] = None
        self.made[tail] = None

    def clear_page_head(self, head: Folio) -> None:
        """ClearPageCompound(): only when no tail is left, as put_page() relies on that order."""
        head.order = 0
        head.pages = [head]
        self.touched[head] = None
        self.made[head] = None

    def map_pieces(self, mm: Mm, vma: Vma, pages: list[Page]) -> None:
        """__split_huge_page_map(): the PMD becomes a page table that maps the pieces."""
        self.spin_lock(vma)
        entry = vma.pmd
        assert type(entry) is Pte
        if entry.writable and pages[0]._mapcount != 0:
            raise self.page_bug("BUG_ON(page_mapcount(page) != 1)", pages[0])
        for number, page in enumerate(pages):
            if self.page_tail(page) or self.page_head(page):
                raise self.page_bug("BUG_ON(PageCompound(page+i))", page)
            self.set_pte(mm, vma, number, Pte(page, entry.writable))
        # Who sees the page table sees what is in it.
        self.smp_wmb()
        self.pmd_install(mm, vma, self.withdraw_table(vma))
        self.spin_unlock(vma)
