"""ZONE_DEVICE in other eras: what an idle page counts, and at which count its driver hears of it."""

from __future__ import annotations

from mmfuzz.kernel.device import DevPagemap
from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.page import Folio, Page


class IdleAtOne(Kernel):
    """A page that is not handed out has one reference already, and none on the map (until ef233450898f and
    0dc45ca1ce18, v6.1): the map is referred to by each of its pages for as long as it is there."""

    device_idle = 1

    def memremap_pages(self, pages: list[Page]) -> DevPagemap:
        """percpu_ref_get_many()."""
        pgmap = super().memremap_pages(pages)
        pgmap.ref = len(pages)
        return pgmap

    def zone_device_page_init(self, page: Page) -> None:
        """The reference that it has becomes its user's."""

    def put_dev_pagemap(self, folio: Folio) -> None:
        """The map keeps its references; the page gets back the one that it had."""
        folio._refcount = 1


class FreeAtOne(IdleAtOne):
    """One reference always stays, so that a page is free when its count falls to 1 (until 27674ef6c73f, v5.18).

    07d802699528 ("mm: devmap: refactor 1-based refcounting for ZONE_DEVICE pages", v5.7).
    """

    def zone_device_page_init(self, page: Page) -> None:
        """get_page() by the driver."""
        self.folio_get(page)

    def folio_put(self, folio: Folio, refs: int = 1) -> None:
        """put_devmap_managed_page() comes first."""
        if folio.pgmap is None:
            super().folio_put(folio, refs)
        else:
            self.put_devmap_managed_page(folio, refs)

    def put_devmap_managed_page(self, folio: Folio, refs: int) -> None:
        """The count that means free is 1, and the driver hears of it then."""
        super().folio_put(folio, refs)
        if folio._refcount == 1:
            self.free_zone_device_folio(folio)

    def put_dev_pagemap(self, folio: Folio) -> None:
        """Nothing changes: neither the map's references nor the page's."""

    def device_unmapped_refs(self) -> int:
        """The one that always stays as well."""
        return 2


class CachedStays(Kernel):
    """What is in the swap cache does not go to a device.

    Until df263d9a7dff ("mm/migrate_device: try to handle swapcache pages", v6.6).
    """

    def leaves_swap_cache(self, folio: Folio) -> bool:
        """Only what is not there."""
        return not folio.swapcache
