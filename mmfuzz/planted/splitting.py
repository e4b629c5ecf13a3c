"""Planted bugs in splitting and collapsing: who may refer to a folio, and what its pieces begin with."""

from __future__ import annotations

from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.planted.catalogue import bug


@bug(
    "split-ignores-pins",
    "refusal",
    summary="a folio is split although a pin or get refers to it, and the reference is lost with the count",
    reached="pin a page of a large folio and split that",
    since="4.5",
    because="until v4.4 references on tails were noted there, so that no pin had to refuse a split",
)
class SplitIgnoresPins(Kernel):
    """split_huge_page() whose look and whose freeze both accept any refcount."""

    def can_split_folio(self, folio: Folio) -> bool:
        """Always."""
        return True

    def split_frozen_refs(self, folio: Folio) -> int:
        """What the folio has."""
        return folio._refcount


@bug(
    "split-swapcache-one-ref",
    "identity",
    summary="the pieces of a split folio that is in the swap cache begin without the cache's reference",
    reached="swap a large folio out, swap a page of it in, and split it",
    since="4.13",
    because="until 38d8b4e6bdc8 (v4.13) huge pages were split before they entered the swap cache",
)
class SplitSwapcacheOneRef(Kernel):
    """__split_folio_to_order() that unfreezes each piece at 1."""

    def piece_refs(self, page: Page) -> int:
        """The caller's reference only."""
        return 1 if page.swapcache else super().piece_refs(page)


@bug(
    "collapse-ignores-pins",
    "refusal",
    summary="collapse copies a page away although a pin or get refers to it",
    reached="pin a page and collapse its area",
)
class CollapseIgnoresPins(Kernel):
    """is_refcount_suitable() that is satisfied with anything, in the scan and in the isolation."""

    def collapse_refs_suitable(self, folio: Folio) -> bool:
        """Always."""
        return True


@bug(
    "collapse-swapcache-one",
    "refusal",
    summary="collapse expects one reference of a large folio's swap cache, not n, and is refused for ever",
    reached="swap a large folio out and collapse its area, while the swap cache still holds it",
    fix="none: the first proposal of 9445689f3b61 "
    '("khugepaged: allow to collapse a page shared across fork", v5.8) had it, the merged one did not',
    since="5.18",
    because="until c145e0b47c77 (v5.18) what is in the swap cache and shared had to be refused by reuse_swap_page()",
)
class CollapseSwapcacheOne(Kernel):
    """is_refcount_suitable() with total_mapcount() + PageSwapCache()."""

    def collapse_refs_suitable(self, folio: Folio) -> bool:
        """Mappings, and 1 for the swap cache whatever the folio's size."""
        return self.folio_mapcount(folio) + folio.swapcache == folio._refcount
