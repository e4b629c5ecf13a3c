"""Compound pages until v4.4: references on tails are noted on the tail as well as on the head.

The design is that of "[PATCH 06 of 66] alter compound get_page/put_page" (November 2010; merged as 918070634448,
"thp: alter compound get/put_page", v2.6.38): as it is known which page a reference is for, a huge page can be split
while its pages are referred to, and each piece gets what was its own. Splitting is in `mmfuzz.kernel.eras.whole`.

Here a page is a tail while its `head` is another page, and a head while it has an order: PageTail and PageHead.
`first_page` is what a tail remembers of its head, and dangles once the tail is none any more.
"""

from __future__ import annotations

from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.mm import Pte, Vma
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.observation import KernelBug


class CompoundPages(Kernel):
    """What 2.6.38 and 3.2 have in common: flags, lock, destructor, and the order of steps in put_page()."""

    # What a page is

    def page_tail(self, page: Page) -> bool:
        """PageTail()."""
        return page.head is not page

    def page_head(self, page: Page) -> bool:
        """PageHead()."""
        return page.order > 0

    def page_bug(self, check: str, page: Page) -> KernelBug:
        """What VM_BUG_ON raises, naming the page where it is a tail."""
        details = f"tail {page.number}" if page.number else ""
        return self.vm_bug_on(check, self.mem_map[page.pfn - page.number], details)

    def prep_compound(self, folio: Folio, order: int) -> None:
        """prep_compound_page(): tails learn their head, and the second page how to free the whole."""
        super().prep_compound(folio, order)
        for tail in folio.pages[1:]:
            self.prep_tail(tail, folio)
        folio.pages[1].dtor = self.free_compound_page

    def prep_tail(self, tail: Page, head: Folio) -> None:
        """A tail begins without a reference of its own."""
        if tail._refcount:
            raise self.page_bug("BUG: Bad page state: nonzero _count", tail)
        tail.first_page = head

    # References of a single page

    def get_page_unless_zero(self, page: Page) -> bool:
        """get_page_unless_zero(): a reference on what is not free and, as it is a head, no tail.

        atomic_add_unless() was held to be a full barrier where it fails as well, until ed2de9f74ecb
        ("locking/Documentation: Clarify failed cmpxchg() memory ordering semantics", v4.3), and put_page() relies on
        that: what finds a head without references must see that its tail is none.
        """
        got = page.ref_add_unless_zero()
        if not got:
            self.smp_mb()
        self.touched[page] = None
        return got

    def get_single(self, page: Page) -> None:
        """get_page() of what is no tail: its holder has a reference already.

        The assertion looks at what the increment found. A read before it could be older than PageTail: while that
        was set, the holder's reference may not have been in this count.
        """
        if page.ref_add_return(1) <= 1:
            raise self.page_bug("VM_BUG_ON(atomic_read(&page->_count) <= 0)", page)
        self.touched[page] = None

    def put_page_testzero(self, page: Page) -> bool:
        """put_page_testzero(): drop one, and tell whether it was the last; as to the assertion see get_single()."""
        refs = page.ref_add_return(-1)
        if refs < 0:
            raise self.page_bug("VM_BUG_ON(atomic_read(&page->_count) == 0)", page)
        self.touched[page] = None
        return refs == 0

    # The lock of a compound page

    def compound_lock(self, page: Page) -> None:
        """Keep __split_huge_page_refcount() away from a head."""
        self.bit_spin_lock(page, "compound_lock")

    def bit_spin_lock(self, page: Page, bit: str) -> None:
        """Where one thing happens at a time, who waits would wait for itself."""
        if getattr(page, bit):
            raise self.page_bug(f"PG_{bit} is taken by who waits for it", page)
        super().bit_spin_lock(page, bit)

    def compound_unlock(self, page: Page) -> None:
        """Let it go on."""
        self.bit_spin_unlock(page, "compound_lock")

    # Freeing

    def free_folio(self, folio: Folio) -> None:
        """The last reference of a head or of a single page is gone."""
        if self.page_head(folio):
            self.put_compound(folio)
        else:
            self.put_single(folio)

    def put_single(self, page: Page) -> None:
        """__put_single_page(): one frame is freed."""
        super().free_folio(page)

    def put_compound(self, head: Folio) -> None:
        """__put_compound_page(): the destructor knows how."""
        dtor = head.pages[1].dtor
        assert dtor is not None
        dtor(head)

    def free_compound_page(self, head: Folio) -> None:
        """The destructor of what the page allocator itself made: all of its order is freed."""
        super().free_folio(head)

    def free_block(self, folio: Folio, order: int) -> None:
        """The allocator keeps the size of a free block in `private`, which is `first_page` in a tail."""
        folio.first_page = None
        super().free_block(folio, order)

    def add_to_swap_cache(self, folio: Folio, slot: int) -> None:
        """The swap entry of a page is in `private` as well."""
        super().add_to_swap_cache(folio, slot)
        folio.first_page = None

    def _check_bad(self, folio: Folio) -> None:
        """free_pages_check() of each page: the tails' own counts as well, and the lock."""
        if folio.compound_lock:
            raise self.page_bug(
                "BUG: Bad page state: PAGE_FLAGS_CHECK_AT_FREE flag set: compound_lock", folio
            )
        for page in folio.pages:
            if page._refcount:
                raise self.page_bug("BUG: Bad page state: nonzero _count", page)
        super()._check_bad(folio)

    # get_user_pages()

    def follow(self, vma: Vma, page: int) -> Page | None:
        """The page that an address maps: gup_huge_pmd() looks that a huge page's pages are its own."""
        found = super().follow(vma, page)
        if type(vma.pmd) is Pte and found is not None and found.head is not vma.pmd.page:
            raise self.page_bug("VM_BUG_ON(compound_head(page) != head)", found)
        return found

    def gup_get(self, page: Page) -> None:
        """gup_huge_pmd(), gup_pte_range(): the head's reference, then the tail's; no split can be under way.

        The walk has interrupts off, and a split waits for all CPUs to have had them on; get_page_foll() of
        follow_page() has the page-table lock, and comes to the same.
        """
        self.folio_get(page.head)
        if self.page_tail(page):
            self.get_huge_page_tail(page)

    def get_huge_page_tail(self, page: Page) -> None:
        """A reference on a tail whose head has just been given one."""
        raise NotImplementedError

    # put_page()

    def put_page(self, page: Page) -> None:
        """put_page(): of a tail in both places, else of the page alone."""
        if self.page_tail(page):
            self.put_tail(page)
        else:
            self.folio_put(page)

    def put_tail(self, page: Page) -> None:
        """put_compound_page() of a tail, which a split on another CPU may make a page of its own at any moment.

        The steps are those of the thread. Where this runs alone, none of the re-checks finds anything.
        """
        head = self.head_of_tail(page)  # 1.
        if head is None or not self.hold_head(head):  # 2.
            self.put_what_was_split(page)
            return
        if not self.may_be_locked(head, page):  # 3.
            self.put_both_single(head, page)
            return
        self.compound_lock(head)  # 4.
        if not self.is_still_tail(page):  # 5.
            self.compound_unlock(head)
            if self.page_head(head):
                raise self.page_bug("VM_BUG_ON(PageHead(page_head))", head)
            self.put_both_single(head, page)
            return
        self.put_tail_locked(head, page)  # 6.
        self.compound_unlock(head)
        if self.put_page_testzero(head):
            self.free_folio(head)

    def head_of_tail(self, page: Page) -> Page | None:
        """`first_page`, if the page is a tail still after that was read: then it did not dangle.

        A split clears PageTail before anything else is written to the word; None is what was.
        """
        head = page.first_page
        self.rmb_after_first_page()
        if not self.is_tail_after_read(page):
            return None
        if head is None:
            raise self.page_bug("BUG: unable to handle kernel paging request: page->first_page", page)
        return head

    def rmb_after_first_page(self) -> None:
        """smp_rmb(): PageTail is looked at again after `first_page` was read; pairs with wmb_after_page_tail()."""
        self.smp_rmb()

    def is_tail_after_read(self, page: Page) -> bool:
        """PageTail(), the second time: whether `first_page` can be relied upon."""
        return self.page_tail(page)

    def hold_head(self, head: Page) -> bool:
        """A reference on what was the head, unless it is free by now."""
        return self.get_page_unless_zero(head)

    def first_page_held(self, page: Page) -> Page:
        """`first_page` of a tail whose head is known to be there."""
        head = page.first_page
        if head is None:
            raise self.page_bug("BUG: unable to handle kernel paging request: page->first_page", page)
        return head

    def put_what_was_split(self, page: Page) -> None:
        """The head is gone: the page has been a page of its own for some time."""
        if self.page_tail(page):
            raise self.page_bug("VM_BUG_ON(PageTail(page))", page)
        self.drop_single(page)

    def may_be_locked(self, head: Page, page: Page) -> bool:
        """Whether what was referred to is a head, so that it has a lock to take."""
        return True

    def is_still_tail(self, page: Page) -> bool:
        """PageTail(), under the compound lock: no split can begin, and whether there was one is known."""
        return self.page_tail(page)

    def put_both_single(self, head: Page, page: Page) -> None:
        """A split came first: drop what was just taken on the head, then the page's own reference."""
        self.drop_single(head)
        self.drop_single(page)

    def drop_single(self, page: Page) -> None:
        """put_page_testzero() and __put_single_page()."""
        if self.put_page_testzero(page):
            self.put_single(page)

    def put_tail_locked(self, head: Page, page: Page) -> None:
        """No split can come now: give back what was taken to be here, and the tail's own reference."""
        if head is not page.first_page:
            raise self.page_bug("VM_BUG_ON(page_head != page->first_page)", page)
        if self.put_page_testzero(head):
            raise self.page_bug("VM_BUG_ON(put_page_testzero(page_head))", page)
        self.drop_tail_ref(page)
        if head._refcount <= 0:
            raise self.page_bug("VM_BUG_ON(atomic_read(&page_head->_count) <= 0)", page)

    def drop_tail_ref(self, page: Page) -> None:
        """The tail's part of a put, under the compound lock."""
        raise NotImplementedError

    # Splitting: what is a tail's own

    def split_tail_refs(self, head: Folio, tail: Page) -> int:
        """Give a tail the references that it has as a page; those that are still to be taken off the head."""
        raise NotImplementedError

    def sub_head_refs(self, head: Folio, refs: int) -> None:
        """Take the references of tails off the head, which had them as well."""
        head.ref_add(-refs)
        if head._refcount <= 0:
            raise self.page_bug("BUG_ON(page_count(page) <= 0)", head)

    def mb_before_page_tail(self) -> None:
        """smp_mb(): the tail has all its references before it is a page; from then on a put drops its own count."""
        self.smp_mb()

    def wmb_after_page_tail(self) -> None:
        """smp_wmb(): PageTail is clear before what a tail alone has is overwritten, and before PageHead is clear."""
        self.smp_wmb()


