"""Planted bugs of collapse: the formulas that were proposed, and what is left when a look is left out.

From "[PATCHv2 5/8] khugepaged: Allow to callapse a page shared across fork" (April 2020). The thread's own formula
is `collapse-swapcache-one`, and a collapse that looks at no reference `collapse-ignores-pins`.
"""

from __future__ import annotations

from mmfuzz.kernel.eras.collapse import Khugepaged
from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.mm import Vma
from mmfuzz.kernel.page import Folio
from mmfuzz.planted.catalogue import bug


@bug(
    "collapse-expects-one-map",
    "refusal",
    summary="collapse expects one reference and the swap cache's, so what fork shares is refused for ever",
    reached="fork and collapse an area of the child",
    fix='9445689f3b61 ("khugepaged: allow to collapse a page shared across fork", v5.8)',
    since="5.8",
    because="until v5.8 that was the rule",
)
class CollapseExpectsOneMap(Kernel):
    """The test of v5.7: `page_count(page) == 1 + PageSwapCache(page)`."""

    def collapse_refs_suitable(self, folio: Folio) -> bool:
        """Whatever the mapcount."""
        return folio._refcount == 1 + folio.swapcache


@bug(
    "collapse-looks-once",
    "refusal",
    summary="references are compared while scanning and not again, so what is swapped in meanwhile may be held",
    reached="get a page, swap it out and collapse its area: the scan sees a swap entry",
    fix='9445689f3b61 ("khugepaged: allow to collapse a page shared across fork", v5.8) has both looks',
    since="4.8",
    because="collapse reads back what is swapped out since 8a966ed746d6 (v4.8)",
)
class CollapseLooksOnce(Kernel):
    """__collapse_huge_page_isolate() that takes whatever it finds."""

    def isolate_one(self, folio: Folio, isolated: dict[Folio, None]) -> bool:
        """Whoever refers to it."""
        if not self.folio_trylock(folio):
            return False
        if not self.folio_isolate_lru(folio):
            self.folio_unlock(folio)
            return False
        isolated[folio] = None
        return True


@bug(
    "collapse-beyond-shared-limit",
    "refusal",
    summary="khugepaged collapses what is mostly shared with other processes, and so copies memory that fork saved",
    reached="fault an area in, fork, and collapse it",
    fix="71a2c112a0f6 (\"khugepaged: introduce 'max_ptes_shared' tunable\", v5.8)",
    since="5.8",
    until="5.19",
    because="shared pages are collapsed since 9445689f3b61 (v5.8), and MADV_COLLAPSE (v6.1) knows no such limit",
)
class CollapseBeyondSharedLimit(Khugepaged):
    """hpage_collapse_scan_pmd() that does not count them."""

    def count_shared(self, vma: Vma) -> str:
        """As many as there are."""
        return ""
