"""Planted bugs in ranges of pages: how many references a range takes, and what is given back of a part of one."""

from __future__ import annotations

from itertools import pairwise

from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.mm import AnonVma, Mm, Vma
from mmfuzz.kernel.page import Page
from mmfuzz.planted.catalogue import bug

_TRACKED = "before v5.7 a pin is a reference like any other"


@bug(
    "range-from-the-middle-short",
    "identity",
    summary="a range that begins in the middle of a huge page takes one reference less than it has pages",
    reached="get two pages of a huge page, not from its first one on",
    fix='d08af0a59684 ("mm/hugetlb: fix refs calculation from unaligned @vaddr", v5.14)',
    since="4.5",
    because="before v4.5 a page of a huge page was referenced by itself",
)
class RangeFromTheMiddleShort(Kernel):
    """record_subpages_vmas() that rounds the start of the range up, not down."""

    def gup(self, mm: Mm, vma: Vma, span: range, *, write: bool, pin: bool) -> tuple[str, list[Page | None]]:
        """What was taken, with the reference of one page already back."""
        error, taken = super().gup(mm, vma, span, write=write, pin=pin)
        first, last = taken[:1], taken[-1:]
        if len(taken) > 1 and first[0] is not None and first[0].number and first[0].head.order:
            self.release_range(last, pin=pin)
        return error, taken


@bug(
    "range-of-a-folio-one-ref",
    "identity",
    summary="a range within one large folio takes one reference, and gives one back for each page",
    reached="get two pages of a large folio",
    fix='770c8d55c428 ("lib/iov_iter: fix to increase non slab folio refcount", v6.15; CVE-2025-37779)',
    since="4.5",
    because="before v4.5 a page of a huge page was referenced by itself",
)
class RangeOfAFolioOneRef(Kernel):
    """Page extraction that takes the folio, whatever it hands out of it."""

    def gup(self, mm: Mm, vma: Vma, span: range, *, write: bool, pin: bool) -> tuple[str, list[Page | None]]:
        """Each page of the folio that the page before was in is without a reference."""
        error, taken = super().gup(mm, vma, span, write=write, pin=pin)
        if not pin:
            for before, page in pairwise(taken):
                if before is not None and page is not None and page.head is before.head:
                    self.release_range([page], pin=False)
        return error, taken


@bug(
    "unpin-counts-from-the-head",
    "identity",
    summary="unpinning pages in the middle of a large folio counts from its head, and leaves the last one pinned",
    reached="pin a page of a large folio that is not its first one, and unpin it",
    fix='5afb4bf9fc62 ("io_uring/rsrc: fix folio unpinning", v6.16)',
    since="5.7",
    because=_TRACKED,
)
class UnpinCountsFromTheHead(Kernel):
    """A driver that kept one entry for pages of one folio, and unpins by the wrong one."""

    def release_range(self, pages: list[Page | None], *, pin: bool) -> None:
        """One page too few where the range begins behind the head."""
        first = pages[0] if pages else None
        behind = pin and first is not None and first.number > 0
        super().release_range(pages[:-1] if behind else pages, pin=pin)


@bug(
    "unpin-large-as-base",
    "assertion",
    summary="unpinning a large folio drops 1024 references, as if pins were counted there",
    reached="pin a page of a large folio, and unpin it",
    since="5.7",
    because=_TRACKED,
)
class UnpinLargeAsBase(Kernel):
    """gup_put_folio() that does not look at the order."""

    def drop_pin(self, page: Page) -> None:
        """The bias, whatever the folio."""
        self.folio_put(page.head, 1024)


@bug(
    "partial-pin-unwound-short",
    "identity",
    summary="a range pin that got only some of its pages gives back one less than it got",
    reached="pin a range of which only the first pages are to be had",
    fix='2e6cfd496f5b ("vfio iommu type1: Fix memory leak in vfio_iommu_type1_pin_pages", v5.10)',
    kind="error",
)
class PartialPinUnwoundShort(Kernel):
    """An unwinding loop that stops before the first page."""

    def gup_unwind(self, taken: list[Page | None], *, pin: bool) -> None:
        """All but the first."""
        super().gup_unwind(taken[1:] if pin else taken, pin=pin)


@bug(
    "partial-range-kept",
    "identity",
    summary="a range of which only some pages were to be had fails, and what was had is kept",
    reached="get or pin a range of which only the first pages are to be had",
    fix="CVE-2026-43045",
    kind="error",
)
class PartialRangeKept(Kernel):
    """A caller that takes fewer pages than it asked for as none."""

    def gup_unwind(self, taken: list[Page | None], *, pin: bool) -> None:
        """Nothing, where references should go."""


@bug(
    "references-wrap",
    "use-after-free",
    summary="references that get_user_pages() takes wrap around at the width of the counter, four bits here",
    reached="get all of a huge page, twice",
    fix='8fde12ca79af ("mm: prevent get_user_pages() from overflowing page refcount", v5.1; CVE-2019-11487)',
    since="4.5",
    until="4.13",
    because="from v5.1 on a count that would overflow is refused; before v4.5 gets of a page have their own counter",
)
class ReferencesWrap(Kernel):
    """get_page() of get_user_pages(), on a counter so narrow that a short program can fill it."""

    def gup(self, mm: Mm, vma: Vma, span: range, *, write: bool, pin: bool) -> tuple[str, list[Page | None]]:
        """What was taken, in a count that has begun at zero again."""
        error, taken = super().gup(mm, vma, span, write=write, pin=pin)
        for folio in {page.head: None for page in taken if page is not None}:
            if type(folio.mapping) is AnonVma:
                folio._refcount %= WIDTH
        return error, taken


WIDTH = 16
"""The counts that four bits can tell apart."""
