"""Page faults on anonymous memory: fresh pages of every order, the zero page, and swap-in."""

from __future__ import annotations

from mmfuzz.kernel.mm import DevicePte, Mm, Pte, SwapPte, Vma
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.kernel.toram import ToRam
from mmfuzz.observation import TABLE, ZERO
from mmfuzz.ops import BASE, HUGE

ENOMEM = "ENOMEM"
EFAULT = "EFAULT"
"""What get_user_pages() and madvise(MADV_POPULATE_READ) make of VM_FAULT_SIGBUS."""


class Fault(ToRam):
    """handle_mm_fault(). Errors are errno names, empty when the fault was handled."""

    def handle_fault(self, mm: Mm, vma: Vma, page: int, *, write: bool) -> str:
        """Make one page present, and writable for a write."""
        if vma.pmd is not TABLE:
            fits = vma.pmd is None and vma.order == HUGE and all(vma.present)
            if fits and self.do_huge_pmd_anonymous_page(mm, vma, write=write):
                return ""
            if vma.pmd is not None:
                if not write or (type(vma.pmd) is Pte and vma.pmd.writable):
                    return ""
                self.do_huge_pmd_wp_page(mm, vma)
                if vma.pmd is not TABLE:
                    return ""
            self.need_table(mm, vma)
        return self.handle_pte_fault(mm, vma, page, write)

    def do_huge_pmd_anonymous_page(self, mm: Mm, vma: Vma, *, write: bool) -> bool:
        """Map the huge zero page for a read, a fresh one for a write; false when there is no block for it."""
        if not write:
            self.deposit_table(vma, self.pte_alloc_one())
            self.set_pmd(mm, vma, ZERO)
            return True
        return self.map_huge_page(mm, vma)

    def handle_pte_fault(self, mm: Mm, vma: Vma, page: int, write: bool) -> str:
        """A fault below a page table."""
        entry = vma.ptes[page]
        if entry is None:
            if write:
                return self.do_anonymous_page(mm, vma, page)
            self.set_pte(mm, vma, page, ZERO)
            return ""
        if type(entry) is SwapPte:
            return self.do_swap_page(mm, vma, page, entry, write)
        if type(entry) is DevicePte:
            return self.do_device_private(mm, vma, page, write)
        if not write or (type(entry) is Pte and entry.writable):
            return ""
        return "" if self.do_wp_page(mm, vma, page) else ENOMEM

    def do_device_private(self, mm: Mm, vma: Vma, page: int, write: bool) -> str:
        """A page that is on a device comes home, and then the fault begins anew."""
        return self.migrate_to_ram(mm, vma, page) or self.handle_pte_fault(mm, vma, page, write)

    def do_anonymous_page(self, mm: Mm, vma: Vma, page: int) -> str:
        """Map a fresh folio of the area's order, or a base page where that does not fit."""
        folio, first = None, page
        if vma.order not in (BASE, HUGE):
            first = page & ~((1 << vma.order) - 1)
            if self.range_is_empty(vma, first, vma.order):
                folio = self.alloc_folio(vma.order)
        if folio is None:
            first = page
            folio = self.alloc_folio(0)
        if folio is None:
            return ENOMEM
        if folio.order:
            self.folio_get(folio, len(folio.pages) - 1)
        self.folio_add_new_anon_rmap(folio, mm, vma, first)
        self.folio_add_lru(folio)
        for part in folio.pages:
            self.set_pte(mm, vma, first + part.number, Pte(part, True))
        return ""

    def range_is_empty(self, vma: Vma, first: int, order: int) -> bool:
        """Whether an aligned range lies in the VMA and nothing in it is mapped."""
        return all(
            vma.present[page] and vma.ptes[page] is None for page in range(first, first + (1 << order))
        )

    # Swap-in

    def do_swap_page(self, mm: Mm, vma: Vma, page: int, entry: SwapPte, write: bool) -> str:
        """Bring a page back: from the swap cache, whole if all of the folio is still swapped here, or read in."""
        cached = self.swap_cache.get(entry.slot)
        if cached is None:
            folio = self.swapin_anon(entry.slot)
            if folio is None:
                return ENOMEM
            cached = folio
        else:
            folio = cached.head
            self.folio_get(folio)
        if self.swapin_failed(folio):
            self.folio_put(folio)
            return EFAULT
        if write and not folio.lru:
            self.lru_add_drain()
        first, pages = self.swapin_span(vma, page, entry, cached)
        entries = vma.ptes[first : first + len(pages)]
        for old in entries:
            assert type(old) is SwapPte
            self.swap_free(old.slot)
        if write and folio._refcount == 1 + len(folio.pages):
            self.folio_free_swap(folio)
        self.swapin_map(
            mm, vma, first, pages, write=write, asked=page, exclusive=self.swapin_exclusive(entry)
        )
        now = vma.ptes[page]
        if write and type(now) is Pte and not now.writable:
            return "" if self.do_wp_page(mm, vma, page) else ENOMEM
        return ""

    def swapin_failed(self, folio: Folio) -> bool:
        """Whether nothing could be read into a cached folio: VM_FAULT_SIGBUS, until it leaves the swap cache."""
        return not folio.uptodate

    def swapin_exclusive(self, entry: SwapPte) -> bool:
        """What the entry remembers of PG_anon_exclusive."""
        return entry.exclusive

    def swapin_anon(self, slot: int) -> Folio | None:
        """What a fault reads of anonymous memory goes by the swap cache."""
        return self.swapin_read(slot)

    def swapin_read(self, slot: int) -> Folio | None:
        """A fresh base page in the swap cache with what was written to the slot, if that could be read."""
        folio = self.alloc_folio(0)
        if folio is None:
            return None
        self.swapcache_prepare(slot)
        self.add_to_swap_cache(folio, slot)
        self.folio_add_lru(folio)
        self.swap_read_folio(folio, slot)
        return folio

    def swapin_span(self, vma: Vma, page: int, entry: SwapPte, cached: Page) -> tuple[int, list[Page]]:
        """What can be mapped at once: (first page of the area, pages of the folio)."""
        folio = cached.head
        first = page - cached.number
        if folio.order and first >= 0:
            for part in folio.pages:
                other = vma.ptes[first + part.number]
                if (
                    type(other) is not SwapPte
                    or other.slot != folio.swap + part.number
                    or other.exclusive != entry.exclusive
                ):
                    break
            else:
                return first, folio.pages
        return page, [cached]

    def swapin_reuse(self, folio: Folio, *, exclusive: bool, write: bool) -> bool:
        """Whether what is swapped in belongs to the one that faults: it did before, or nobody else refers to it."""
        return exclusive or folio._refcount == 1

    def swapin_map(
        self, mm: Mm, vma: Vma, first: int, pages: list[Page], *, write: bool, asked: int, exclusive: bool
    ) -> None:
        """Map what was swapped in; the look-up's reference becomes the first mapping's."""
        folio = pages[0].head
        exclusive = self.swapin_reuse(folio, exclusive=exclusive, write=write)
        if len(pages) > 1:
            self.folio_get(folio, len(pages) - 1)
        if folio.mapping is None:
            folio.mapping = self.anon_vma_prepare(mm, vma)
            folio.index = first
        elif folio.mapping is not vma.anon_vma or folio.index + pages[0].number != first:
            raise self.vm_bug_on(
                "VM_BUG_ON_PAGE(page_pgoff(folio, page) != linear_page_index(vma, address))", folio
            )
        for page in pages:
            if exclusive:
                self.set_exclusive(page)
        self.folio_add_anon_rmap_ptes(folio, pages, mm)
        for number, page in enumerate(pages):
            self.set_pte(mm, vma, first + number, Pte(page, exclusive))
