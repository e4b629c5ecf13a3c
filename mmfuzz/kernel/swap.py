"""Swap slots, their counts, and the swap cache: n references on a folio of n pages."""

from __future__ import annotations

from mmfuzz.kernel.buddy import Buddy
from mmfuzz.kernel.lru import Lru
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.profiles import Profile


class SwapSpace(Lru):
    """One swap device as large as memory, that takes its time: what was written stays in the cache."""

    def __init__(self, profile: Profile, frames: int, huge_order: int) -> None:
        super().__init__(profile, frames, huge_order)
        self.slots = Buddy(frames)
        self.swap_map: dict[int, int] = {}
        """Swap entries that refer to each slot in use; the cache is not counted."""
        self.swap_cache: dict[int, Page] = {}
        """The page that is cached for a slot."""
        self.swap_data: dict[int, int] = {}
        """What was written to a slot."""
        self.cache_moves: dict[int, None] = {}
        """Slots whose cache entry this step wrote."""

    def add_to_swap(self, folio: Folio) -> bool:
        """Give a folio consecutive slots and put it into the swap cache; false when slots are short."""
        slot = self.slots.alloc(folio.order)
        if slot is None:
            return False
        for number in range(slot, slot + len(folio.pages)):
            self.swap_map[number] = 0
        self.add_to_swap_cache(folio, slot)
        folio.dirty = True
        return True

    def add_to_swap_cache(self, folio: Folio, slot: int) -> None:
        """One cache entry and one reference for each page."""
        if folio.swapcache:
            raise self.vm_bug_on("VM_BUG_ON_FOLIO(folio_test_swapcache(folio))", folio)
        self.folio_get(folio, len(folio.pages))
        folio.swapcache = folio.uptodate = True
        folio.swap = slot
        for page in folio.pages:
            self.swap_cache[slot + page.number] = page
            self.cache_moves[slot + page.number] = None

    def delete_from_swap_cache(self, folio: Folio) -> None:
        """Take the folio out of the swap cache, drop the cache's references, free slots that nobody counts."""
        self.uncache(folio)
        self.put_cache_refs(folio)

    def uncache(self, folio: Folio) -> None:
        """Clear the cache entries, without the references."""
        if not folio.swapcache:
            raise self.vm_bug_on("VM_BUG_ON_FOLIO(!folio_test_swapcache(folio))", folio)
        for page in folio.pages:
            slot = folio.swap + page.number
            if self.swap_cache.pop(slot, None) is not page:
                raise self.vm_bug_on("VM_BUG_ON_PAGE(entry != folio)", folio, f"slot {slot}")
            self.cache_moves[slot] = None
            if not self.swap_map[slot]:
                self.slot_free(slot)
        folio.swapcache = False
        folio.swap = 0
        self.touched[folio] = None

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
        self.swap_map[slot] += 1

    def swap_free(self, slot: int) -> None:
        """An entry refers to a slot no more."""
        self.swap_map[slot] -= 1
        if not self.swap_map[slot] and slot not in self.swap_cache:
            self.slot_free(slot)

    def folio_swapped(self, folio: Folio) -> bool:
        """Whether an entry refers to any slot of a cached folio."""
        swap_map = self.swap_map
        return any(swap_map[folio.swap + page.number] for page in folio.pages)

    def folio_free_swap(self, folio: Folio) -> bool:
        """Leave the swap cache if no entry needs it; the folio is dirty then, as no copy exists any more."""
        if not folio.swapcache or self.folio_swapped(folio):
            return False
        self.delete_from_swap_cache(folio)
        folio.dirty = True
        return True

    def free_swap_cache(self, folio: Folio) -> None:
        """Do not leave an unmapped folio to the cache alone when its last mapping goes."""
        if folio.swapcache and not self.folio_mapped(folio):
            self.folio_free_swap(folio)

    def free_swap_and_cache(self, slot: int) -> None:
        """Drop an entry, and the cached folio with it when nobody else needs that."""
        self.swap_free(slot)
        page = self.swap_cache.get(slot)
        if page is not None and not self.folio_mapped(page.head):
            self.folio_get(page.head)
            self.folio_free_swap(page.head)
            self.folio_put(page.head)

    def folio_mapped(self, folio: Folio) -> bool:
        """folio_mapped(): by any PTE or PMD."""
        return (folio._large_mapcount if folio.order else folio._mapcount) >= 0

    def mark_dirty(self, folio: Folio) -> None:
        """folio_mark_dirty(): what the folio holds is nowhere else."""
        folio.dirty = True

    def swap_read_folio(self, folio: Folio, slot: int) -> None:
        """Read what was written to a slot into a base page; one that could not be read is not uptodate."""
        folio.content = self.swap_data[slot]
        folio.uptodate = True

    def write_out(self, folio: Folio) -> None:
        """Write a cached folio to its slots; it is clean then."""
        for page in folio.pages:
            self.swap_data[folio.swap + page.number] = page.content
        folio.dirty = False
