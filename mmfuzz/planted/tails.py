"""Planted bugs in references on tails: taken or dropped in one place of two, and not moved by a split."""

from __future__ import annotations

from mmfuzz.kernel.eras.compound import CompoundPages, TailMapcounts
from mmfuzz.kernel.eras.whole import SplitsWhole
from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.planted.catalogue import bug

_NOTED = (
    "tails have references of their own from 918070634448 (v2.6.38) on, until ddc58f27f9ee (v4.5) drops them: "
    "after that there is one count, the head's"
)


@bug(
    "tail-count-not-zero",
    "identity",
    summary="the tails of a fresh compound page begin with a count that is not zero",
    reached="fault a huge page in",
    fix='58a84aa92723 ("thp: set compound tail page _count to zero", v3.2)',
    since="3.2",
    until="3.2",
    because="the count of a tail has to be zero since 70b50f94f164 (v3.2), and nothing looks at it any more "
    "since ddc58f27f9ee (v4.5)",
)
class TailCountNotZero(TailMapcounts):
    """prep_compound_gigantic_page() that leaves tails with the count that a page is born with."""

    def prep_tail(self, tail: Page, head: Folio) -> None:
        """A count as of a page of its own."""
        tail._refcount = 0
        super().prep_tail(tail, head)
        tail._refcount = 1


@bug(
    "split-for-tail-holds-head",
    "assertion",
    summary="who wants a tail takes a reference on the head alone; after the split it is the tail's that is dropped",
    reached="split a huge page for another page than its first",
    fix='a3e0f9e47d5e ("mm/memory-failure.c: transfer page count from head page to tail page after split thp", '
    "v3.13)",
    until="3.2",
    because=_NOTED,
)
class SplitForTailHoldsHead(SplitsWhole):
    """memory_failure() of a tail: its reference stays with the head when the tail becomes a page."""

    def split_get(self, page: Page) -> None:
        """The head's reference, where the page's own is what will be dropped."""
        self.folio_get(page.head)


@bug(
    "gup-without-tail-ref",
    "identity",
    summary="get_user_pages() of a huge page takes the head's reference and forgets the tail's",
    reached="get a page of a huge page that is not its first",
    fix='none: get_huge_page_tail() was in 918070634448 ("thp: alter compound get/put_page", v2.6.38) from the start',
    until="3.2",
    because=_NOTED,
)
class GupWithoutTailRef(CompoundPages):
    """gup_huge_pmd() as it was for hugetlbfs."""

    def get_huge_page_tail(self, page: Page) -> None:
        """Nothing."""


@bug(
    "put-of-tail-drops-head",
    "identity",
    summary="put_page() of a tail drops the head's reference and keeps the tail's",
    reached="get a page of a huge page that is not its first, and put it",
    until="3.2",
    because=_NOTED,
)
class PutOfTailDropsHead(CompoundPages):
    """put_compound_page() as of v2.6.37: all that counts is the head."""

    def put_tail(self, page: Page) -> None:
        """The head alone."""
        self.folio_put(page.head)


@bug(
    "split-loses-tail-refs",
    "assertion",
    summary="a split gives tails the references of their maps only; those of who holds them stay with the head",
    reached="split a huge page while a page but its first is referred to, if only by who splits it",
    until="3.2",
    because=_NOTED,
)
class SplitLosesTailRefs(CompoundPages):
    """__split_huge_page_refcount() that leaves what tails had where it is counted last."""

    def split_tail_refs(self, head: Folio, tail: Page) -> int:
        """Maps, and the splitter's own."""
        tail._refcount = self.folio_mapcount(head) + 1
        return 0


@bug(
    "split-doubles-tail-refs",
    "identity",
    summary="a split gives tails the references of who holds them, and leaves them on the head as well",
    reached="split a huge page while a page but its first is referred to, if only by who splits it",
    until="3.2",
    because=_NOTED,
)
class SplitDoublesTailRefs(CompoundPages):
    """__split_huge_page_refcount() without the subtraction."""

    def sub_head_refs(self, head: Folio, refs: int) -> None:
        """Nothing."""


@bug(
    "compound-without-destructor",
    "frames",
    summary="the last put of a compound page frees it as a single page: its destructor is not called",
    reached="drop the last reference of a huge page",
    until="3.2",
    because="the destructor is a field of the second page until v4.4; later kernels are asked by free-wrong-order",
)
class CompoundWithoutDestructor(CompoundPages):
    """__put_compound_page() that does what __put_single_page() does."""

    def put_compound(self, head: Folio) -> None:
        """One frame."""
        head.order = 0
        head.pages = [head]
        self.put_single(head)


@bug(
    "put-once-per-folio",
    "identity",
    summary="a driver that got several pages of one compound page puts it once",
    reached="get two pages of a huge page under one handle, and put it",
    fix="none: a driver outside the tree, LINBIT/drbd#134, did so with pages that kTLS had put together",
)
class PutOncePerFolio(Kernel):
    """put_page() for each compound page where it is due for each page."""

    def put_pages(self, pages: list[Page | None]) -> None:
        """The first page of each compound page, and every other page."""
        first: dict[int, Page | None] = {}
        for number, page in enumerate(pages):
            key = page.head.pfn if page is not None and page.head.order else -1 - number
            first.setdefault(key, page)
        super().put_pages(list(first.values()))
