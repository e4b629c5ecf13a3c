"""ZONE_DEVICE memory: pages of a device, which no allocator of the kernel owns and no LRU list ever holds.

The words that chain other pages on the LRU hold the `pgmap` of these. Their owner is the driver: it hands them
out, and `page_free()` tells it when nothing refers to one any more.
"""

from __future__ import annotations

from functools import cached_property

from mmfuzz.kernel.memory import Memory
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.profiles import Profile

DAX_PAGES_MAX = 1024
"""Frame numbers that are kept for the pages of a file on a device."""

DEVICE_PAGES = 8
"""Pages of the device whose memory no process can access: enough to run short of."""


class DevPagemap:
    """struct dev_pagemap, and what its driver knows: the pages that it has not handed out."""

    __slots__ = ("base", "free", "kind", "pages", "ref")

    def __init__(self, pages: list[Page], kind: str, base: int) -> None:
        self.pages = pages
        self.kind = kind
        """`private`, `fs` (MEMORY_DEVICE_FS_DAX) or `device` (MEMORY_DEVICE_GENERIC)."""
        self.base = base
        """Refcount of a page that nothing refers to."""
        self.free: dict[Page, None] = dict.fromkeys(reversed(pages))
        """The last one given back is the first one used."""
        self.ref = 0
        """References on the map itself, from get_dev_pagemap() and from pages in use."""


class DeviceMemory(Memory):
    """One device with memory of its own (MEMORY_DEVICE_PRIVATE), in the frames behind the machine's own."""

    device_idle = 0
    """Refcount of a page that the driver has not handed out (ef233450898f, "mm: free device private pages have
    zero refcount", v6.1)."""

    def __init__(self, profile: Profile, frames: int, huge_order: int) -> None:
        super().__init__(profile, frames, huge_order)
        self.device_map: dict[int, Page] = {}
        """The pages of every device, by frame."""
        self.blocks: dict[Page, None] = {}
        """Pages of blocks that a file was given in this step."""
        self.woken: list[Page] = []
        """Pages of files on a device whose waiters were woken in this step: nothing refers to them any more."""
        self.lent: dict[Page, None] = {}
        """Pages that a driver handed out in this step."""
        self.freed_to_device: list[Page] = []
        """Pages that a driver was given back in this step, by page_free(), in order and as often as it was."""

    @cached_property
    def device(self) -> DevPagemap:
        """The device: a machine on which nothing ever moves to one does not pay for it."""
        first = self.buddy.size
        pages = [self.page_type(first + number) for number in range(DEVICE_PAGES)]
        self.device_map.update({page.pfn: page for page in pages})
        return self.memremap_pages(pages)

    def memremap_pages(self, pages: list[Page]) -> DevPagemap:
        """Make pages of a device known."""
        pgmap = DevPagemap(pages, "private", self.device_idle)
        for page in pages:
            page.pgmap = pgmap
            page._refcount = self.device_idle
        return pgmap

    def memremap_dax(self, kind: str, size: int) -> DevPagemap:
        """Make the pages of persistent memory known, for as many blocks as a file may have and some to spare."""
        first = self.buddy.size + DEVICE_PAGES + (0 if kind == "fs" else DAX_PAGES_MAX)
        pages = [self.page_type(first + number) for number in range(size + DEVICE_PAGES)]
        pgmap = DevPagemap(pages, kind, self.dax_base_of(kind))
        for page in pages:
            page.pgmap = pgmap
            page._refcount = pgmap.base
            self.device_map[page.pfn] = page
        return pgmap

    def dax_base_of(self, kind: str) -> int:
        """Refcount of an idle page: none since 38607c62b34b (v6.15), but pages of a device that is a file keep one.

        aed877c2b425 ("device/dax: properly refcount device dax pages when mapping", v6.15).
        """
        return 0 if kind == "fs" else 1

    def page_pgmap(self, folio: Folio) -> DevPagemap:
        """page_pgmap(): of a page of a device, as others have something else in those words."""
        if type(folio.pgmap) is not DevPagemap:
            raise self.vm_bug_on("VM_WARN_ON_ONCE_PAGE(!folio_is_zone_device(page_folio(page)))", folio)
        return folio.pgmap

    def alloc_device_page(self) -> Folio | None:
        """A page of the device for its driver to use; None when it has none left."""
        free = self.device.free
        self.critical("device")
        if not free:
            return None
        page, _ = free.popitem()
        page.content = 0
        self.zone_device_page_init(page)
        self.touched[page] = None
        self.lent[page] = None
        return page

    def zone_device_page_init(self, page: Page) -> None:
        """One reference, the caller's, and one on the map (0dc45ca1ce18, v6.1)."""
        self.page_pgmap(page).ref += 1
        page._refcount = 1

    def free_zone_device_folio(self, folio: Folio) -> None:
        """The last reference of a page of a device is gone: its driver hears of it."""
        if self.page_pgmap(folio).kind != "private":
            self.dax_idle(folio)
            return
        self._check_bad(folio)
        folio.anon_exclusive = False
        folio.mapping = None
        folio.dirty = False
        self.page_free(folio)
        self.put_dev_pagemap(folio)

    def dax_idle(self, folio: Folio) -> None:
        """Whoever waits to truncate a file is woken; the page stays its file's."""
        if self.page_pgmap(folio).kind == "fs":
            self.woken.append(folio)

    def page_free(self, folio: Folio) -> None:
        """The driver's callback: the page may be handed out again."""
        self.critical("device")
        self.page_pgmap(folio).free[folio] = None
        self.freed_to_device.append(folio)

    def put_dev_pagemap(self, folio: Folio) -> None:
        """A page in use no longer refers to its map."""
        self.page_pgmap(folio).ref -= 1
