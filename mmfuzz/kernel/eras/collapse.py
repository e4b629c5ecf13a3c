"""Collapse in other eras: which sources khugepaged would take."""

from __future__ import annotations

from mmfuzz.kernel.eras.cow import ReuseSwapPage
from mmfuzz.kernel.file import File
from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.mm import Pte, SwapPte, Vma
from mmfuzz.kernel.page import Folio


class OnlyUnsharedBasePages(Kernel):
    """One map, and no reference but that and the swap cache's (until 9445689f3b61, 5503fbf2b0b8, v5.8)."""

    def collapse_refs_suitable(self, folio: Folio) -> bool:
        """`page_count(page) == 1 + PageSwapCache(page)`, and no compound page."""
        return not folio.order and folio._refcount == 1 + folio.swapcache and folio._mapcount == 0


class RefcountSuitable(Kernel):
    """is_refcount_suitable(): maps, and n of the swap cache (9445689f3b61, v5.8, until v6.11).

    The thread had 1 of the swap cache, whatever the folio: see the planted bug `collapse-swapcache-one`.
    """

    def collapse_refs_suitable(self, folio: Folio) -> bool:
        """`total_mapcount(page) + compound_nr(page) * PageSwapCache(page) == page_count(page)`."""
        return self.folio_mapcount(folio) + len(folio.pages) * folio.swapcache == folio._refcount

    def file_refs_suitable(self, folio: Folio) -> bool:
        """Of a file: the page cache's one, on base pages alone."""
        cached = 0 if folio.swapcache else 1 + folio.private
        return not folio.order and cached + self.folio_mapcount(folio) + folio.swapcache == folio._refcount


class FileTerms(Kernel):
    """is_refcount_suitable() with n of the page cache and 1 of private data (777b83001c91, v6.12, until v6.17)."""

    def collapse_refs_suitable(self, folio: Folio) -> bool:
        """Maps, and the terms one by one."""
        cached = len(folio.pages) if folio.swapcache or self.is_filed(folio) else 0
        return (
            self.folio_mapcount(folio) + cached + (self.is_filed(folio) and folio.private) == folio._refcount
        )

    def file_refs_suitable(self, folio: Folio) -> bool:
        """The same test."""
        return self.collapse_refs_suitable(folio)

    def is_filed(self, folio: Folio) -> bool:
        """In a page cache."""
        return type(folio.mapping) is File


class NotWhatIsCachedAndShared(ReuseSwapPage):
    """What is in the swap cache had to pass reuse_swap_page() (until c145e0b47c77, v5.18)."""

    def isolate_one(self, folio: Folio, isolated: dict[Folio, None]) -> bool:
        """Shared pages are welcome, but not those that are in the swap cache as well; they are locked to see that."""
        if not super().isolate_one(folio, isolated):
            return False
        if not folio.swapcache or max(map(self.users, folio.pages)) <= 1:
            return True
        del isolated[folio]
        self.folio_unlock(folio)
        self.folio_putback_lru(folio)
        return False


class Khugepaged(Kernel):
    """Only khugepaged collapses (until 7d8faaf15545, v6.1): of swapped and of shared pages it takes a part.

    The limits are those that a machine boots with; max_ptes_none is all but one page, and never in the way.
    """

    def max_ptes_swap(self) -> int:
        """An eighth of a huge page."""
        return self.nr_huge // 8

    def max_ptes_shared(self) -> int:
        """Half of a huge page (71a2c112a0f6, "khugepaged: introduce 'max_ptes_shared' tunable", v5.8)."""
        return self.nr_huge // 2

    def scan_pmd(self, vma: Vma) -> str:
        """The first look counts as well."""
        if sum(type(entry) is SwapPte for entry in vma.ptes) > self.max_ptes_swap():
            return "EINVAL"
        return self.count_shared(vma) or super().scan_pmd(vma)

    def isolate_sources(self, vma: Vma, isolated: dict[Folio, None]) -> str:
        """And so does the second, when what was swapped out is there again."""
        return self.count_shared(vma) or super().isolate_sources(vma, isolated)

    def count_shared(self, vma: Vma) -> str:
        """Pages that others map too."""
        shared = [e for e in vma.ptes if type(e) is Pte and self.page_mapcount(e.page) > 1]
        return "EINVAL" if len(shared) > self.max_ptes_shared() else ""


class NothingSwapped(Khugepaged):
    """What is swapped out is not read back (until 8a966ed746d6, v4.8)."""

    def max_ptes_swap(self) -> int:
        """None."""
        return 0
