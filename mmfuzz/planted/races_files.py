"""Planted races of files: what a split shows of its pieces, what a look-up believes, and who owns a page table."""

from __future__ import annotations

from mmfuzz.kernel.context import FaultContext
from mmfuzz.kernel.eras.files import AllocSetPte
from mmfuzz.kernel.file import File
from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.mm import Pte
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.planted.catalogue import RACE, bug

LOOKUP, HUGE, FAULTS = "lookup-against-split", "around-against-huge", "fault-against-fault"

_HUGE_FILES = "huge pages of files came with v4.8"
_ONE_ROUTINE = "alloc_set_pte() came with 7267ec008b5c (v4.8) and went with f9ce0be71d1f (v5.12)"
_RESERVED = "page tables are allocated as late as the entry is set since 7267ec008b5c (v4.8)"
_REVIEW = 'none: asked in review of "mm: postpone page table allocation until do_set_pte()" (February 2016)'


@bug(
    "split-unfreezes-early",
    "assertion",
    summary="a split lets references be taken on a piece before it has its place in the file",
    reached="look a page of a huge page up in the page cache while the huge page is split",
    fix='173d9d9fd3dd ("mm/huge_memory: splitting set mapping+index before unfreeze", v4.20)',
    since="4.8",
    because=_HUGE_FILES,
    kind=RACE,
    scenarios=(LOOKUP,),
    memory="sc",
)
class SplitUnfreezesEarly(Kernel):
    """__split_huge_page_tail() until v4.19."""

    def split_tail(self, folio: Folio, page: Page) -> None:
        """The count first, then what the piece is."""
        number = page.number
        self.smp_wmb()
        self.clear_compound_head(page)
        self.folio_lock(page)
        self.lruvec_add_folio(page)
        self.ref_unfreeze(page, 1 + bool(self.cache_refs(folio)))
        page.number = number
        self.fill_tail(folio, page)
        page.number = 0


@bug(
    "split-unfreezes-unordered",
    "assertion",
    summary="a split lets references on a piece be seen before its place in the file is",
    reached="look a page of a huge page up in the page cache while the huge page is split",
    fix='03f5d58fa4ef ("mm/page_ref: Ensure page_ref_unfreeze is ordered against prior accesses", v4.14), in part',
    since="4.8",
    because=_HUGE_FILES,
    kind=RACE,
    scenarios=(LOOKUP,),
    memory="weak",
)
class SplitUnfreezesUnordered(Kernel):
    """page_ref_unfreeze() without release order, after a __split_huge_page_tail() without smp_wmb()."""

    def split_tail(self, folio: Folio, page: Page) -> None:
        """In the right order, for who sees it so."""
        self.fill_tail(folio, page)
        self.clear_compound_head(page)
        self.folio_lock(page)
        self.lruvec_add_folio(page)
        page._refcount = self.piece_refs(page)


@bug(
    "lookup-without-recheck",
    "identity",
    summary="a look-up believes that the folio which it has a reference on is the one that the page is in",
    reached="look a page of a huge page up in the page cache while the huge page is split",
    since="4.8",
    because=_HUGE_FILES,
    kind=RACE,
    scenarios=(LOOKUP,),
    memory="sc",
)
class LookupWithoutRecheck(Kernel):
    """find_get_entry() that does not look at the entry again."""

    def entry_is_same(self, file: File, index: int, page: Page, folio: Folio) -> bool:
        """Taken for granted."""
        return True