class TailCounts(CompoundPages):
    """2.6.38 to 3.1: a tail's references are in its own `_count`.

    918070634448 ("thp: alter compound get/put_page", v2.6.38).
    """

    def get_page(self, page: Page) -> None:
        """get_page(): a tail's count and then its head's, one after the other and without a lock.

        That is safe only while no split can run, and was not where drivers took references on tails that they had:
        70b50f94f164 ("mm: thp: tail page refcounting fix", v3.2).
        """
        if page._refcount < (not self.page_tail(page)):
            raise self.page_bug("VM_BUG_ON(atomic_read(&page->_count) < !PageTail(page))", page)
        page.ref_add(1)
        self.touched[page] = None
        if self.page_tail(page):
            head = self.first_page_held(page)
            if head._refcount <= 0:
                raise self.page_bug("VM_BUG_ON(atomic_read(&page->first_page->_count) <= 0)", page)
            head.ref_add(1)

    def alloc_folio(self, order: int) -> Folio | None:
        """Who gets a page says with __SetPageUptodate() that it is filled, before anybody else can know of it.

        All flags are one word, and what is not atomic writes back what it has read of the others. So put_page() must
        not take the lock bit of what it held by a pointer that dangles: it may be a page that somebody just got.
        """
        folio = super().alloc_folio(order)
        if folio is not None:
            folio.compound_lock = folio.compound_lock
        return folio

    def get_huge_page_tail(self, page: Page) -> None:
        """The tail's count alone: the walk counts on the head by itself."""
        if page._refcount < 0:
            raise self.page_bug("VM_BUG_ON(atomic_read(&page->_count) < 0)", page)
        page.ref_add(1)

    def may_be_locked(self, head: Page, page: Page) -> bool:
        """PageHead goes after PageTail, so what is no head any more was split, or was never this page's."""
        if self.page_head(head):
            # The lock bit is written to nothing but a head that is held.
            self.smp_mb()
            return True
        self.rmb_after_page_head()
        if self.page_tail(page):
            raise self.page_bug("VM_BUG_ON(PageTail(page))", page)
        return False

    def rmb_after_page_head(self) -> None:
        """smp_rmb(): who sees PageHead clear sees PageTail clear; pairs with wmb_after_page_tail()."""
        self.smp_rmb()

    def drop_tail_ref(self, page: Page) -> None:
        """Its count."""
        if page._refcount <= 0:
            raise self.page_bug("VM_BUG_ON(atomic_read(&page->_count) <= 0)", page)
        page.ref_add(-1)

    def split_tail_refs(self, head: Folio, tail: Page) -> int:
        """What it has stays, and is taken off the head at once; maps and the splitter's own come on top."""
        self.sub_head_refs(head, tail._refcount)
        tail.ref_add(self.folio_mapcount(head) + 1)
        if tail._mapcount != -1:
            raise self.page_bug("BUG_ON(page_mapcount(page_tail))", tail)
        return 0


