"""Ways to tell pins from references, and what pins did to the shared zero page.

The designs were weighed in "[PATCH 1/2] mm: introduce put_user_page*(), placeholder versions" (December 2018);
a count inside the refcount was taken (3faa52c03f44, v5.7).
"""

from __future__ import annotations

from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.mm import Mm, Vma
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.observation import TABLE, ZERO


class PlainReferences(Kernel):
    """A pin is a reference like any other: there is nothing to tell it by."""

    def grab_pin(self, page: Page) -> None:
        """get_user_pages() is all there is."""
        self.get_page(page)

    def drop_pin(self, page: Page) -> None:
        """put_user_page() as it was introduced: put_page() by another name (fc1d8e7cca2d, v5.2)."""
        self.put_page(page)

    def maybe_dma_pinned(self, folio: Folio) -> bool:
        """Nobody can say."""
        return False

    def must_unshare(self, page: Page) -> bool:
        """What nobody can see later is not made exclusive either."""
        return False


class PageBit(Kernel):
    """A page flag is set by a pin and cleared by an unpin."""

    def grab_pin(self, page: Page) -> None:
        """A reference, and the flag."""
        self.get_page(page)
        page.dma_pinned = True

    def drop_pin(self, page: Page) -> None:
        """The flag goes, whoever else has pinned the page."""
        page.dma_pinned = False
        self.put_page(page)

    def maybe_dma_pinned(self, folio: Folio) -> bool:
        """Whether the flag of any page is set."""
        return any(page.dma_pinned for page in folio.pages)


class LruField(Kernel):
    """A pin takes the page off the LRU and counts in the words that chained it there.

    What is not on the LRU has no such words to give: a page of a large folio, a page in a batch, and a
    ZONE_DEVICE page, whose `pgmap` is there.
    """

    def grab_pin(self, page: Page) -> None:
        """A reference, and the count."""
        self.get_page(page)
        self.write_lru_words(page)
        page.dma_pinned_count += 1

    def drop_pin(self, page: Page) -> None:
        """The count, and the reference; with its last pin gone the page is back on the LRU."""
        page.dma_pinned_count -= 1
        page.head.lru = not self.maybe_dma_pinned(page.head)
        self.put_page(page)

    def write_lru_words(self, page: Page) -> None:
        """The page leaves the LRU for as long as it is pinned."""
        page.head.lru = False

    def maybe_dma_pinned(self, folio: Folio) -> bool:
        """Whether any page counts a pin."""
        return any(page.dma_pinned_count for page in folio.pages)


class ZeroPagePinned(Kernel):
    """A pin for reading takes the shared zero page as it is (until 84209e87c696, v6.2)."""

    def faultin_page(self, mm: Mm, vma: Vma, page: int, *, write: bool, pin: bool) -> str:
        """Nothing to do for a zero page that is only read."""
        entry = vma.ptes[page] if vma.pmd is TABLE else vma.pmd
        if entry is ZERO and not write:
            return ""
        return super().faultin_page(mm, vma, page, write=write, pin=pin and not self.ends_at_zero(vma, page))

    def ends_at_zero(self, vma: Vma, page: int) -> bool:
        """Whether a read fault would map the zero page."""
        return (vma.ptes[page] if vma.pmd is TABLE else vma.pmd) is None


class ZeroPageCounted(Kernel):
    """A pin of the zero page counts as one of any base page (until c8070b787519, v6.5)."""

    def grab_zero(self, *, pin: bool) -> None:
        """A pin's references, or a get's."""
        if pin:
            self.grab_pin(self.zero_page)
        else:
            super().grab_zero(pin=pin)

    def drop_zero(self, *, pin: bool) -> None:
        """The same back."""
        if pin:
            self.drop_pin(self.zero_page)
        else:
            super().drop_zero(pin=pin)
