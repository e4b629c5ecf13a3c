"""Swap on a device that answers at once (SWP_SYNCHRONOUS_IO): zram, brd."""

from __future__ import annotations

from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.profiles import Profile


class SynchronousWrites(Kernel):
    """What was written is written: reclaim takes the folio out of the swap cache, and out of memory, in one pass."""

    def written_out(self, folio: Folio) -> None:
        """There is no writeback to wait for."""
        self.remove_mapping(folio)


class SwapinBypass(Kernel):
    """A slot that one entry refers to is read past the swap cache (0bcac06f27d7, v4.15, until v7.0).

    Whoever does that has the slot alone until the page is mapped: 13ddaf26be32 ("mm/swap: fix race when skipping
    swapcache", v6.8).
    """

    def __init__(self, profile: Profile, frames: int, huge_order: int) -> None:
        super().__init__(profile, frames, huge_order)
        self.bypassing: dict[Page, int] = {}
        """Slots that are being read past the cache, by the page that each is read into."""

    def swapin_anon(self, slot: int) -> Page | None:
        """A fresh base page that is in no cache, so that its swap slot is free as soon as it is mapped."""
        if self.swap_map.get(slot) != 1:
            return super().swapin_anon(slot)
        folio = self.alloc_folio(0)
        if folio is None:
            return None
        if not self.claim_bypass(slot):
            self.folio_put(folio)
            return super().swapin_anon(slot)
        self.bypassing[folio] = slot
        self.folio_add_lru(folio)
        self.swap_read_folio(folio, slot)
        return folio

    def claim_bypass(self, slot: int) -> bool:
        """swapcache_prepare(): nobody else reads the slot, into the cache or past it."""
        return self.claim_slot(slot)

    def is_still_cached(self, cached: Page, slot: int) -> bool:
        """What was read past the cache was never there."""
        return cached in self.bypassing or super().is_still_cached(cached, slot)

    def swapin_end(self, cached: Page) -> None:
        """Others may have the slot again."""
        slot = self.bypassing.pop(cached, None)
        if slot is not None:
            self.release_bypass(slot)

    def release_bypass(self, slot: int) -> None:
        """swapcache_clear()."""
        self.swapcache_clear(slot)
        self.up_write(self.swap_slot(slot))
