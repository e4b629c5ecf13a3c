"""`struct page` and `struct folio`: the counters and flags, raw, as the kernel stores them.

A folio is its head page; `Folio` is the name to use where only a head may stand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from mmfuzz.kernel.file import File
    from mmfuzz.kernel.mm import AnonVma

ENTIRELY_MAPPED = 0x800000
"""Added to `_nr_pages_mapped` while a PMD maps the folio."""


class Page:
    """One page frame's metadata. It lives as long as the machine; freeing must leave every field at its base."""

    __slots__ = (
        "_entire_mapcount",
        "_large_mapcount",
        "_mapcount",
        "_nr_pages_mapped",
        "_pincount",
        "_refcount",
        "anon_exclusive",
        "compound_lock",
        "content",
        "dirty",
        "dma_pinned",
        "dma_pinned_count",
        "dma_pinned_was_lru",
        "double_map",
        "dtor",
        "first_page",
        "head",
        "index",
        "lru",
        "mapping",
        "mm_id0",
        "mm_id1",
        "mm_ids_lock",
        "mm_maps0",
        "mm_maps1",
        "mm_shared",
        "number",
        "order",
        "pages",
        "partially_mapped",
        "pfn",
        "pgmap",
        "private",
        "swap",
        "swapcache",
        "uptodate",
    )

    def __init__(self, pfn: int) -> None:
        self.pfn = pfn
        self._refcount = 0
        self._mapcount = -1
        self.head: Page = self
        """compound_head(): the folio that the page belongs to."""
        self.first_page: Page | None = None
        """The head of the compound page that the page was last a tail of, until v4.4: it dangles after a split."""
        self.number = 0
        """The page's place in its folio."""
        self.content = 0
        self.anon_exclusive = False
        # Of a head page only:
        self.order = 0
        self.pages: list[Page] = [self]
        self._entire_mapcount = -1
        self._large_mapcount = -1
        self._nr_pages_mapped = 0
        self.double_map = False
        """PG_double_map."""
        self._pincount = 0
        self.dma_pinned = False
        """The flag of the pin schemes `page-bit` and `lru-field`."""
        self.dma_pinned_count = 0
        """The count of `lru-field`, in the words that chain the page on the LRU otherwise."""
        self.dma_pinned_was_lru = False
        self.mm_id0 = 0
        """Slot 0 of the tracked mms, 0 when empty, and below its maps, from 0."""
        self.mm_maps0 = 0
        self.mm_id1 = 0
        self.mm_maps1 = 0
        self.mm_shared = False
        self.mm_ids_lock = False
        """FOLIO_MM_IDS_LOCK_BITNUM: held while the total of maps and the slots change."""
        self.mapping: AnonVma | File | None = None
        """Where reverse mapping looks: a fork family, or the file whose page cache holds the folio."""
        self.index = 0
        """Page number, in its area or in its file, of the folio's first page."""
        self.swap = 0
        """Swap slot of the first page while `swapcache`."""
        self.swapcache = False
        self.lru = False
        self.pgmap: object = None
        """Of a ZONE_DEVICE page, in the words that chain others on the LRU: the DevPagemap that it is of."""
        self.dirty = False
        self.uptodate = True
        """Of what is swapped in: cleared by a read that failed."""
        self.partially_mapped = False
        self.private = False
        """PG_private: the file system keeps something with the folio, and a reference."""
        self.compound_lock = False
        """PG_compound_lock, until v4.4."""
        # Of the second page of a compound page only:
        self.dtor: Callable[[Page], None] | None = None
        """The compound destructor: how the whole is freed."""

    # What is changed in one go. What returns nothing orders nothing; what returns something is a full barrier, but
    # for what compared and changed nothing. Reading a field is READ_ONCE(), writing one WRITE_ONCE().

    def ref_add(self, refs: int) -> None:
        """page_ref_add(), page_ref_sub()."""
        self._refcount += refs

    def ref_add_return(self, refs: int) -> int:
        """atomic_add_return() on the count, of page_ref_sub_and_test() and the like: what it is then."""
        self._refcount += refs
        return self._refcount

    def ref_add_unless_zero(self, refs: int = 1) -> bool:
        """page_ref_add_unless(page, refs, 0): references on what nobody has frozen or freed."""
        if not self._refcount:
            return False
        self._refcount += refs
        return True

    def ref_freeze(self, expected: int) -> bool:
        """page_ref_freeze(): to 0, if it is as expected."""
        if self._refcount != expected:
            return False
        self._refcount = 0
        return True

    def mapcount_add_return(self, maps: int) -> int:
        """atomic_add_return() on `_mapcount`, of atomic_inc_and_test() and atomic_add_negative()."""
        self._mapcount += maps
        return self._mapcount

    def test_and_clear(self, flag: str) -> bool:
        """test_and_clear_bit() on a flag: whether it was set, for one of all who ask."""
        was: bool = getattr(self, flag)
        if was:
            setattr(self, flag, False)
        return was

    def add(self, field: str, value: int) -> None:
        """atomic_add() on a counter of another name."""
        setattr(self, field, getattr(self, field) + value)

    def add_return(self, field: str, value: int) -> int:
        """atomic_add_return() on a counter of another name: what it is then."""
        changed: int = getattr(self, field) + value
        setattr(self, field, changed)
        return changed


Folio: TypeAlias = Page
