"""Planted races of collapse, and of swap-in: a look that is not taken again, and others who are not waited for."""

from __future__ import annotations

from mmfuzz.kernel.eras.zram import SwapinBypass
from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.mm import PageTable, PmdEntry, Vma
from mmfuzz.kernel.page import Folio
from mmfuzz.planted.catalogue import RACE, bug

GUP_FAST = "collapse-against-gup-fast"

_BECAUSE = "GUP-fast is simulated as it is since PG_anon_exclusive (6c287605fd56, v5.19)"


@bug(
    "collapse-checks-once",
    "pin-coherence",
    summary="references are compared while scanning, and not again once the page table is out of reach",
    reached="take a reference on a page between the first look of a collapse and the copy",
    kind=RACE,
    scenarios=(GUP_FAST,),
    memory="sc",
)
class CollapseChecksOnce(Kernel):
    """__collapse_huge_page_isolate() without is_refcount_suitable()."""

    def isolate_one(self, folio: Folio, isolated: dict[Folio, None]) -> bool:
        """The lock and the LRU, and no look at who else is there."""
        if not self.folio_trylock(folio):
            return False
        if not self.folio_isolate_lru(folio):
            self.folio_unlock(folio)
            return False
        isolated[folio] = None
        return True


@bug(
    "gup-fast-pmd-unchecked",
    "pin-coherence",
    summary="GUP-fast looks at the entry once more, and not at the PMD entry above it",
    reached="pin a page without locks while its page table is collapsed, where a TLB flush sends no interrupt",
    fix='70cbc3cc78a9 ("mm: gup: fix the fast GUP race against THP collapse", v6.1)',
    since="5.19",
    because=_BECAUSE,
    kind=RACE,
    scenarios=(GUP_FAST,),
    memory="sc",
)
class PmdUnchecked(Kernel):
    """v6.0 on a machine whose TLB flush is a broadcast of the hardware."""

    def pmd_is_same(self, vma: Vma, pmd: PmdEntry) -> bool:
        """Taken for granted."""
        return True

    def tlb_remove_table_sync_one(self) -> None:
        """Nobody is waited for: 2ba99c5e0881 came with the same release."""

    def check_table(self, vma: Vma, table: PageTable | None) -> None:
        """The same kernel has that bug as well, `collapse-without-ipi`: here it is not looked for."""


@bug(
    "collapse-without-ipi",
    "use-after-free",
    summary="a collapse uses the page table for something else while others may be walking it",
    reached="pin a page without locks while its page table is collapsed",
    fix='2ba99c5e0881 ("mm/khugepaged: fix GUP-fast interaction by sending IPI", v6.1)',
    since="5.19",
    because=_BECAUSE,
    kind=RACE,
    scenarios=(GUP_FAST,),
    memory="sc",
)
class CollapseWithoutIpi(Kernel):
    """retract_page_tables() and collapse_huge_page() until v6.0."""

    def tlb_remove_table_sync_one(self) -> None:
        """Nobody is waited for."""


@bug(
    "swap-in-unclaimed",
    "contents",
    summary="who reads a swap slot past the swap cache does not keep others from doing the same",
    reached="swap in one entry twice, with a write and a swap-out to the same slot in between",
    fix='13ddaf26be32 ("mm/swap: fix race when skipping swapcache", v6.8)',
    since="5.7",
    until="6.18",
    because="reading past the swap cache is simulated from 5.7 on, and went with v7.2",
    kind=RACE,
    scenarios=("swap-in-against-swap-in",),
    memory="sc",
)
class SwapInUnclaimed(SwapinBypass):
    """do_swap_page() without swapcache_prepare()."""

    def claim_bypass(self, slot: int) -> bool:
        """Whoever comes may."""
        return True

    def release_bypass(self, slot: int) -> None:
        """There is nothing to give back."""
