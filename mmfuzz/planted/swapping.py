"""Planted bugs in the swap cache and in swapping in."""

from __future__ import annotations

from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.mm import SwapPte
from mmfuzz.kernel.page import Folio
from mmfuzz.planted.catalogue import bug


@bug(
    "swapcache-delete-one",
    "leak",
    summary="a large folio leaves the swap cache and keeps all but one of the cache's references",
    reached="swap a large folio out, and free what it was mapped at",
    since="4.13",
    because="until 38d8b4e6bdc8 (v4.13) huge pages were split before they entered the swap cache",
)
class SwapcacheDeleteOne(Kernel):
    """delete_from_swap_cache() with folio_put() where folio_ref_sub(folio, n) belongs."""

    def put_cache_refs(self, folio: Folio) -> None:
        """Drop one reference, whatever the folio's size."""
        self.folio_put(folio)


@bug(
    "swapin-drops-exclusive",
    "exclusive",
    summary="swapping in forgets that the page was exclusive, so that its owner's next write may copy it",
    reached="swap a page out and in",
    fix='1493a1913e34 ("mm/swap: remember PG_anon_exclusive via a swp pte bit", v5.19)',
    since="5.19",
    because="the flag came with 6c287605fd56 (v5.19)",
)
class SwapinDropsExclusive(Kernel):
    """do_swap_page() that does not look at the swap entry's exclusive bit."""

    def swapin_exclusive(self, entry: SwapPte) -> bool:
        """Never."""
        return False
