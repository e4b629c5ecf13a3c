"""Swap on a device that answers at once (SWP_SYNCHRONOUS_IO): zram, brd."""

from __future__ import annotations

from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.page import Folio


class SynchronousWrites(Kernel):
    """What was written is written: reclaim takes the folio out of the swap cache, and out of memory, in one pass."""

    def written_out(self, folio: Folio) -> None:
        """There is no writeback to wait for."""
        self.remove_mapping(folio)


class SwapinBypass(Kernel):
    """A slot that one entry refers to is read past the swap cache (0bcac06f27d7, v4.15, until v7.0)."""

    def swapin_anon(self, slot: int) -> Folio | None:
        """A fresh base page that is in no cache, so that its swap slot is free as soon as it is mapped."""
        if self.swap_map[slot] != 1:
            return super().swapin_anon(slot)
        folio = self.alloc_folio(0)
        if folio is not None:
            self.folio_add_lru(folio)
            self.swap_read_folio(folio, slot)
        return folio
