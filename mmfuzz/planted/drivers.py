"""Planted bugs of drivers, which take pages and have to give them back the way they took them."""

from __future__ import annotations

from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.page import Page
from mmfuzz.planted.catalogue import bug

_COUNTED = "before FOLL_PIN was tracked (3faa52c03f44, v5.7) a pin was a reference, and put_page() its end"
_CLASS = (
    'none: the mistakes that the conversions from fc1d8e7cca2d ("mm: introduce put_user_page*(), placeholder '
    'versions", v5.2) on had to avoid, driver by driver'
)


@bug(
    "put-of-a-pin",
    "identity",
    summary="a driver releases what it took by pin_user_pages() with put_page(): off by 1023",
    reached="pin a base page, and unpin it",
    fix=_CLASS,
    since="5.7",
    because=_COUNTED,
)
class PutOfAPin(Kernel):
    """A driver whose release was never converted."""

    def release_range(self, pages: list[Page | None], *, pin: bool) -> None:
        """References back, whatever was taken."""
        super().release_range(pages, pin=False)


@bug(
    "unpin-of-a-get",
    "assertion",
    summary="a driver releases what it took by get_user_pages() with unpin_user_page(): 1023 too many",
    reached="get a base page, and put it",
    fix=_CLASS,
    since="5.7",
    because=_COUNTED,
)
class UnpinOfAGet(Kernel):
    """A driver whose release was converted, and its get_user_pages() was not."""

    def put_pages(self, pages: list[Page | None]) -> None:
        """Pins back, where references were taken; of the zero page there is none to give."""
        for page in pages:
            self.release_range([page], pin=page is not None)
