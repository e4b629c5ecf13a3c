"""ZONE_DEVICE in other eras: what an idle page counts, and at which count its driver hears of it."""

from __future__ import annotations

from collections.abc import Sequence

from mmfuzz.kernel.device import DevPagemap
from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.mm import Mm
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


class DaxIdleAtOne(Kernel):
    """A page of a file on a device that nothing refers to has one reference (until 38607c62b34b, v6.15)."""

    def dax_base_of(self, kind: str) -> int:
        """One, whatever the device."""
        return 1


class DaxWakesAtOne(Kernel):
    """put_devmap_managed_page(), since v5.18 for files on a device alone."""

    def folio_put(self, folio: Folio, refs: int = 1) -> None:
        """The count that means idle is 1."""
        super().folio_put(folio, refs)
        if folio.pgmap is not None and folio._refcount == self.page_pgmap(folio).base == 1:
            self.dax_idle(folio)


class DaxMapsUncounted(Kernel):
    """A map of such a page is special: it takes neither reference nor mapcount (until 38607c62b34b, v6.15)."""

    def dax_map_get(self, page: Page) -> None:
        """vmf_insert_mixed_mkwrite() takes none."""

    def folio_add_file_rmap_ptes(self, folio: Folio, pages: Sequence[Page], mm: Mm) -> None:
        """Not of what vm_normal_page() does not find."""
        if folio.pgmap is None:
            super().folio_add_file_rmap_ptes(folio, pages, mm)

    def folio_remove_rmap_ptes(self, folio: Folio, pages: Sequence[Page], mm: Mm) -> None:
        """The same on the way out; device-private entries are counted in every era."""
        if folio.pgmap is None or self.page_pgmap(folio).kind == "private":
            super().folio_remove_rmap_ptes(folio, pages, mm)

    def fork_get(self, folio: Folio, refs: int) -> None:
        """A child's map takes none."""
        if folio.pgmap is None or self.page_pgmap(folio).kind == "private":
            super().fork_get(folio, refs)

    def zap_put(self, folio: Folio, refs: int) -> None:
        """So there is none to drop."""
        if folio.pgmap is None:
            super().zap_put(folio, refs)


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
