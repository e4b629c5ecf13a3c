"""Planted bugs in references: what fork, unmapping, splitting a mapping and LRU batches add and drop."""

from __future__ import annotations

from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.page import Folio
from mmfuzz.planted.catalogue import bug


@bug(
    "fork-no-ref",
    "identity",
    summary="fork maps a page in the child without taking a reference for it",
    reached="fork a process that has a page mapped",
)
class ForkNoRef(Kernel):
    """copy_present_ptes() and copy_huge_pmd() without folio_ref_add()."""

    def fork_get(self, folio: Folio, refs: int) -> None:
        """Nothing, where the child's references should be taken."""


@bug(
    "zap-no-put",
    "leak",
    summary="unmapping drops the mapcount and forgets the reference",
    reached="unmap a page, be it by munmap, by a copy on write or by exit",
)
class ZapNoPut(Kernel):
    """free_folio_and_swap_cache() that only frees the swap cache."""

    def zap_put(self, folio: Folio, refs: int) -> None:
        """Free the swap cache, and keep the references."""
        self.free_swap_cache(folio)


@bug(
    "zap-double-put",
    "assertion",
    summary="unmapping drops one reference more than it removed mappings",
    reached="unmap any page: what else refers to it, such as an LRU batch, then refers to a free one",
)
class ZapDoublePut(Kernel):
    """free_folio_and_swap_cache() that drops one reference too many."""

    def zap_put(self, folio: Folio, refs: int) -> None:
        """Drop the mappings' references and one that is not theirs."""
        super().zap_put(folio, refs + 1)


@bug(
    "pmd-split-n-refs",
    "identity",
    summary="splitting a PMD mapping adds n references where one of the n PTEs inherits the PMD's",
    reached="split the PMD mapping of a huge page",
    since="4.5",
    because="until eef1b3ba053a (v4.5) splitting a PMD mapping split the huge page",
)
class PmdSplitNRefs(Kernel):
    """__split_huge_pmd_locked() with folio_ref_add(folio, HPAGE_PMD_NR)."""

    def pmd_split_refs(self, folio: Folio) -> None:
        """A reference for each PTE, the PMD's forgotten."""
        self.folio_get(folio, len(folio.pages))


@bug(
    "batch-ref-leak",
    "identity",
    summary="draining an LRU batch keeps the reference that the batch held",
    reached="fault a base page in and collapse its area, which drains the batches before it counts",
)
class BatchRefLeak(Kernel):
    """folio_batch_move_lru() without folios_put()."""

    def put_batched(self, folio: Folio) -> None:
        """Nothing, where the batch's reference should go."""


@bug(
    "free-wrong-order",
    "frames",
    summary="a large folio is freed as one page: its other frames never return to the buddy allocator",
    reached="drop the last reference of a large folio",
)
class FreeWrongOrder(Kernel):
    """__folio_put() that frees order 0, whatever the folio is."""

    def free_block(self, folio: Folio, order: int) -> None:
        """Free the head frame alone."""
        super().free_block(folio, 0)
