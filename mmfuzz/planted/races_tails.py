"""Planted races in references on tails: put_page() and get_page() of a tail while its huge page is split.

Each leaves one part out of the protocol of "[PATCH 06 of 66] alter compound get_page/put_page" (November 2010), or
puts a rule back that was too weak. Two of its barriers are not here, as no execution of the models needs them:
the full one before the compound lock, as a lock is not taken before what was read to decide on that; and the one in
front of clearing PageTail, as atomic changes read the newest count in any case.
"""

from __future__ import annotations

from collections.abc import Callable

from mmfuzz.kernel.eras.compound import TailCounts, TailMapcounts
from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.page import Page
from mmfuzz.planted.catalogue import RACE, bug

SPLIT = "put-tail-against-split"
REUSE = "put-tail-against-reuse"
SWAP = "put-tail-against-swap"
_PROTOCOL = (
    "put_page() of a tail has these steps in 918070634448 (v2.6.38), and others since 70b50f94f164 (v3.2)"
)

Enter = Callable[[type[Kernel]], type[Kernel]]


def _race(name: str, property: str, summary: str, *scenarios: str, memory: str = "sc") -> Enter:
    return bug(
        name,
        property,
        summary=summary,
        reached="put a page of a huge page that is not its first, while another thread splits the huge page",
        until="2.6.38",
        because=_PROTOCOL,
        kind=RACE,
        scenarios=scenarios,
        memory=memory,
    )


@_race(
    "put-tail-without-recheck",
    "assertion",
    "put_page() relies on `first_page` of what was a tail before that was read",
    SWAP,
)
class PutTailWithoutRecheck(TailCounts):
    """put_compound_page() that looks at PageTail once: what it reads next may be a swap entry."""

    def is_tail_after_read(self, page: Page) -> bool:
        """It was one."""
        return True


@_race(
    "put-tail-without-first-rmb",
    "assertion",
    "put_page() may look at PageTail the second time before it has read `first_page`",
    SWAP,
    memory="weak",
)
class PutTailWithoutFirstRmb(TailCounts):
    """put_compound_page() without its first smp_rmb()."""

    def rmb_after_first_page(self) -> None:
        """Nothing."""


@_race(
    "put-tail-revives-head",
    "frames",
    "put_page() takes a reference on what was the head of a tail, be it free by now",
    REUSE,
)
class PutTailRevivesHead(TailCounts):
    """put_compound_page() with get_page() in place of get_page_unless_zero()."""

    def hold_head(self, head: Page) -> bool:
        """Whatever the count is."""
        head.ref_add(1)
        return True


@_race(
    "put-tail-locks-what-is-no-head",
    "assertion",
    "put_page() takes the lock bit of what was the head of a tail, be it a page that somebody just got",
    REUSE,
    memory="weak",
)
class PutTailLocksWhatIsNoHead(TailCounts):
    """put_compound_page() that does not look at PageHead before it takes the lock."""

    def may_be_locked(self, head: Page, page: Page) -> bool:
        """Always."""
        return True


@_race(
    "put-tail-without-second-rmb",
    "assertion",
    "put_page() that finds PageHead clear may have looked at PageTail before",
    SPLIT,
    memory="weak",
)
class PutTailWithoutSecondRmb(TailCounts):
    """put_compound_page() without smp_rmb() before VM_BUG_ON(PageTail(page))."""

    def rmb_after_page_head(self) -> None:
        """Nothing."""


@_race(
    "put-tail-without-lock",
    "maps-within-refs",
    "the compound lock keeps nobody away: a put drops the count of a tail while a split moves it",
    SPLIT,
)
class PutTailWithoutLock(TailCounts):
    """compound_lock() that does not wait."""

    def compound_lock(self, page: Page) -> None:
        """Nobody waits."""

    def compound_unlock(self, page: Page) -> None:
        """Nobody is let go on."""


@_race(
    "put-tail-without-recheck-locked",
    "maps-within-refs",
    "put_page() drops the count of a tail that was split while it waited for the lock",
    SPLIT,
)
class PutTailWithoutRecheckLocked(TailCounts):
    """put_compound_page() that does not look at PageTail under the compound lock."""

    def is_still_tail(self, page: Page) -> bool:
        """It was one."""
        return True


@_race(
    "split-without-wmb",
    "assertion",
    "a split lets PageHead be seen clear before PageTail of its last tail is",
    SPLIT,
    memory="weak",
)
class SplitWithoutWmb(TailCounts):
    """__split_huge_page_refcount() without smp_wmb() after PageTail is clear."""

    def wmb_after_page_tail(self) -> None:
        """Nothing."""


GET = "get-tail-against-split"


@bug(
    "get-tail-without-lock",
    "identity",
    summary="get_page() of a tail counts on the tail and then on the head, and a split moves references in between",
    reached="have a driver take another reference on a page of a huge page while another thread splits that",
    fix='70b50f94f164 ("mm: thp: tail page refcounting fix", v3.2)',
    since="3.2",
    until="3.2",
    because="before v3.2 that is the rule, and since v4.5 a tail has no references of its own",
    kind=RACE,
    scenarios=(GET,),
    memory="sc",
)
class GetTailWithoutLock(TailMapcounts):
    """__get_page_tail() by the rule of 2.6.38: without the compound lock, which was safe for get_user_pages() alone."""

    def get_page_tail(self, page: Page) -> bool:
        """The head's count and the tail's, whatever happens to both meanwhile."""
        head = self.head_of_tail(page)
        if head is None or not self.hold_head(head):
            return False
        self.get_huge_page_tail(page)
        return True
