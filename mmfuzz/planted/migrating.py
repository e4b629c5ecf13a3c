"""Planted bugs in migration and reclaim: what may move, what goes with it, and what a refusal leaves."""

from __future__ import annotations

from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.mm import AnonVma
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.planted.catalogue import bug

_WHOLE = "before v4.13 only base pages are in the swap cache, and before v5.7's profile only those migrate"


@bug(
    "bail-out-keeps-reference",
    "identity",
    summary="a caller that cannot lock a folio returns early, and keeps the reference that it took to look at it",
    reached="split a large folio whose lock somebody else has",
    fix='dad4e5b39086 ("mm: fix page reference leak in soft_offline_page()", v5.11)',
    since="4.5",
    because="before v4.5 a split takes no lock of the page, and no reference",
    kind="error",
)
class BailOutKeepsReference(Kernel):
    """An early return in front of put_page()."""

    def split_bails_out(self, page: Page) -> str:
        """No, and nothing else."""
        return "EAGAIN"


@bug(
    "pieces-keep-isolation",
    "identity",
    summary="pieces of a folio that migration has split, and that could not move, keep the isolation's reference",
    reached="migrate a large folio that is mapped in part, and let one of its pieces fail",
    fix='69a041ff5058 ("mm/migration: fix potential page refcounts leak in migrate_pages", v5.19)',
    since="4.5",
    because="before v4.5 a split is no business of migration",
    kind="error",
)
class PiecesKeepIsolation(Kernel):
    """A list of pieces that nobody puts back."""

    def split_for_migration(self, folio: Folio) -> list[Folio]:
        """The pieces, which are on a list of their own."""
        pieces = super().split_for_migration(folio)
        self.split_list = pieces if len(pieces) > 1 else []
        return pieces

    def putback_movable(self, folio: Folio) -> None:
        """What is on the caller's list."""
        if folio not in self.split_list:
            super().putback_movable(folio)


@bug(
    "failed-folios-not-put-back",
    "identity",
    summary="large folios that could not migrate stay isolated, on a list that nobody looks at again",
    reached="pin a page of a large folio and migrate it",
    fix='8e279f970b5c ("mm/migrate: fix kernel BUG at mm/compaction.c:2761!", v6.10)',
    since="5.7",
    because="before that profile only base pages migrate",
    kind="error",
)
class FailedFoliosNotPutBack(Kernel):
    """migrate_pages_batch() that forgets its list of large folios."""

    def putback_movable(self, folio: Folio) -> None:
        """Base pages only."""
        if not folio.order:
            super().putback_movable(folio)


@bug(
    "isolation-by-page-mapcount",
    "refusal",
    summary="isolation takes the references of a folio's other pages for pins, and never migrates it",
    reached="map a large folio by PTEs and migrate it",
    fix='829ae0f81ce0 ("mm: migrate: fix THP\'s mapcount on isolation", v6.2)',
    since="5.7",
    because="before that profile only base pages migrate",
)
class IsolationByPageMapcount(Kernel):
    """isolate_migratepages_block() that compares the folio's count with one page's."""

    def isolate_movable(self, folio: Folio) -> bool:
        """Of anonymous memory, no reference beside the maps of the first page, and the swap cache."""
        if type(folio.mapping) is not AnonVma:
            return super().isolate_movable(folio)
        cached = len(folio.pages) if folio.swapcache else 0
        seen = 1 + cached
        return folio._refcount - seen <= self.page_mapcount(folio) and super().isolate_movable(folio)


@bug(
    "no-drain-before-isolation",
    "refusal",
    summary="what waits in an LRU batch is not on the LRU and is never migrated, however long one tries",
    reached="fault a base page in and migrate it",
    fix='98c6d259319e ("mm/gup: check ref_count instead of lru before migration", v6.17)',
)
class NoDrainBeforeIsolation(Kernel):
    """Migration that does not empty the batches first."""

    def migrate_prep(self) -> None:
        """Nothing."""


@bug(
    "migrate-one-of-n-entries",
    "use-after-free",
    summary="a large folio in the swap cache migrates, and one of its n entries there leads to the new one",
    reached="swap a large folio out and back in, and migrate it while it is in the swap cache",
    fix='fc346d0a70a1 ("mm: migrate high-order folios in swap cache correctly", v6.7)',
    since="5.7",
    because=_WHOLE,
)
class MigrateOneOfNEntries(Kernel):
    """folio_migrate_mapping() that stores one entry."""

    def move_mapping(self, folio: Folio, fresh: Folio) -> bool:
        """The other entries of anonymous memory still lead to the source."""
        moved = super().move_mapping(folio, fresh)
        if moved and fresh.swapcache and type(fresh.mapping) is AnonVma:
            for page in folio.pages[1:]:
                self.swap_cache[fresh.swap + page.number] = page
        return moved


@bug(
    "migrate-expects-one-of-n",
    "refusal",
    summary="migration expects one reference of a large folio's swap cache, not n, and is refused for ever",
    reached="swap a large folio out and back in, and migrate it while it is in the swap cache",
    since="5.7",
    because=_WHOLE,
)
class MigrateExpectsOneOfN(Kernel):
    """folio_expected_refs() of an order-0 page."""

    def migrate_expected_refs(self, folio: Folio) -> int:
        """The isolation's, and 1 for the swap cache whatever the folio's size."""
        return super().migrate_expected_refs(folio) - (len(folio.pages) - 1 if folio.swapcache else 0)


@bug(
    "reclaim-caches-pinned",
    "refusal",
    summary="reclaim puts a page into the swap cache although it is pinned",
    reached="pin a page and swap it out",
    fix='feb889fb40fa ("mm: don\'t put pinned pages into the swap cache", v5.11)',
    since="5.14",
    because="until v5.11 reclaim did so with every page",
)
class ReclaimCachesPinned(Kernel):
    """shrink_folio_list() without folio_maybe_dma_pinned()."""

    def reclaim_allows(self, folio: Folio) -> bool:
        """Always."""
        return True


@bug(
    "swapin-maps-unread",
    "contents",
    summary="a page whose read from swap has failed is mapped, with whatever the frame held before",
    reached="swap a page out until it has left memory, and touch it while the device fails",
    fix='9f186f9e5fa9 ("mm/swapfile: unuse_pte can map random data if swap read fails", v5.19)',
    kind="error",
)
class SwapinMapsUnread(Kernel):
    """A swap-in that does not ask whether the page is up to date."""

    def swapin_failed(self, folio: Folio) -> bool:
        """Never."""
        return False
