"""Frames and their reference counts: allocate, get, put, freeze, free."""

from __future__ import annotations

from mmfuzz.kernel.buddy import Buddy
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.kernel.primitives import Primitives
from mmfuzz.observation import ZERO_FRAME, KernelBug
from mmfuzz.profiles import BIAS, Profile


class Memory(Primitives):
    """The page allocator, and references."""

    page_type = Page
    """What the metadata of a frame is made of: `mmfuzz.race` has one whose fields others can see change."""

    def __init__(self, profile: Profile, frames: int, huge_order: int) -> None:
        self.profile = profile
        self.huge_order = huge_order
        self.nr_huge = 1 << huge_order
        """Pages of a PMD-sized folio: HPAGE_PMD_NR."""
        self.buddy = Buddy(frames)
        self.mem_map: dict[int, Page] = {}
        """Metadata of the frames that were ever used: what was never touched costs nothing."""
        self.zero_page = self.page_type(ZERO_FRAME)
        """ZERO_PAGE(), the huge one included: never freed, as the machine itself refers to it."""
        self.zero_page._refcount = 1
        self.touched: dict[Folio, None] = {}
        """Folios whose counters or flags this step wrote."""
        self.made: dict[Folio, None] = {}
        """Folios that this step allocated or split off."""

    def vm_bug_on(self, check: str, folio: Folio, details: str = "") -> KernelBug:
        """What VM_BUG_ON_FOLIO raises, to be raised by the caller."""
        self.touched[folio] = None
        return KernelBug(check, folio.pfn, details)

    def alloc_folio(self, order: int) -> Folio | None:
        """A folio with one reference, its caller's, and contents of zeroes; None when memory is short.

        The count is set last, when tails know their head (v6.14 and later), so that who looks at the frame without a
        reference of its own gets one on a complete folio or none.
        """
        self.critical("zone")
        pfn = self.buddy.alloc(order)
        if pfn is None:
            return None
        mem_map = self.mem_map
        folio = mem_map.get(pfn)
        if folio is None:
            folio = mem_map[pfn] = self.page_type(pfn)
        folio.content = 0
        if order:
            self.prep_compound(folio, order)
        folio._refcount = 1
        self.touched[folio] = None
        self.made[folio] = None
        return folio

    def prep_compound(self, folio: Folio, order: int) -> None:
        """Make `1 << order` frames one folio."""
        mem_map = self.mem_map
        pages = [folio]
        for number in range(1, 1 << order):
            pfn = folio.pfn + number
            page = mem_map.get(pfn)
            if page is None:
                page = mem_map[pfn] = self.page_type(pfn)
            page.head = folio
            page.number = number
            page.content = 0
            pages.append(page)
        folio.order = order
        folio.pages = pages
        folio.mm_id0 = folio.mm_id1 = 0
        folio.mm_shared = False

    def folio_mark_uptodate(self, folio: Folio) -> None:
        """__folio_mark_uptodate(): what a fresh folio holds and is, is seen before what makes it known to others."""
        self.smp_wmb()

    def folio_get(self, folio: Folio, refs: int = 1) -> None:
        """folio_ref_add(): only ever on top of a reference that is there already."""
        if folio._refcount <= 0:
            raise self.vm_bug_on("VM_BUG_ON_FOLIO(folio_ref_zero_or_close_to_overflow(folio))", folio)
        folio.ref_add(refs)
        self.touched[folio] = None

    def folio_put(self, folio: Folio, refs: int = 1) -> None:
        """folio_put_refs(): the last reference frees the folio."""
        left = folio.ref_add_return(-refs)
        self.touched[folio] = None
        if not left:
            self.free_folio(folio)
        elif left < 0:
            check = "== 0" if left <= -refs else "< 0"
            raise self.vm_bug_on(f"VM_BUG_ON_PAGE(page_ref_count(page) {check})", folio)

    def nth_page(self, head: Folio, number: int) -> Page:
        """nth_page(): by frame number, whatever the page is a part of by now."""
        return self.mem_map[head.pfn + number] if number else head

    def page_count(self, page: Page) -> int:
        """page_count(): the count of the compound page that a page is in, a tail's in every era.

        What a tail's own `_count` held changed (real until v3.1, 0 since 70b50f94f164, v3.2), and is not asked here.
        """
        return page.head._refcount

    def get_page(self, page: Page) -> None:
        """A reference on the folio of a page."""
        self.folio_get(page.head)

    def put_page(self, page: Page) -> None:
        """put_page(): the end of get_page()."""
        self.folio_put(page.head)

    def copy_page(self, fresh: Page, old: Page) -> bool:
        """copy_mc_highpage(): false when the contents are lost, which a kernel of its time survives."""
        fresh.content = old.content
        return True

    def ref_freeze(self, folio: Folio, expected: int) -> bool:
        """folio_ref_freeze(): to zero, if the count is exactly as expected, so that nobody can take a reference."""
        if not folio.ref_freeze(expected):
            return False
        self.touched[folio] = None
        return True

    def ref_unfreeze(self, folio: Folio, refs: int) -> None:
        """folio_ref_unfreeze(): with release order, so that who gets a reference sees what was done meanwhile.

        03f5d58fa4ef ("mm/page_ref: Ensure page_ref_unfreeze is ordered against prior accesses", v4.14).
        """
        if folio._refcount:
            raise self.vm_bug_on("VM_BUG_ON_PAGE(page_count(page) != 0)", folio)
        self.smp_store_release(folio, "_refcount", refs)
        self.touched[folio] = None

    def maybe_dma_pinned(self, folio: Folio) -> bool:
        """folio_maybe_dma_pinned(): exact where pins are counted apart, else true from 1024 references on."""
        return folio._pincount > 0 if folio.order >= self.profile.pincount_order else folio._refcount >= BIAS

    def free_folio(self, folio: Folio) -> None:
        """The last reference is gone: check as free_page_is_bad() does, and return the block."""
        if folio.pgmap is not None:
            self.free_zone_device_folio(folio)
            return
        self._check_bad(folio)
        order, pages = folio.order, folio.pages
        folio.mapping = None
        folio.lru = folio.dirty = folio.partially_mapped = False
        if order:
            folio.order = 0
        self.free_tails(folio, pages)
        self.made.pop(folio, None)
        self.free_block(folio, order)

    def free_tails(self, folio: Folio, pages: list[Page]) -> None:
        """free_tail_page_prepare(): every page is its own head again, before anybody else can have the frames."""
        for page in pages:
            page.anon_exclusive = False
            page.head = page
            page.number = 0
        if len(pages) > 1:
            folio.pages = [folio]

    def free_zone_device_folio(self, folio: Folio) -> None:
        """A page of a device goes back to that, see `mmfuzz.kernel.device`."""
        raise NotImplementedError

    def free_block(self, folio: Folio, order: int) -> None:
        """Return the frames of a dead folio to the buddy allocator."""
        self.critical("zone")
        self.buddy.free(folio.pfn, order)

    def _check_bad(self, folio: Folio) -> None:
        bad = ""
        if folio.order:
            if folio._large_mapcount != -1:
                bad = "nonzero large_mapcount"
            elif folio._nr_pages_mapped:
                bad = "nonzero nr_pages_mapped"
            elif folio.mm_maps0 or folio.mm_maps1:
                bad = "nonzero mm mapcount"
            elif folio._entire_mapcount != -1:
                bad = "nonzero entire_mapcount"
            elif folio._pincount:
                bad = "nonzero pincount"
        for page in folio.pages:
            if page._mapcount != -1:
                bad = "nonzero mapcount"
        if folio.swapcache:
            bad = "PAGE_FLAGS_CHECK_AT_FREE flag set: swapcache"
        if bad:
            raise self.vm_bug_on(f"BUG: Bad page state: {bad}", folio)
