"""Mapcounts before there was a count of all maps: totals are sums, and PG_double_map is an offset in them."""

from __future__ import annotations

from collections.abc import Sequence

from mmfuzz.kernel.file import File
from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.mm import Mm
from mmfuzz.kernel.page import Folio, Page


class NoMmIds(Kernel):
    """`_large_mapcount` alone: nobody remembers whose maps they are (until 6af8cb80d3a9, v6.15)."""

    def add_large_mapcount(self, folio: Folio, maps: int, mm: Mm) -> None:
        """folio_add_large_mapcount() of v6.10."""
        folio._large_mapcount += maps

    def sub_large_mapcount(self, folio: Folio, maps: int, mm: Mm) -> None:
        """folio_sub_large_mapcount() of v6.10."""
        folio._large_mapcount -= maps


class NoLargeMapcount(Kernel):
    """All maps of a large folio are added up each time (until 05c5323b2a34, v6.10)."""

    def add_large_mapcount(self, folio: Folio, maps: int, mm: Mm) -> None:
        """There is no such field."""

    def sub_large_mapcount(self, folio: Folio, maps: int, mm: Mm) -> None:
        """There is no such field."""

    def folio_mapcount(self, folio: Folio) -> int:
        """total_mapcount()."""
        if not folio.order:
            return folio._mapcount + 1
        return folio._entire_mapcount + 1 + sum(page._mapcount + 1 for page in folio.pages)

    def folio_mapped(self, folio: Folio) -> bool:
        """page_mapped()."""
        return self.folio_mapcount(folio) > 0


class DoubleMap(NoLargeMapcount):
    """Anonymous huge pages from v4.5 (53f9263baba6) to v6.1.

    While PG_double_map is set each page's `_mapcount` is one higher than its PTE maps, so that it cannot fall to
    "unmapped" while a PMD still maps the folio. There is no `_nr_pages_mapped`.
    """

    def folio_add_anon_rmap_ptes(self, folio: Folio, pages: Sequence[Page], mm: Mm) -> None:
        """page_add_anon_rmap() of each."""
        self.touched[folio] = None
        for page in pages:
            page.mapcount_add_return(1)

    def folio_add_anon_rmap_pmd(self, folio: Folio, mm: Mm) -> None:
        """page_add_anon_rmap(compound)."""
        self.touched[folio] = None
        folio.add("_entire_mapcount", 1)

    def folio_add_file_rmap_pmd(self, folio: Folio, mm: Mm) -> None:
        """page_add_file_rmap(compound): a PMD map of a file's page is in the mapcount of each page as well."""
        self.touched[folio] = None
        folio.add("_entire_mapcount", 1)
        for page in folio.pages:
            page.mapcount_add_return(1)

    def split_pmd_maps(self, folio: Folio, mm: Mm) -> None:
        """PG_double_map is set when the first of several PMD maps goes."""
        self.folio_add_anon_rmap_ptes(folio, folio.pages, mm)
        if folio._entire_mapcount > 0 and not folio.double_map:
            folio.double_map = True
            for page in folio.pages:
                page.mapcount_add_return(1)
        self.folio_remove_rmap_pmd(folio, mm)

    def folio_remove_rmap_ptes(self, folio: Folio, pages: Sequence[Page], mm: Mm) -> None:
        """page_remove_rmap() of each."""
        self.touched[folio] = None
        for page in pages:
            if page.mapcount_add_return(-1) < -1:
                raise self.vm_bug_on("VM_BUG_ON_PAGE(atomic_read(&page->_mapcount) < -1)", folio)
        if folio.order:
            self.queue_if_unmapped_in_part(folio)

    def folio_remove_rmap_pmd(self, folio: Folio, mm: Mm) -> None:
        """page_remove_anon_compound_rmap(): the last one takes PG_double_map and its offset along."""
        self.touched[folio] = None
        if type(folio.mapping) is File:
            for page in folio.pages:
                page.mapcount_add_return(-1)
        maps = folio.add_return("_entire_mapcount", -1)
        if maps < -1:
            raise self.vm_bug_on("VM_BUG_ON_PAGE(compound_mapcount < -1)", folio)
        if maps == -1:
            if folio.double_map:
                folio.double_map = False
                for page in folio.pages:
                    page.mapcount_add_return(-1)
            self.queue_if_unmapped_in_part(folio)

    def queue_if_unmapped_in_part(self, folio: Folio) -> None:
        """deferred_split_huge_page() for what is mapped, but not everywhere."""
        mapped = [page._mapcount >= 0 for page in folio.pages]
        if folio._entire_mapcount < 0 and any(mapped) and not all(mapped):
            self.deferred_split_folio(folio)

    def folio_mapcount(self, folio: Folio) -> int:
        """total_mapcount(), without the offset, and with each PMD map of a file's page once."""
        maps = super().folio_mapcount(folio)
        if type(folio.mapping) is File:
            return maps - (folio._entire_mapcount + 1) * len(folio.pages)
        return maps - (len(folio.pages) if folio.double_map else 0)

    def page_mapcount(self, page: Page) -> int:
        """page_mapcount(), without the offset."""
        return super().page_mapcount(page) - page.head.double_map
