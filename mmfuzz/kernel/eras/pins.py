"""Ways to tell pins from references, and what pins did to the shared zero page.

The designs were weighed in "[PATCH 1/2] mm: introduce put_user_page*(), placeholder versions" (December 2018);
a count inside the refcount was taken (3faa52c03f44, v5.7).
"""

from __future__ import annotations

from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.mm import PteEntry, Vma
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.observation import ZERO


class PlainReferences(Kernel):
    """A pin is a reference like any other: there is nothing to tell it by."""

    def grab_pin(self, page: Page) -> None:
        """get_user_pages() is all there is."""
        self.gup_get(page)

    def add_pin(self, folio: Folio) -> None:
        """Nothing more."""

    def gup_put_folio(self, folio: Folio, page: Page, *, pin: bool) -> None:
        """The reference."""
        super().gup_put_folio(folio, page, pin=False)

    def drop_pin(self, page: Page) -> None:
        """put_user_page() as it was introduced: put_page() by another name (fc1d8e7cca2d, v5.2)."""
        self.put_page(page)

    def maybe_dma_pinned(self, folio: Folio) -> bool:
        """Nobody can say."""
        return False

    def must_unshare(self, page: Page) -> bool:
        """What nobody can see later is not made exclusive either."""
        return False

    def must_unshare_file(self) -> bool:
        """Nor copied from its file."""
        return False


class PageBit(Kernel):
    """A page flag is set by a pin, and put_page() clears it when it finds it: nobody has to be converted.

    The flag cannot say whose put it is: "you need a reference count", as the thread has it, "otherwise a random
    put_page could affect your dma-pinned pages".
    """

    def grab_pin(self, page: Page) -> None:
        """A reference, and the flag."""
        self.get_page(page)
        page.head.dma_pinned = True

    def drop_pin(self, page: Page) -> None:
        """A put like any other."""
        self.put_page(page)

    def folio_put(self, folio: Folio, refs: int = 1) -> None:
        """Every put ends what looks like a pin, be it a mapping's, an LRU batch's or another pin's."""
        folio.dma_pinned = False
        super().folio_put(folio, refs)

    def maybe_dma_pinned(self, folio: Folio) -> bool:
        """Whether the flag is set."""
        return folio.dma_pinned


class LruField(Kernel):
    """A pin takes the page off the LRU, and flag and count are in the words that chained it there.

    As in "[PATCH v2 6/6] mm: track gup pages with page->dma_pinned_* fields" (November 2018). A page that is on no
    LRU list gives its words all the same; from then on it stays off every list, and only a page that was on one when
    it was pinned returns. So what waits in a batch is never chained any more: neither by the batch, which finds it
    pinned, nor by the last unpin, which does not know that it was to be. A ZONE_DEVICE page has its `pgmap` there.
    """

    def grab_pin(self, page: Page) -> None:
        """A reference; and pin_page_for_dma(), which does not keep the one that isolation takes."""
        self.get_page(page)
        folio = page.head
        if folio.dma_pinned:
            folio.dma_pinned_count += 1
            return
        if self.folio_isolate_lru(folio):
            folio.dma_pinned_was_lru = True
            self.folio_put(folio)
        self.take_lru_words(folio)
        folio.dma_pinned = True
        folio.dma_pinned_count = 1

    def drop_pin(self, page: Page) -> None:
        """put_user_page(): with its last pin gone the page is chained again, if it was before."""
        folio = page.head
        folio.dma_pinned_count -= 1
        if not folio.dma_pinned_count:
            folio.dma_pinned = False
            if folio.dma_pinned_was_lru:
                folio.dma_pinned_was_lru = False
                self.lruvec_add_folio(folio)
        self.put_page(page)

    def lruvec_add_folio(self, folio: Folio) -> None:
        """Not while its words are taken."""
        if not folio.dma_pinned:
            super().lruvec_add_folio(folio)

    def maybe_dma_pinned(self, folio: Folio) -> bool:
        """Whether the words say so."""
        return folio.dma_pinned


class FilesPinnedForWriting(Kernel):
    """A shared mapping of a file on disk may be pinned for writing (until 8ac268436e6d, v6.5)."""

    def may_write_file_for_long(self, vma: Vma) -> bool:
        """Always."""
        return True


class ZeroPagePinned(Kernel):
    """A pin for reading takes the shared zero page as it is (until 84209e87c696, v6.2)."""

    def will_do(self, vma: Vma, entry: PteEntry, *, write: bool, pin: bool) -> bool:
        """Nothing to do for a zero page that is only read."""
        return (entry is ZERO and not write) or super().will_do(vma, entry, write=write, pin=pin)

    def must_unshare_file(self) -> bool:
        """Nor does it copy a page of a file."""
        return False


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
