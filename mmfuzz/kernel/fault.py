"""Page faults on anonymous memory: fresh pages of every order, the zero page, and swap-in."""

from __future__ import annotations

from mmfuzz.kernel.mm import DevicePte, MigrationPte, Mm, Pte, SwapPte, Vma, pte_same
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.kernel.toram import ToRam
from mmfuzz.observation import TABLE, ZERO
from mmfuzz.ops import BASE, HUGE

ENOMEM = "ENOMEM"
EFAULT = "EFAULT"
"""What get_user_pages() and madvise(MADV_POPULATE_READ) make of VM_FAULT_SIGBUS."""


class Fault(ToRam):
    """handle_mm_fault(). Errors are errno names, empty when the fault was handled.

    The mmap_lock is held for reading. An entry is read without its lock first, and is looked at again with it; who
    finds that somebody else has changed it does nothing, as the access will fault once more if need be.
    """

    def handle_fault(self, mm: Mm, vma: Vma, page: int, *, write: bool) -> str:
        """Make one page present, and writable for a write."""
        pmd = vma.pmd
        if pmd is not TABLE:
            fits = pmd is None and vma.order == HUGE and all(vma.present)
            if fits and self.do_huge_pmd_anonymous_page(mm, vma, write=write):
                return ""
            if pmd is not None:
                if type(pmd) is MigrationPte:
                    self.migration_entry_wait(pmd)
                    return ""
                if not write or (type(pmd) is Pte and pmd.writable):
                    return ""
                self.do_huge_pmd_wp_page(mm, vma)
                if vma.pmd is not TABLE:
                    return ""
            self.need_table(mm, vma)
        return self.handle_pte_fault(mm, vma, page, write)

    def migration_entry_wait(self, entry: MigrationPte) -> None:
        """Until what moves or is split is unlocked, without a reference, which would keep it where it is."""
        folio = entry.page.head
        self.folio_lock(folio)
        self.folio_unlock(folio)

    def do_huge_pmd_anonymous_page(self, mm: Mm, vma: Vma, *, write: bool) -> bool:
        """Map the huge zero page for a read, a fresh one for a write; false when there is no block for it."""
        if write:
            return self.map_huge_page(mm, vma)
        table = self.pte_alloc_one()
        self.spin_lock(vma)
        lost = vma.pmd is not None
        if not lost:
            self.deposit_table(vma, table)
            self.set_pmd(mm, vma, ZERO)
        self.spin_unlock(vma)
        if lost:
            self.pte_free(table)
        return True

    def handle_pte_fault(self, mm: Mm, vma: Vma, page: int, write: bool) -> str:
        """A fault below a page table."""
        entry = vma.ptes[page]
        if entry is None:
            if write:
                return self.do_anonymous_page(mm, vma, page)
            self.spin_lock(vma)
            if vma.ptes[page] is None:
                self.set_pte(mm, vma, page, ZERO)
            self.spin_unlock(vma)
            return ""
        if type(entry) is SwapPte:
            return self.do_swap_page(mm, vma, page, entry, write)
        if type(entry) is DevicePte:
            return self.do_device_private(mm, vma, page, write)
        if type(entry) is MigrationPte:
            self.migration_entry_wait(entry)
            return ""
        if not write or (type(entry) is Pte and entry.writable):
            return ""
        return "" if self.do_wp_page(mm, vma, page) else ENOMEM

    def do_device_private(self, mm: Mm, vma: Vma, page: int, write: bool) -> str:
        """A page that is on a device comes home, and then the fault begins anew."""
        return self.migrate_to_ram(mm, vma, page) or self.handle_pte_fault(mm, vma, page, write)

    def do_anonymous_page(self, mm: Mm, vma: Vma, page: int) -> str:
        """Map a fresh folio of the area's order, or a base page where that does not fit."""
        self.anon_vma_prepare(mm, vma)
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
        self.folio_mark_uptodate(folio)
        self.spin_lock(vma)
        if vma.ptes[page] is not None or (folio.order and not self.range_is_empty(vma, first, folio.order)):
            self.spin_unlock(vma)
            self.folio_put(folio)
            return ""
        if folio.order:
            self.folio_get(folio, len(folio.pages) - 1)
        self.folio_add_new_anon_rmap(folio, mm, vma, first)
        self.folio_add_lru(folio)
        for part in folio.pages:
            self.set_pte(mm, vma, first + part.number, Pte(part, True))
        self.spin_unlock(vma)
        return ""

    def range_is_empty(self, vma: Vma, first: int, order: int) -> bool:
        """Whether an aligned range lies in the VMA and nothing in it is mapped."""
        return all(
            vma.present[page] and vma.ptes[page] is None for page in range(first, first + (1 << order))
        )

    # Swap-in

    def do_swap_page(self, mm: Mm, vma: Vma, page: int, entry: SwapPte, write: bool) -> str:
        """Bring a page back: from the swap cache, whole if all of the folio is still swapped here, or read in."""
        cached = self.swap_cache_get(entry.slot)
        read = cached is None
        if cached is None:
            cached = self.swapin_anon(entry.slot)
            if cached is None:
                return ENOMEM if pte_same(vma.ptes[page], entry) else ""
        folio = cached.head
        self.folio_lock(folio)
        error, mapped = self.swapin_locked(mm, vma, page, entry, cached, write)
        self.folio_unlock(folio)
        if not mapped:
            self.folio_put(folio)
        if read:
            self.swapin_end(cached)
        now = vma.ptes[page]
        if mapped and write and type(now) is Pte and not now.writable:
            return "" if self.do_wp_page(mm, vma, page) else ENOMEM
        return error

    def swapin_locked(
        self, mm: Mm, vma: Vma, page: int, entry: SwapPte, cached: Page, write: bool
    ) -> tuple[str, bool]:
        """Map what was found for an entry, if it is still that, and the entry what it was: (error, whether mapped).

        The folio is locked, so that nobody takes it out of the swap cache.
        """
        if not self.is_still_cached(cached, entry.slot):
            return "", False
        folio = cached.head
        if write and not folio.lru:
            self.lru_add_drain()
        if not self.pte_offset_map_lock(vma):
            return "", False
        failed = self.swapin_failed(folio)
        if failed or not pte_same(vma.ptes[page], entry):
            self.spin_unlock(vma)
            return EFAULT if failed else "", False
        first, pages = self.swapin_span(vma, page, entry, cached)
        for old in pages:
            self.swap_free(entry.slot + old.number - cached.number)
        if write and folio._refcount == 1 + len(folio.pages):
            self.folio_free_swap(folio)
        exclusive = self.swapin_exclusive(entry)
        self.swapin_map(mm, vma, first, pages, write=write, asked=page, exclusive=exclusive)
        self.spin_unlock(vma)
        return "", True

    def is_still_cached(self, cached: Page, slot: int) -> bool:
        """Whether what was found for a slot is there for it still."""
        return self.is_cached_at(cached, slot)

    def swapin_failed(self, folio: Folio) -> bool:
        """Whether nothing could be read into a cached folio: VM_FAULT_SIGBUS, until it leaves the swap cache."""
        return not folio.uptodate

    def swapin_exclusive(self, entry: SwapPte) -> bool:
        """What the entry remembers of PG_anon_exclusive."""
        return entry.exclusive

    def swapin_anon(self, slot: int) -> Page | None:
        """What a fault reads of anonymous memory goes by the swap cache."""
        return self.swapin_read(slot)

    def swapin_end(self, cached: Page) -> None:
        """What was read for an entry is mapped, or was not needed."""

    def swapin_read(self, slot: int) -> Page | None:
        """The page for a slot: a fresh base page in the swap cache, or what somebody else had read before.

        None where memory is short, or where no entry refers to the slot any more. The slot is had by one who reads it
        (__read_swap_cache_async()), and who finds that somebody else has it waits.
        """
        folio = self.alloc_folio(0)
        if folio is None:
            return None
        while not self.claim_slot(slot):
            cached = self.swap_cache_get(slot)
            if cached is not None or not self.swap_map.get(slot):
                self.folio_put(folio)
                return cached
        self.folio_lock(folio)
        folio.uptodate = False
        self.add_to_swap_cache(folio, slot)
        self.up_write(self.swap_slot(slot))
        self.folio_add_lru(folio)
        self.swap_read_folio(folio, slot)
        self.folio_unlock(folio)
        return folio

    def claim_slot(self, slot: int) -> bool:
        """swapcache_prepare(), and keep those waiting who want the slot as well; without, wait for who has it."""
        self.down_write(self.swap_slot(slot))
        if self.swapcache_prepare(slot):
            return True
        self.up_write(self.swap_slot(slot))
        self.spin_lock(self.swap_cache)
        self.spin_unlock(self.swap_cache)
        return False

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
