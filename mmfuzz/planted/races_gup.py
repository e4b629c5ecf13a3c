"""Planted races of GUP-fast: each leaves out one of the things that it does because nobody keeps a page in place."""

from __future__ import annotations

from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.mm import Mm, PmdEntry, PteEntry, Vma
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.observation import KernelBug
from mmfuzz.planted.catalogue import RACE, bug

SPLIT, REUSE, FORK = "gup-fast-against-split", "gup-fast-against-reuse", "gup-fast-against-fork"
SWAP_OUT, ATOMICS = "gup-fast-against-swap-out", "pin-as-two-atomics"

_SINCE = "5.19"
_BECAUSE = "GUP-fast is simulated as it is since PG_anon_exclusive (6c287605fd56, v5.19)"


@bug(
    "gup-fast-head-unchecked",
    "identity",
    summary="the head of a page is not looked at again once its folio has been counted",
    reached="get a page without locks while its folio is split",
    fix='c24d37322548 ("mm/gup: fix try_grab_compound_head() race with split_huge_page()", v5.14)',
    since=_SINCE,
    because=_BECAUSE,
    kind=RACE,
    scenarios=(SPLIT,),
    memory="sc",
)
class HeadUnchecked(Kernel):
    """try_get_compound_head() until v5.13."""

    def is_still_in(self, page: Page, folio: Folio) -> bool:
        """Taken for granted."""
        return True


@bug(
    "gup-fast-pte-unchecked",
    "isolation",
    summary="the page-table entry is not looked at again once its page has been counted",
    reached="get a page without locks while it is freed and becomes somebody else's",
    since=_SINCE,
    because=_BECAUSE,
    kind=RACE,
    scenarios=(REUSE,),
    memory="sc",
)
class PteUnchecked(Kernel):
    """gup_fast_pte_range() that believes what it read first."""

    def pte_is_same(self, vma: Vma, page: int, entry: PteEntry) -> bool:
        """Taken for granted."""
        return True


@bug(
    "gup-fast-undo-recomputed",
    "maps-within-refs",
    summary="what was taken too much is given back to the folio that the page is in by then",
    reached="get a page without locks while its folio is split, so that the reference has to be given back",
    fix="none: asked for in review of c24d37322548",
    since=_SINCE,
    because=_BECAUSE,
    kind=RACE,
    scenarios=(SPLIT, REUSE),
    memory="sc",
)
class UndoRecomputed(Kernel):
    """put_compound_head(compound_head(page)) in place of the head that was counted."""

    def gup_put_folio(self, folio: Folio, page: Page, *, pin: bool) -> None:
        """Of wherever the page is now."""
        super().gup_put_folio(self.compound_head(page), page, pin=pin)


@bug(
    "compound-head-plain",
    "data-race",
    summary="compound_head() reads its word without READ_ONCE(), and the compiler does so twice",
    reached="get a page without locks while its folio is split",
    fix='1d798ca3f164 ("mm: make compound_head() robust", v4.4) has the READ_ONCE()',
    since=_SINCE,
    because=_BECAUSE,
    kind=RACE,
    scenarios=(SPLIT,),
    memory="sc",
)
class CompoundHeadPlain(Kernel):
    """Bit 0 is tested in one read, and what it is subtracted from comes from another."""

    def compound_head(self, page: Page) -> Folio:
        """A tail at first, and none any more when its head is asked for: 0 - 1 is no page."""
        is_tail = self.read_plain(page, "head") is not page
        head: Folio = self.read_plain(page, "head")
        if is_tail and head is page:
            raise KernelBug("BUG: unable to handle page fault for address: compound_head - 1 of 0", page.pfn)
        return head


@bug(
    "pte-set-without-release",
    "contents",
    summary="an entry is set without a barrier after its page was cleared and prepared",
    reached="get a page without locks on a machine with weak memory, as soon as it is mapped",
    since=_SINCE,
    because=_BECAUSE,
    kind=RACE,
    scenarios=("gup-fast-against-fault",),
    memory="weak",
)
class PteSetWithoutRelease(Kernel):
    """__folio_mark_uptodate() without smp_wmb()."""

    def folio_mark_uptodate(self, folio: Folio) -> None:
        """Nothing is ordered."""


@bug(
    "fork-without-sequence",
    "pin-coherence",
    summary="a pin without locks does not look whether fork has begun to share pages",
    reached="pin a page without locks between fork's look at its pins and the write protection",
    fix='57efa1fe5957 ("mm/gup: prevent gup_fast from racing with COW during fork", v5.11)',
    since=_SINCE,
    because=_BECAUSE,
    kind=RACE,
    scenarios=(FORK,),
    memory="sc",
)
class ForkWithoutSequence(Kernel):
    """internal_get_user_pages_fast() until v5.10."""

    def is_write_protecting(self, sequence: int) -> bool:
        """Nobody knows."""
        return False

    def was_write_protecting(self, mm: Mm, sequence: int) -> bool:
        """Nobody asks."""
        return False


