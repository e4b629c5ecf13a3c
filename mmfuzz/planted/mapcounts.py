"""Planted bugs in mapcounts: of the mappings, their total, and the processes that have them."""

from __future__ import annotations

from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.mm import Mm
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.planted.catalogue import bug


@bug(
    "fork-no-map",
    "mapcount",
    summary="fork maps pages by PTEs in the child and does not count the mappings",
    reached="fork a process that has a page mapped by a PTE",
)
class ForkNoMap(Kernel):
    """copy_present_ptes() without folio_try_dup_anon_rmap_ptes()'s counting."""

    def fork_dup(self, folio: Folio, pages: list[Page], parent: Mm, child: Mm) -> bool:
        """Share the pages, and leave every mapcount as it is."""
        if self.needs_cow_for_dma(parent, folio):
            return super().fork_dup(folio, pages, parent, child)
        for page in pages:
            page.anon_exclusive = False
        return True


@bug(
    "large-mapcount-drift",
    "assertion",
    summary="the large mapcount is not lowered when a process unmaps that neither mm slot tracks",
    reached="share a large folio with three processes and unmap it in all of them",
    since="6.15",
    because="the mms of a large folio are tracked since 6af8cb80d3a9 (v6.15)",
)
class LargeMapcountDrift(Kernel):
    """folio_sub_large_mapcount() that updates the total only beside a slot."""

    def sub_large_mapcount(self, folio: Folio, maps: int, mm: Mm) -> None:
        """Lower the total for the two tracked processes only."""
        tracked = mm.mm_id in (folio.mm_id0, folio.mm_id1)
        super().sub_large_mapcount(folio, maps, mm)
        if not tracked:
            folio._large_mapcount += maps


@bug(
    "shared-bit-stale",
    "mapcount",
    summary="the shared bit of a large folio stays set when one process is left that maps it",
    reached="share a large folio with a child and let one of the two go",
    since="6.15",
    because="the bit came with 6af8cb80d3a9 (v6.15)",
)
class SharedBitStale(Kernel):
    """folio_sub_large_mapcount() that never looks at the bit."""

    def clear_shared(self, folio: Folio) -> None:
        """Nothing, where the bit should go."""
