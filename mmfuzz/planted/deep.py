"""A bug that is far from the start: what guided search is for."""

from __future__ import annotations

from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.mm import Mm, Vma
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.planted.catalogue import bug


@bug(
    "deep-state",
    "identity",
    summary="swapping in takes a reference too many of a huge folio that is mapped in part, shared and pinned",
    reached="have a huge folio in the swap cache and mapped in part, one of its pages by two processes and one "
    "pinned, and swap another one in",
    since="6.2",
    because="it looks at _nr_pages_mapped, which came with 4b51634cd16a (v6.2)",
)
class DeepState(Kernel):
    """do_swap_page() that is right in every state but one."""

    def swapin_map(
        self, mm: Mm, vma: Vma, first: int, pages: list[Page], *, write: bool, asked: int, exclusive: bool
    ) -> None:
        """Map what was swapped in, in the one state with a reference to spare."""
        if self._is_deep(pages[0].head):
            self.folio_get(pages[0].head)
        super().swapin_map(mm, vma, first, pages, write=write, asked=asked, exclusive=exclusive)

    def _is_deep(self, folio: Folio) -> bool:
        return (
            folio.order == self.huge_order
            and folio.swapcache
            and 0 < folio._nr_pages_mapped < len(folio.pages)
            and folio._pincount > 0
            and any(page._mapcount > 0 for page in folio.pages)
        )