@bug(
    "gup-fast-pin-barrier",
    "pin-coherence",
    summary="no barrier between a pin and the second look at the entry",
    reached="pin a page without locks while reclaim clears its entry and looks whether it may be pinned",
    fix='088b8aa537c2 ("mm: fix PageAnonExclusive clearing racing with concurrent RCU GUP-fast", v6.1)',
    since=_SINCE,
    because=_BECAUSE,
    kind=RACE,
    scenarios=(SWAP_OUT,),
    memory="weak",
)
class PinWithoutBarrier(Kernel):
    """atomic_add() alone, which orders nothing."""

    def pin_barrier(self) -> None:
        """Nothing."""


@bug(
    "share-anon-without-barrier",
    "pin-coherence",
    summary="no barrier between clearing an entry and the look whether its page may be pinned",
    reached="pin a page without locks while reclaim clears its entry and looks whether it may be pinned",
    fix='088b8aa537c2 ("mm: fix PageAnonExclusive clearing racing with concurrent RCU GUP-fast", v6.1)',
    since=_SINCE,
    because=_BECAUSE,
    kind=RACE,
    scenarios=(SWAP_OUT,),
    memory="weak",
)
class ShareAnonWithoutBarrier(Kernel):
    """page_try_share_anon_rmap() until v6.0: an atomic read of the count, which orders nothing."""

    def share_barrier(self) -> None:
        """Nothing."""


@bug(
    "pin-sampled-halfway",
    "pin-shown",
    summary="no bug of the kernel: a checker that looks between the two atomics of a pin, and sees a plain reference",
    reached="pin a base page without locks, and look at its count in the middle",
    fix="none: harmless, as the reference alone keeps the page; a checker has to know",
    since=_SINCE,
    because=_BECAUSE,
    kind=RACE,
    scenarios=(ATOMICS,),
    memory="sc",
)
class PinSampledHalfway(Kernel):
    """A machine on which each step of a pin is looked at."""

    pins_are_sampled = True


@bug(
    "pin-in-parts",
    "identity",
    summary="a pin that is given back drops the reference and keeps the rest of what it weighs",
    reached="pin a page without locks while its entry goes, so that the pin has to be given back",
    since=_SINCE,
    because=_BECAUSE,
    kind=RACE,
    scenarios=(SWAP_OUT,),
    memory="sc",
)
class PinGivenBackInPart(Kernel):
    """gup_put_folio() that forgets that it was a pin."""

    def gup_put_folio(self, folio: Folio, page: Page, *, pin: bool) -> None:
        """One reference."""
        if pin and folio.order < self.profile.pincount_order:
            self.folio_put(folio)
        else:
            super().gup_put_folio(folio, page, pin=pin)


@bug(
    "heads-cleared-late",
    "frames",
    summary="compound_head of the tails is cleared when the frames can be had by others already",
    reached="free a huge page while somebody allocates one",
    fix="none: what the review of c24d37322548 was afraid of",
    kind=RACE,
    scenarios=("free-against-reuse",),
    memory="sc",
)
class HeadsClearedLate(Kernel):
    """free_tail_page_prepare() after the block is on its free list."""

    def free_tails(self, folio: Folio, pages: list[Page]) -> None:
        """Not yet."""

    def free_block(self, folio: Folio, order: int) -> None:
        """First the frames, then their heads."""
        pages = folio.pages
        super().free_block(folio, order)
        super().free_tails(folio, pages)


@bug(
    "gup-fast-huge-unchecked",
    "isolation",
    summary="the PMD entry of a huge page is not looked at again once the page has been counted",
    reached="get a page of a huge page without locks while that is freed and becomes somebody else's",
    since=_SINCE,
    because=_BECAUSE,
    kind=RACE,
    scenarios=("gup-fast-huge-against-reuse",),
    memory="sc",
)
class HugeUnchecked(Kernel):
    """gup_fast_pmd_leaf() that believes what it read first."""

    def pmd_is_same(self, vma: Vma, pmd: PmdEntry) -> bool:
        """Taken for granted."""
        return True


@bug(
    "gup-fast-shared-unchecked",
    "pin-coherence",
    summary="a pin without locks takes a page for reading that others share, and does not unshare it first",
    reached="pin a page for reading without locks after fork",
    fix='a7f226604170 ("mm/gup: trigger FAULT_FLAG_UNSHARE when R/O-pinning a possibly shared anonymous page", v5.19)',
    since=_SINCE,
    because=_BECAUSE,
    kind=RACE,
    scenarios=("gup-fast-against-cow",),
    memory="sc",
)
class SharedUnchecked(Kernel):
    """gup_fast_pte_range() without gup_must_unshare()."""

    def must_unshare_fast(self, page: Page) -> bool:
        """Never."""
        return False
