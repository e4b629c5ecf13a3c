"""Planted bugs of drivers, which have to give pages back the way they took them, and of write-back under them."""

from __future__ import annotations

from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.mm import Vma
from mmfuzz.kernel.page import Folio, Page
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


@bug(
    "file-pinned-for-writing",
    "refusal",
    summary="a long-term pin may write to a shared mapping of a file on disk, which is then written while it changes",
    reached="map a file on disk shared, and pin a page of it for writing",
    fix='8ac268436e6d ("mm/gup: disallow FOLL_LONGTERM GUP-nonfast writing to file-backed mappings", v6.5)',
    since="6.8",
    because="before v6.5 every kernel allowed it",
)
class FilePinnedForWriting(Kernel):
    """check_vma_flags() without writable_file_mapping_allowed()."""

    def may_write_file_for_long(self, vma: Vma) -> bool:
        """Always."""
        return True


@bug(
    "mkwrite-does-not-wait",
    "contents",
    summary="a write fault goes on while its page is on its way to disk, and the disk gets what the write made of it",
    reached="write to a shared mapping of a file on disk, begin to write it back, write again, and end the write-back",
    fix='none: what wait_for_stable_page() is for, see 1d1d1a767206 ("mm: only enforce stable page writes if the '
    'backing device requires it", v3.9)',
    since="6.8",
    because="before 8ac268436e6d (v6.5) pages could change on their way anyhow, by a device",
)
class MkwriteDoesNotWait(Kernel):
    """page_mkwrite() of a file system that only dirties the page."""

    def wait_for_stable_page(self, folio: Folio) -> None:
        """No wait."""
