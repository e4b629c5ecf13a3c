"""Planted bugs about pins: how much they count, how they end, and what fork and migration owe them."""

from __future__ import annotations

from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.mm import Mm
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.planted.catalogue import bug


@bug(
    "pin-counts-one",
    "identity",
    summary="a pin of a base page adds 1 to its refcount where unpinning drops 1024",
    reached="pin a base page",
    since="5.7",
    because="pins are told from references since 3faa52c03f44 (v5.7)",
)
class PinCountsOne(Kernel):
    """try_grab_folio() that treats FOLL_PIN as FOLL_GET (the bias came with 3faa52c03f44, v5.7)."""

    def grab_pin(self, page: Page) -> None:
        """A plain reference for a base page."""
        if page.head.order:
            super().grab_pin(page)
        else:
            self.folio_get(page)


@bug(
    "unpin-range-short",
    "identity",
    summary="unpinning a range of several pages leaves its last page pinned",
    reached="pin two pages or more under one handle, and unpin it",
)
class UnpinRangeShort(Kernel):
    """unpin_user_pages() with an off-by-one bound."""

    def release_range(self, pages: list[Page | None], *, pin: bool) -> None:
        """Release all but the last of several pinned pages."""
        super().release_range(pages[:-1] if pin and len(pages) > 1 else pages, pin=pin)


@bug(
    "fork-shares-pinned",
    "pin-coherence",
    summary="fork shares a pinned page with the child, so that the owner's next write moves to a copy",
    reached="pin a page and fork",
    fix='70e806e4e645 ("mm: Do early cow for pinned pages during fork() for ptes", v5.9)',
    since="5.9",
    because="until 70e806e4e645 (v5.9) fork shared every page",
)
class ForkSharesPinned(Kernel):
    """folio_needs_cow_for_dma() that never says so."""

    def needs_cow_for_dma(self, mm: Mm, folio: Folio) -> bool:
        """Never."""
        return False


@bug(
    "migrate-ignores-pins",
    "refusal",
    summary="migration moves a folio although a pin or get refers to it",
    reached="pin a page and migrate it",
    fix='04fa5d6a6547 ("mm: migrate: check page_count of THP before migrating", v3.8)',
)
class MigrateIgnoresPins(Kernel):
    """folio_migrate_mapping() that takes whatever the refcount is as expected."""

    def migrate_expected_refs(self, folio: Folio) -> int:
        """What the folio has."""
        return folio._refcount


@bug(
    "cow-reuse-by-mapcount",
    "isolation",
    summary="a write fault reuses a page that one PTE maps, although a get of another process refers to it",
    reached="get a page, fork, let the getter's mapping go, and write in the other process (CVE-2020-29374)",
    fix='17839856fd58 ("gup: document and work around "COW can break either way" issue", v5.8), '
    '09854ba94c6a ("mm: do_wp_page() simplification", v5.9)',
    since="5.9",
    because="until 09854ba94c6a (v5.9) that was the rule",
)
class CowReuseByMapcount(Kernel):
    """reuse_swap_page() as of v5.7: mappings and swap entries count, references do not."""

    def can_reuse_anon_folio(self, folio: Folio) -> bool:
        """One mapping, and no swap entry that could become another."""
        if folio.order:
            return super().can_reuse_anon_folio(folio)
        if self.folio_mapcount(folio) > 1 or (folio.swapcache and self.folio_swapped(folio)):
            return False
        if folio.swapcache:
            self.folio_free_swap(folio)
        return True
