"""Collapse in other eras: which sources khugepaged would take."""

from __future__ import annotations

from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.page import Folio


class OnlyUnsharedBasePages(Kernel):
    """One map, and no reference but that and the swap cache's (until 9445689f3b61, 5503fbf2b0b8, v5.8)."""

    def collapse_refs_suitable(self, folio: Folio) -> bool:
        """`page_count(page) == 1 + PageSwapCache(page)`, and no compound page."""
        return not folio.order and folio._refcount == 1 + folio.swapcache and folio._mapcount == 0


class NotWhatIsCachedAndShared(Kernel):
    """What is in the swap cache had to pass reuse_swap_page() (until c145e0b47c77, v5.18)."""

    def collapse_refs_suitable(self, folio: Folio) -> bool:
        """Shared pages are welcome, but not those that a swap entry refers to as well."""
        if folio.swapcache and (self.folio_mapcount(folio) > 1 or self.folio_swapped(folio)):
            return False
        return super().collapse_refs_suitable(folio)