class TailMapcounts(CompoundPages):
    """3.2 to 4.4: a tail's references are in its `_mapcount`, and its `_count` is always 0.

    So nobody who looks at frames without a reference can ever take one on a tail: 70b50f94f164 ("mm: thp: tail page
    refcounting fix", v3.2).
    """

    def get_page(self, page: Page) -> None:
        """get_page(): of a tail with the compound lock."""
        if not (self.page_tail(page) and self.get_page_tail(page)):
            self.get_single(page)

    def get_page_tail(self, page: Page) -> bool:
        """__get_page_tail(): false when the page was split in the meantime, so that it is single now."""
        head = self.head_of_tail(page)
        if head is None or not self.hold_head(head):
            return False
        self.compound_lock(head)
        got = self.is_still_tail(page)
        if got:
            # The reference that was just taken on the head is the one that it is to have for the tail.
            self.get_huge_page_tail(page)
        self.compound_unlock(head)
        if not got:
            self.put_page(head)
        return got

    def get_huge_page_tail(self, page: Page) -> None:
        """__get_page_tail_foll(): one more in its mapcount."""
        if self.first_page_held(page)._refcount <= 0:
            raise self.page_bug("VM_BUG_ON(atomic_read(&page->first_page->_count) <= 0)", page)
        self.tail_has_no_count(page)
        if page._mapcount < -1:
            raise self.page_bug("VM_BUG_ON(page_mapcount(page) < 0)", page)
        page.mapcount_add_return(1)
        self.touched[page] = None

    def drop_tail_ref(self, page: Page) -> None:
        """One less in its mapcount."""
        if page._mapcount < 0:
            raise self.page_bug("VM_BUG_ON(page_mapcount(page) <= 0)", page)
        page.mapcount_add_return(-1)
        self.tail_has_no_count(page)

    def tail_has_no_count(self, page: Page) -> None:
        """What the whole scheme rests on."""
        if page._refcount:
            raise self.page_bug("VM_BUG_ON(atomic_read(&page->_count) != 0)", page)

    def split_tail_refs(self, head: Folio, tail: Page) -> int:
        """Its count begins, with everything at once; the head loses the references of all tails together."""
        if tail._mapcount < -1:
            raise self.page_bug("BUG_ON(page_mapcount(page_tail) < 0)", tail)
        if tail._refcount:
            raise self.page_bug("BUG_ON(atomic_read(&page_tail->_count) != 0)", tail)
        refs = tail._mapcount + 1
        tail.ref_add(self.folio_mapcount(head) + refs + 1)
        return refs
