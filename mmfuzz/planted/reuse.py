"""Planted bugs in copy on write: who may write to a page in place, and what a copy leaves behind."""

from __future__ import annotations

from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.planted.catalogue import bug

_COUNTED = "until v5.18 a huge page, and what was swapped in, was reused by its mapcount whatever else referred to it"


@bug(
    "reuse-by-total-mapcount",
    "pin-coherence",
    summary="a write fault asks how often all of a huge page is mapped, and copies a page of it that is mapped once",
    reached="map a huge page by PTEs, get a page of it for reading, and write to that",
    fix='6d0a07edd17c ("mm: thp: calculate the mapcount correctly for THP pages during WP faults", v4.6)',
    since="4.5",
    until="5.8",
    because="before v4.5 PTEs never map a huge page, and from v5.9 on mapcounts do not decide",
)
class ReuseByTotalMapcount(Kernel):
    """reuse_swap_page() with total_mapcount() where page_trans_huge_mapcount() belongs."""

    def reuse_swap_page(self, folio: Folio) -> bool:
        """One map of the whole folio, and no more."""
        swapped = folio.swapcache and self.folio_swapped(folio)
        if self.folio_mapcount(folio) > 1 or swapped:
            return False
        self.folio_free_swap(folio)
        return True


@bug(
    "huge-reuse-by-mapcount",
    "isolation",
    summary="a write fault reuses a huge page that one PMD maps, although a get of another process refers to it",
    reached="get a page of a huge page, fork, unmap it in the getter, and write in the other process",
    fix='3bff7e3f1f16 ("mm/huge_memory: streamline COW logic in do_huge_pmd_wp_page()", v5.18)',
    since="5.18",
    because=_COUNTED,
)
class HugeReuseByMapcount(Kernel):
    """do_huge_pmd_wp_page() with reuse_swap_page(), the half of CVE-2020-29374 that v5.9 left."""

    def can_reuse_huge(self, folio: Folio) -> bool:
        """No page is mapped twice, and no swap entry could become another map."""
        if max(map(self.page_mapcount, folio.pages)) > 1 or (folio.swapcache and self.folio_swapped(folio)):
            return False
        self.folio_free_swap(folio)
        return True


@bug(
    "swapin-reuse-by-mapcount",
    "isolation",
    summary="a write that swaps a page in keeps it where nobody maps it, though a get of another process refers to it",
    reached="get a page, fork, swap it out, unmap it in the getter, and write in the other process",
    fix='c145e0b47c77 ("mm: streamline COW logic in do_swap_page()", v5.18)',
    since="5.18",
    because=_COUNTED,
)
class SwapinReuseByMapcount(Kernel):
    """do_swap_page() with reuse_swap_page(), the swap half of CVE-2020-29374."""

    def swapin_reuse(self, folio: Folio, *, exclusive: bool, write: bool) -> bool:
        """No map, and no swap entry that could become one."""
        alone = self.folio_mapcount(folio) == 0 and not (folio.swapcache and self.folio_swapped(folio))
        return exclusive or (write and not folio.order and alone)


@bug(
    "exclusive-copied-by-count",
    "pin-coherence",
    summary="a write fault copies a page that its process has pinned, because the pin is a reference too many",
    reached="pin a page for reading, or write-protect it while it is pinned, and write to it",
    fix='6c287605fd56 ("mm: remember exclusively mapped anonymous pages with PG_anon_exclusive", v5.19)',
    since="5.19",
    because="before v5.19 no flag said that a page is exclusive, and such copies were the rule",
)
class ExclusiveCopiedByCount(Kernel):
    """do_wp_page() as of v5.9: page_count() == 1 or a copy."""

    def can_reuse_page(self, page: Page) -> bool:
        """Only who has the last reference."""
        return self.can_reuse_anon_folio(page.head)


@bug(
    "reuse-ignores-swap-cache",
    "isolation",
    summary="a write fault reuses a page that is in the swap cache, where swap entries of others still refer to it",
    reached="fork, swap the page out, and write to it in one of the two",
    since="5.18",
    because="until v5.18 mapcount and swap count were one number, or what was cached was copied",
)
class ReuseIgnoresSwapCache(Kernel):
    """wp_can_reuse_anon_folio() that counts the swap cache's reference out, and never asks whose entries it serves."""

    def can_reuse_anon_folio(self, folio: Folio) -> bool:
        """The swap cache and one map."""
        if folio.order or not folio.swapcache:
            return super().can_reuse_anon_folio(folio)
        return folio._refcount <= 2


@bug(
    "copy-leaves-swap-cache",
    "leak",
    summary="a write fault copies a page and leaves the old one in the swap cache, where nothing needs it",
    reached="swap a page out and in while something refers to it, write to it, and give everything back",
    fix='f4c4a3f48480 ("mm: free idle swap cache page after COW", v5.14)',
    since="5.9",
    until="5.18",
    because="before v5.9 the owner of such a page reused it, and from v5.19 on the page is exclusive to it",
)
class CopyLeavesSwapCache(Kernel):
    """wp_page_copy() with put_page() where free_swap_cache() belongs as well."""

    def wp_put(self, folio: Folio) -> None:
        """The mapping's reference, and no look at the swap cache."""
        if folio.swapcache:
            self.folio_put(folio)
        else:
            super().wp_put(folio)