@bug(
    "around-past-huge-under-us",
    "fault-context",
    summary="the walk over the pages around ends at a huge page that it has mapped itself, and at no other",
    reached="have two threads read a file through one mapping, with a huge page of it in the page cache",
    fix=_REVIEW,
    since="4.8",
    until="5.10",
    because=_ONE_ROUTINE,
    kind=RACE,
    scenarios=(HUGE,),
    memory="sc",
)
class AroundPastHugeUnderUs(AllocSetPte):
    """filemap_map_pages() whose loop looks at what alloc_set_pte() has done, not at the PMD."""

    def map_one_around(self, vmf: FaultContext, page: Page) -> bool:
        """Nothing was mapped: go on."""
        self.move_to(vmf, page.head.index + page.number)
        self.get_page(page)
        if self.alloc_set_pte(vmf, page, prefault=True):
            return type(vmf.vma.pmd) is Pte
        self.put_page(page)
        if vmf.pte is None:
            raise vmf.broken("VM_BUG_ON(!fe->pte)", "filemap_map_pages")
        return False


@bug(
    "huge-taken-for-table",
    "fault-context",
    summary="what another thread has put under the PMD meanwhile is taken for a page table, be it a huge page",
    reached="have two threads read a file through one mapping, with a huge page of it in the page cache",
    fix=_REVIEW,
    since="4.8",
    until="5.10",
    because=_ONE_ROUTINE,
    kind=RACE,
    scenarios=(HUGE,),
    memory="sc",
)
class HugeTakenForTable(AllocSetPte):
    """pte_alloc_one_map() without pmd_trans_unstable()."""

    def pte_map_lock(self, vmf: FaultContext) -> bool:
        """There is a table."""
        self.spin_lock(vmf.vma)
        vmf.pte, vmf.ptl = vmf.address, "pte"
        return True


@bug(
    "surplus-table-freed-twice",
    "assertion",
    summary="a page table that is surplus is freed where that is found, and at the end of the fault once more",
    reached="have two threads fault in one mapping of a file where no page table is",
    fix=_REVIEW,
    since="4.8",
    because=_RESERVED,
    kind=RACE,
    scenarios=(FAULTS,),
    memory="sc",
)
class SurplusTableFreedTwice(Kernel):
    """pmd_install() that frees what it could not use, in vain as do_fault() does."""

    def install_prealloc(self, vmf: FaultContext) -> None:
        """The loser's table goes, and its pointer stays."""
        super().install_prealloc(vmf)
        if vmf.prealloc_pte is not None:
            self.pte_free(vmf.prealloc_pte)


@bug(
    "surplus-table-leaked",
    "page-table",
    summary="a page table that was preallocated, and is surplus as another thread was faster, is never freed",
    reached="have two threads fault in one mapping of a file where no page table is",
    fix='b0b9b3df27d1 ("mm: stop leaking PageTables", v4.10), the half that takes two',
    since="4.8",
    because=_RESERVED,
    kind=RACE,
    scenarios=(FAULTS,),
    memory="sc",
)
class SurplusTableLeaked(Kernel):
    """pmd_install() that takes the table over in any case."""

    def install_prealloc(self, vmf: FaultContext) -> None:
        """Used or not, the fault has none any more."""
        super().install_prealloc(vmf)
        vmf.prealloc_pte = None


@bug(
    "table-installed-unchecked",
    "fault-context",
    summary="a page table is installed where the PMD was empty a moment ago, without a look under the lock",
    reached="have two threads fault in one mapping of a file where no page table is",
    since="4.8",
    because=_RESERVED,
    kind=RACE,
    scenarios=(FAULTS,),
    memory="sc",
)
class TableInstalledUnchecked(Kernel):
    """pmd_install() without pmd_none()."""

    def pmd_is_none(self, vmf: FaultContext) -> bool:
        """It was."""
        return True


@bug(
    "entry-not-compared",
    "fault-context",
    summary="a fault writes its entry without a look at what is there by then",
    reached="have two threads fault one page of a file in through one mapping",
    since="4.8",
    because=_RESERVED,
    kind=RACE,
    scenarios=(FAULTS,),
    memory="sc",
)
class EntryNotCompared(Kernel):
    """finish_fault() without vmf_pte_changed()."""

    def ptes_are_none(self, vmf: FaultContext, span: range) -> bool:
        """They were."""
        return True
