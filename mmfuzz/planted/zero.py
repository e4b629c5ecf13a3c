"""Planted bugs about pins of the shared zero page."""

from __future__ import annotations

from mmfuzz.kernel.eras.pins import ZeroPageCounted
from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.mm import Mm, Vma
from mmfuzz.kernel.page import Page
from mmfuzz.planted.catalogue import bug

_REPLACED = "from v6.2 on a long-term pin replaces the zero page first; before v5.7 there are no pins"


@bug(
    "zero-page-unpinnable",
    "refusal",
    summary="the zero page counts as unpinnable: a long-term pin tries to move it, for ever or until it gives up",
    reached="pin a page for reading that was never written",
    fix='1c563432588d ("mm: fix is_pinnable_page against a cma page", v5.19), '
    '034e5afad921 ("mm: re-allow pinning of zero pfns", v5.19)',
    since="5.7",
    until="6.1",
    because=_REPLACED,
)
class ZeroPageUnpinnable(Kernel):
    """check_and_migrate_movable_pages() that finds nothing to say for the zero page."""

    def gup(self, mm: Mm, vma: Vma, span: range, *, write: bool, pin: bool) -> tuple[str, list[Page | None]]:
        """Nothing that has the zero page in it."""
        error, taken = super().gup(mm, vma, span, write=write, pin=pin)
        if pin and None in taken:
            self.gup_unwind(taken, pin=pin)
            return "EAGAIN", []
        return error, taken


@bug(
    "zero-page-pin-kept",
    "zero-page",
    summary="a pin of the zero page is never given back, so that its count grows without bound",
    reached="pin a page for reading that was never written, and unpin it",
    fix='873aefb376bb ("vfio/type1: Unpin zero pages", v6.0)',
    since="5.7",
    until="5.19",
    because="from v6.1 on such a pin takes no reference (c8070b787519, v6.5 and 6.1.y); before v5.7 there are no pins",
)
class ZeroPagePinKept(Kernel):
    """put_pfn() that takes the zero page for a reserved one, to which nothing is owed."""

    def drop_zero(self, *, pin: bool) -> None:
        """Only gets are given back."""
        if not pin:
            super().drop_zero(pin=pin)


@bug(
    "zero-page-pin-counted",
    "zero-page",
    summary="a pin of the zero page takes references, as one of any page does",
    reached="pin a page for reading that was never written",
    fix='c8070b787519 ("mm: Don\'t pin ZERO_PAGE in pin_user_pages()", v6.5)',
    since="6.1",
    until="6.1",
    because="before, pins of the zero page were meant to count, and from v6.2 on a long-term pin replaces it first",
)
class ZeroPagePinCounted(ZeroPageCounted):
    """try_grab_folio() without is_zero_folio(), as it was until v6.4."""
