"""Swap slots, their counts, and the swap cache: n references on a folio of n pages."""

from __future__ import annotations

from mmfuzz.kernel.buddy import Buddy
from mmfuzz.kernel.lru import Lru
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.profiles import Profile


class SwapSlot:
    """What stands for a swap slot where somebody waits for it."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


FREED = -2
"""What a slot holds that is free: no write ever stores it."""


class SwapSpace(Lru):
    """One swap device as large as memory, that takes its time: what was written stays in the cache."""

    def __init__(self, profile: Profile, frames: int, huge_order: int) -> None:
        super().__init__(profile, frames, huge_order)
        self.slots = Buddy(frames)
        self.swap_map: dict[int, int] = {}
        """Swap entries that refer to each slot in use; the cache is not counted."""
        self.swap_has_cache: set[int] = set()
        """SWAP_HAS_CACHE: slots that the swap cache has, or that one alone may read past it."""
        self.swap_slots: dict[int, SwapSlot] = {}
        """Slots that somebody ever read, or waited for."""
        self.swap_cache: dict[int, Page] = {}
        """The page that is cached for a slot."""
        self.swap_data: dict[int, int] = {}
        """What was written to a slot."""
        self.cache_moves: dict[int, None] = {}
        """Slots whose cache entry this step wrote."""

    def add_to_swap(self, folio: Folio) -> bool:
        """Give a folio consecutive slots and put it into the swap cache; false when slots are short."""
        order = folio.order
        self.critical("swap")
        slot = self.slots.alloc(order)
        if slot is None:
            return False
        for number in range(slot, slot + (1 << order)):
            self.swap_map[number] = 0
            self.swap_has_cache.add(number)
        folio.uptodate = True
        self.add_to_swap_cache(folio, slot)
        folio.dirty = True
        return True

    def swap_slot(self, slot: int) -> SwapSlot:
        """The one object that stands for a slot."""
        found = self.swap_slots.get(slot)
        if found is None:
            found = self.swap_slots[slot] = SwapSlot(slot)
        return found

    def swapcache_prepare(self, slot: int) -> bool:
        """Have a slot to oneself, to cache it or to read past the cache; not where somebody else has, or it is free."""
        self.critical("swap")
        if not self.swap_map.get(slot) or slot in self.swap_has_cache:
            return False
        self.swap_has_cache.add(slot)
        return True

    def swapcache_clear(self, slot: int, pages: int = 1) -> None:
        """put_swap_folio(), swapcache_clear(): the end of swapcache_prepare(); what no entry refers to is free then."""
        self.critical("swap")
        for number in range(slot, slot + pages):
            self.swap_has_cache.discard(number)
            if not self.swap_map[number]:
                self.slot_free(number)

    def add_to_swap_cache(self, folio: Folio, slot: int) -> None:
        """One cache entry and one reference for each page; the slots are the caller's, and the folio is locked."""
        if folio.swapcache:
            raise self.vm_bug_on("VM_BUG_ON_FOLIO(folio_test_swapcache(folio))", folio)
        self.folio_get(folio, len(folio.pages))
        folio.swapcache = True
        folio.swap = slot
        for page in folio.pages:
            self.swap_cache[slot + page.number] = page
            self.cache_moves[slot + page.number] = None

    def delete_from_swap_cache(self, folio: Folio) -> None:
        """Take the folio out of the swap cache, drop the cache's references, free slots that nobody counts."""
        self.spin_lock(self.swap_cache)
        self.uncache(folio)
        self.spin_unlock(self.swap_cache)
        self.put_cache_refs(folio)

    def uncache(self, folio: Folio) -> None:
        """Clear the cache entries, without the references; with the lock of the swap cache.

        Who wants to read a slot waits for that lock, so that it finds the folio, or the slot free to be read.
        """
        if not folio.swapcache:
            raise self.vm_bug_on("VM_BUG_ON_FOLIO(!folio_test_swapcache(folio))", folio)
        pages, first = folio.pages, folio.swap
        for slot, page in enumerate(pages, first):
            if self.swap_cache.pop(slot, None) is not page:
                raise self.vm_bug_on("VM_BUG_ON_PAGE(entry != folio)", folio, f"slot {slot}")
            self.cache_moves[slot] = None
        folio.swapcache = False
        folio.swap = 0
        self.touched[folio] = None
        self.swapcache_clear(first, len(pages))

    def put_cache_refs(self, folio: Folio) -> None:
        """Drop what the swap cache held: a reference for each page."""
        self.folio_put(folio, len(folio.pages))

    def slot_free(self, slot: int) -> None:
        """A slot without entries and without cache is free."""
        del self.swap_map[slot]
        self.swap_data.pop(slot, None)
        self.slots.free(slot, 0)

    def swap_duplicate(self, slot: int) -> None:
        """Another entry refers to a slot."""
        self.critical("swap")
        self.swap_map[slot] += 1

    def swap_free(self, slot: int) -> None:
        """An entry refers to a slot no more."""
        self.critical("swap")
        self.swap_map[slot] -= 1
        if not self.swap_map[slot] and slot not in self.swap_has_cache:
            self.slot_free(slot)

    def folio_swapped(self, folio: Folio) -> bool:
        """Whether an entry refers to any slot of a cached folio."""
        first, pages, swap_map = folio.swap, folio.pages, self.swap_map
        self.critical("swap")
        return any(swap_map[slot] for slot in range(first, first + len(pages)))

    def folio_free_swap(self, folio: Folio) -> bool:
        """Leave the swap cache if no entry needs it; the folio is dirty then, as no copy exists any more.

        With the page lock, which keeps a folio in the swap cache or out of it.
        """
        if not folio.swapcache or self.folio_swapped(folio):
            return False
        self.delete_from_swap_cache(folio)
        folio.dirty = True
        return True

    def free_swap_cache(self, folio: Folio) -> None:
        """Do not leave an unmapped folio to the cache alone when its last mapping goes; unless it is locked."""
        if folio.swapcache and not self.folio_mapped(folio) and self.lock_to_free_swap(folio):
            self.folio_free_swap(folio)
            self.folio_unlock(folio)

    def free_swap_and_cache(self, slot: int) -> None:
        """Drop an entry, and the cached folio with it when nobody else needs that."""
        self.swap_free(slot)
        page = self.swap_cache_get(slot)
        if page is None:
            return
        folio = page.head
        # __try_to_reclaim_swap()
        if not self.folio_mapped(folio) and self.lock_to_free_swap(folio):
            if folio.swapcache and self.is_cached_at(page, slot):
                self.folio_free_swap(folio)
            self.folio_unlock(folio)
        self.folio_put(folio)

    def shrink_swap_cache(self) -> None:
        """Memory is short: what was left to reclaim goes, as neither a map nor an entry refers to it any more."""
        for folio in dict.fromkeys(page.head for _, page in list(self.swap_cache.items())):
            self.folio_get(folio)
            self.free_swap_cache(folio)
            self.folio_put(folio)

    def lock_to_free_swap(self, folio: Folio) -> bool:
        """folio_trylock() where somebody unmaps: what is locked now is left to reclaim."""
        return self.folio_trylock(folio)

    def swap_cache_get(self, slot: int) -> Page | None:
        """swap_cache_get_folio(): the page that is cached for a slot, with a reference on its folio."""
        while True:
            page = self.swap_cache.get(slot)
            if page is None:
                return None
            folio = page.head
            if folio.ref_add_unless_zero():
                if self.swap_cache.get(slot) is page and page.head is folio:
                    self.touched[folio] = None
                    return page
                self.folio_put(folio)
            else:
                # Frozen: it is being split, or leaves.
                self.spin_lock(self.swap_cache)
                self.spin_unlock(self.swap_cache)

    def is_cached_at(self, page: Page, slot: int) -> bool:
        """Whether a page is still what the swap cache has for a slot; its folio is locked."""
        folio = page.head
        return folio.swapcache and folio.swap + page.number == slot

    def folio_mapped(self, folio: Folio) -> bool:
        """folio_mapped(): by any PTE or PMD."""
        return (folio._large_mapcount if folio.order else folio._mapcount) >= 0

    def mark_dirty(self, folio: Folio) -> None:
        """folio_mark_dirty(): what the folio holds is nowhere else."""
        folio.dirty = True

    def swap_read_folio(self, folio: Folio, slot: int) -> None:
        """Read what was written to a slot into a base page; one that could not be read is not uptodate."""
        folio.content = self.swap_data.get(slot, FREED)
        folio.uptodate = True

    def write_out(self, folio: Folio) -> None:
        """Write a cached folio to its slots: it is clean from before on, so that a write meanwhile makes it dirty."""
        folio.dirty = False
        for slot, page in enumerate(folio.pages, folio.swap):
            self.swap_data[slot] = page.content
